//! What was done, told on the page that the visitor is led back to.

macro_rules! notices {
    ($($name:ident $id:literal $text:literal,)*) => {
        /// One of a fixed list: the address carries its id only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Notice { $($name),* }

        impl Notice {
            pub(super) fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            pub(super) fn by_id(id: &str) -> Option<Self> {
                match id { $($id => Some(Self::$name),)* _ => None }
            }
        }
    };
}

notices! {
    Set "set" "The member was set.",
    DefaultSet "default-set" "There was no such member: it was set to the default.",
    DefaultKept "default-kept" "There is such a member already: it was kept as it is.",
    Updated "updated" "The members were set.",
    Deleted "deleted" "The member was deleted.",
    Popped "popped" "The member was taken out.",
    Counted "counted" "The visit was counted.",
    Cleared "cleared" "All members were removed. The session key is the same.",
    Flushed "flushed" "The session was ended: its data, its key and its cookie are gone.",
    Cycled "cycled" "The session has a new key. Its data is the same, and the old key is dead.",
    Expiry "expiry" "The session has an expiry of its own.",
    GlobalExpiry "global-expiry" "The session follows the global policy.",
    TestCookieSet "test-cookie-set" "The test cookie was set. If it worked, this page says so.",
    TestCookieDeleted "test-cookie-deleted" "The test cookie was deleted.",
    Saved "saved" "The session was saved.",
    Created "created" "The session was stored under a new key. The old one was left as it is.",
    Stored "stored" "This session is stored, and it was loaded again.",
    NotStored "not-stored" "No session is stored under this key.",
    Removed "removed" "What was stored of the session was removed.",
    Marked "marked" "The session was marked as modified, and saved by that.",
    Swept "swept" "All expired sessions were removed from the storage.",
}

#[cfg(test)]
mod tests {
    use super::Notice;

    #[test]
    fn an_id_leads_to_its_notice_and_nothing_else_does() {
        assert_eq!(Notice::by_id(Notice::Flushed.id()), Some(Notice::Flushed));
        assert_eq!(Notice::by_id("<script>"), None);
    }
}
