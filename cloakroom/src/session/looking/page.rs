//! Pages of sessions.

use std::fmt;

use crate::Timestamp;
use crate::engine::{Kept, Order, StoredEngine};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::session::store::SessionStore;
use crate::storage::{Cursor, StorageError};

/// So many entries are passed over at once where no sessions are among them.
const STRIDE: usize = 1_000;

/// A page of the stored sessions; [`SessionStore::page`](crate::SessionStore::page) answers one.
///
/// ```
/// use cloakroom::SessionPage;
///
/// let page = SessionPage::default();
/// assert!(page.sessions.is_empty() && page.next.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions, live and expired.
    pub sessions: Vec<ListedSession>,
    /// Where the next page begins; `None` after the last one. It holds good in another process, too, and shows no more
    /// of a key than it has to.
    pub next: Option<Cursor>,
}

/// A session on a [`SessionPage`].
///
/// ```
/// use cloakroom::{ListedSession, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// store.session(None).asave().await?;
/// let session: ListedSession = store.page(None, 10).await?.sessions.remove(0);
/// assert_eq!(session.bytes, 2); // {}
/// assert!(session.expires.is_some_and(|end| end > cloakroom::Timestamp::now()));
/// assert!(!format!("{session:?}").contains(session.key.as_str()));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSession {
    /// Its key, as good as a password while the session lives.
    pub key: SessionKey,
    /// How many bytes its storage keeps for it.
    pub bytes: u64,
    /// When it ends; `None` where that cannot be told: the session cannot be read, in the `file` engine, or never ends
    /// by itself, in a cache.
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for ListedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedSession")
            .field("key", &self.key)
            .field("bytes", &self.bytes)
            .field("expires", &self.expires)
            .finish()
    }
}

impl SessionStore {
    /// A page of the stored sessions, of those in the database for `cached_db`, in an order of the storage's own: that
    /// of the keys for most. Entries of a shared cache that are no sessions are passed over. Redis counts in its own
    /// way: there a page has about `limit` sessions, and one may be on two pages while the server makes its tables
    /// smaller.
    ///
    /// ```
    /// use cloakroom::{SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SessionStore::memory(Settings::new())?;
    /// for _ in 0..3 {
    ///     store.session(None).asave().await?;
    /// }
    /// let first = store.page(None, 2).await?;
    /// let second = store.page(first.next.as_ref(), 2).await?;
    /// assert_eq!((first.sessions.len(), second.sessions.len()), (2, 1));
    /// assert!(second.next.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The storage did not answer, or cannot list what it holds
    /// ([`StorageError::Unsupported`](crate::storage::StorageError::Unsupported)): memcached, a Redis Cluster, Django's
    /// file-based cache, signed cookies.
    pub async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<SessionPage, SessionError> {
        let (engine, limit) = (self.bound_engine().stored()?, limit.max(1));
        let (mut found, mut next, mut by_name) = (Vec::new(), after.cloned(), false);
        let mut ask = limit;
        loop {
            let listing = engine.list(next.as_ref(), ask).await?;
            by_name |= listing.order == Order::ByName;
            next = listing.next;
            let nothing = listing.sessions.is_empty();
            found.extend(listing.sessions);
            if found.len() >= limit || next.is_none() {
                break;
            }
            ask = limit - found.len();
            if nothing {
                ask = ask.max(STRIDE);
            }
        }
        if by_name {
            let left_out = found.get(limit).map(|listed| listed.key.clone());
            found.truncate(limit);
            next = position(engine, found.last().map(|listed| &listed.key), left_out, next).await?;
        }
        let mut sessions = Vec::with_capacity(found.len());
        for listed in found {
            let mut expires = listed.expires;
            if engine.must_read_to_tell_the_end()
                && let Kept::Session(kept) = engine.look(&listed.key).await?
            {
                expires = kept.expires;
            }
            sessions.push(ListedSession { key: listed.key, bytes: listed.bytes, expires });
        }
        Ok(SessionPage { sessions, next })
    }
}

/// Where the page after a session begins, in a storage whose cursors are names. The cursor that the storage gives is the
/// whole name of the last entry; people write down what they are shown.
async fn position(
    engine: &StoredEngine,
    last: Option<&SessionKey>,
    left_out: Option<SessionKey>,
    given: Option<Cursor>,
) -> Result<Option<Cursor>, StorageError> {
    let Some(last) = last else { return Ok(given) };
    let following = match left_out {
        Some(key) => Some(key),
        None => first_after(engine, given).await?,
    };
    let Some(following) = following else { return Ok(None) };
    let (last, following) = (engine.name_of(last)?, engine.name_of(&following)?);
    let position = between(&last, &following).unwrap_or(&last);
    Ok(Some(Cursor::new(position)))
}

async fn first_after(engine: &StoredEngine, mut after: Option<Cursor>) -> Result<Option<SessionKey>, StorageError> {
    let mut ask = 1;
    while let Some(from) = after {
        let listing = engine.list(Some(&from), ask).await?;
        if let Some(first) = listing.sessions.into_iter().next() {
            return Ok(Some(first.key));
        }
        (after, ask) = (listing.next, STRIDE);
    }
    Ok(None)
}

/// The shortest beginning of `following` that comes after `last`: the names after it are those from `following` on.
/// Nothing where the two are not in the order of their bytes, as in a database of another collation.
fn between<'f>(last: &str, following: &'f str) -> Option<&'f str> {
    let alike = last.bytes().zip(following.bytes()).take_while(|(one, other)| one == other).count();
    let (one, other) = (last.as_bytes().get(alike)?, following.as_bytes().get(alike)?);
    if one < other { following.get(..=alike) } else { None }
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn a_position_shows_no_more_of_a_key_than_it_has_to() {
        assert_eq!(between("abcdefgh", "abxdefgh"), Some("abx"));
        assert_eq!(between("0bcdefgh", "zbcdefgh"), Some("z"));
        // A key that goes on where the other one ends, and one in another order.
        assert_eq!(between("abcdefgh", "abcdefgh0"), None);
        assert_eq!(between("zbcdefgh", "abcdefgh"), None);
        for (last, following) in [("abcdefgh", "abd00000"), ("a9999999", "aa000000"), ("09zzzzzz", "0a000000")] {
            let position = between(last, following).unwrap();
            assert!(last < position && position < following, "{position}");
        }
    }
}
