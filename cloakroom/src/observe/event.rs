use std::fmt;

use crate::key::SessionKey;

/// Something that happened to a session, for certain: the storage has said so.
/// [`SessionStore::with_observer`](crate::SessionStore::with_observer) hears of each.
///
/// `Debug` shows short hashes of the keys only. A key itself is as good as a password: keep it out of logs.
///
/// ```
/// use cloakroom::{SessionEvent, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?.with_observer(|event| match event {
///     SessionEvent::Created { key } => println!("{} begins", key.short_hash()),
///     SessionEvent::KeyChanged { from, to } => println!("{} is now {}", from.short_hash(), to.short_hash()),
///     SessionEvent::Ended { key, reason } => println!("{} has ended: {reason}", key.short_hash()),
///     other => println!("{other:?}"),
/// });
/// let session = store.session(None);
/// session.asave().await?;
/// session.acycle_key().await?;
/// session.aflush().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent<'a> {
    /// A session was stored that was new.
    Created {
        /// Its key.
        key: &'a SessionKey,
    },
    /// A live session was read.
    Loaded {
        /// Its key.
        key: &'a SessionKey,
    },
    /// A session goes by another key from now on.
    KeyChanged {
        /// The key that was.
        from: &'a SessionKey,
        /// The key that is.
        to: &'a SessionKey,
    },
    /// A session is over.
    Ended {
        /// The key it had.
        key: &'a SessionKey,
        /// How it ended, as far as can be seen from here.
        reason: EndReason,
    },
}

/// How a session ended.
///
/// ```
/// use cloakroom::EndReason;
///
/// assert_eq!(EndReason::Flushed.to_string(), "flushed");
/// assert_eq!(EndReason::Interrupted.as_str(), "interrupted");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// It was flushed: a logout, for most.
    Flushed,
    /// It was deleted by its key: by an operator, for example.
    Deleted,
    /// A load found that its time was over. Until a clean-up removes it, each load finds it again.
    Expired,
    /// A load found that it has lived for `SESSION_ABSOLUTE_AGE`; each load finds it again, likewise.
    AbsoluteAge,
    /// A save found it gone: somebody else has ended it, perhaps Django, since it was loaded.
    Interrupted,
}

impl EndReason {
    /// The reason in a word, as metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flushed => "flushed",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::AbsoluteAge => "absolute_age",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
