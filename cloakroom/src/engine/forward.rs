//! What a change of key leaves under the old key for the grace time (`SESSION_CYCLE_KEY_GRACE`): a session of two members
//! that says where the session is now. Django takes it for the session of a stranger.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::content::Content;
use crate::engine::{Found, StoredEngine};
use crate::error::SessionError;
use crate::expiry::EXPIRY;
use crate::key::SessionKey;
use crate::storage::StorageError;

/// The member that holds the new key, or nothing.
const FORWARD: &str = "_session_forward";
/// So many changes of key are followed, one after another. An application may let its visitors name members: a note of
/// their own may point anywhere, also to itself.
pub(crate) const HOPS: usize = 8;

/// Where a session went when its key was changed.
pub(crate) enum Forward {
    To(SessionKey),
    /// Nobody is told: somebody logged in, and the old key may be known to others (session fixation).
    Closed,
}

/// How a session was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Late {
    /// Under its own key.
    #[default]
    No,
    /// Under a key that it had until a little while ago.
    Served,
    /// Not at all: it had that key until somebody logged in.
    Closed,
}

impl Forward {
    #[inline]
    pub(crate) fn of(data: &SessionData) -> Option<Self> {
        // Nobody else's session is taken for one, whatever its members are called.
        if data.len() != 2 || !data.contains(EXPIRY) {
            return None;
        }
        let to: String = data.get(FORWARD).ok()??;
        Some(to.parse().map_or(Self::Closed, Self::To))
    }

    /// The same of what was found; a note that has ended is none.
    #[inline]
    pub(crate) fn found(found: &Found) -> Option<Self> {
        match found {
            Found::Session { data, live: true, .. } => Self::of(data),
            _ => None,
        }
    }
}

impl StoredEngine {
    /// What is to stand under the old key for so many seconds. Its expiry is a member as well, since files keep none.
    pub(crate) fn forward(
        &self,
        to: Option<&SessionKey>,
        now: Timestamp,
        seconds: f64,
    ) -> Result<Content, SessionError> {
        let mut data = SessionData::new();
        data.set(FORWARD, to.map_or("", SessionKey::as_str))?;
        data.set(EXPIRY, &(seconds.ceil() as i64))?;
        self.content(&data, now, now.checked_add_seconds(seconds).unwrap_or(Timestamp::MAX))
    }

    /// Reads what stands under a key, or under the one that took its place a little while ago.
    pub(crate) async fn find_late(&self, key: &SessionKey) -> Result<(Found, Late), SessionError> {
        let found = self.find(key).await?;
        match Forward::found(&found) {
            None => Ok((found, Late::No)),
            Some(forward) => Box::pin(self.follow(forward)).await,
        }
    }

    /// Reads what stands where a note points to.
    pub(crate) async fn follow(&self, mut forward: Forward) -> Result<(Found, Late), SessionError> {
        for _ in 0..HOPS {
            let Forward::To(key) = forward else { return Ok((Found::Nothing, Late::Closed)) };
            let found = self.find(&key).await?;
            match Forward::found(&found) {
                None => return Ok((found, Late::Served)),
                Some(next) => forward = next,
            }
        }
        Ok((Found::Nothing, Late::Closed))
    }

    /// The keys that a session had after this one, as far as they are known.
    pub(super) async fn later_keys(&self, key: &SessionKey) -> Result<Vec<SessionKey>, StorageError> {
        let mut keys: Vec<SessionKey> = Vec::new();
        while keys.len() < HOPS {
            let stored = self.read_kept(keys.last().unwrap_or(key)).await;
            let data = match stored {
                Ok(Some(stored)) => self.terms.format.decode(&stored.data).ok().flatten().map(|decoded| decoded.data),
                Ok(None) | Err(StorageError::Damaged(_)) => None,
                Err(error) => return Err(error),
            };
            match data.as_ref().and_then(Forward::of) {
                Some(Forward::To(next)) => keys.push(next),
                _ => break,
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_change_of_key_left_is_one() {
        let forward = |json: &str| Forward::of(&SessionData::from_json(json).unwrap());
        let key = SessionKey::generate();
        let json = format!(r#"{{"_session_forward":"{}","_session_expiry":10}}"#, key.as_str());
        assert!(matches!(forward(&json), Some(Forward::To(to)) if to == key));
        assert!(matches!(forward(r#"{"_session_forward":"","_session_expiry":10}"#), Some(Forward::Closed)));
        for json in [
            "{}",
            r#"{"_session_forward":"abcdefgh"}"#,
            r#"{"_session_forward":"abcdefgh","cart":1}"#,
            r#"{"_session_forward":"abcdefgh","_session_expiry":10,"cart":1}"#,
            r#"{"_session_forward":7,"_session_expiry":10}"#,
        ] {
            assert!(forward(json).is_none(), "{json}");
        }
    }
}
