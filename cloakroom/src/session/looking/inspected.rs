//! What is stored of one session.

use std::fmt;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::{Kept, KeptSession};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::session::store::SessionStore;

/// What is stored of one session; [`SessionStore::inspect`](crate::SessionStore::inspect) answers it.
///
/// ```
/// use cloakroom::storage::MemoryStorage;
/// use cloakroom::{InspectedSession, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::db(MemoryStorage::new(), Settings::new().secret_key("a secret"))?;
/// let session = store.session(None);
/// session.aset("visits", &1).await?;
/// session.asave().await?;
/// let key = session.session_key().unwrap();
///
/// let inspected: InspectedSession = store.inspect(&key).await?.unwrap();
/// assert_eq!(inspected.data.to_json(), r#"{"visits":1}"#);
/// assert!(!inspected.has_expired && inspected.bytes > 60);
/// // The first secret verified it.
/// assert_eq!(inspected.verified_by, Some(0));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct InspectedSession {
    /// Its members.
    pub data: SessionData,
    /// How many bytes its storage keeps for it.
    pub bytes: u64,
    /// When it ends; `None` where its storage does not say.
    pub expires: Option<Timestamp>,
    /// Whether it is never loaded again, and only waits to be removed.
    pub has_expired: bool,
    /// When it was signed, to the second; `None` where nothing is signed, and for a moment that no calendar has.
    pub signed_at: Option<Timestamp>,
    /// Which secret verified it: 0 for `SECRET_KEY`, 1 for the first of the fallbacks. `None` where nothing is signed.
    pub verified_by: Option<usize>,
}

impl fmt::Debug for InspectedSession {
    /// Leaves out the members.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectedSession")
            .field("data", &self.data)
            .field("bytes", &self.bytes)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl From<KeptSession> for InspectedSession {
    fn from(kept: KeptSession) -> Self {
        let KeptSession { data, bytes, expires, has_expired, signed_at, secret } = kept;
        let verified_by = signed_at.map(|_| secret);
        let signed_at = signed_at.and_then(|second| i64::try_from(second).ok()).and_then(Timestamp::from_seconds);
        Self { data, bytes, expires, has_expired, signed_at, verified_by }
    }
}

impl SessionStore {
    /// What is stored under a key, live or expired; `None` if nothing is. Of `cached_db` it is what the database holds.
    /// Nothing is changed by looking, and no copy is made in a cache.
    ///
    /// # Errors
    /// The storage did not answer, or what it holds cannot be read: no known secret verifies it, or it is damaged.
    /// With `signed_cookies` nothing is stored: [`StorageError::Unsupported`](crate::storage::StorageError::Unsupported).
    pub async fn inspect(&self, key: &SessionKey) -> Result<Option<InspectedSession>, SessionError> {
        match self.bound_engine().stored()?.look(key).await? {
            Kept::Session(kept) => Ok(Some((*kept).into())),
            Kept::Nothing => Ok(None),
            Kept::Unreadable(error) => Err(error),
        }
    }
}
