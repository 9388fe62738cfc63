//! Ending all sessions of a user.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::walk::{OnProgress, Walk, WalkProgress};
use crate::data::SessionData;
use crate::engine::{Kept, Listed, StoredEngine};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::observe::EndReason;
use crate::session::store::SessionStore;
use crate::storage::StorageError;

/// Where Django keeps whose session it is.
const USER: &str = "_auth_user_id";
/// How many sessions are read at the same time.
const AT_ONCE: usize = 8;

/// What became of the sessions of a user; [`UserEnding::run`](crate::UserEnding::run) answers it.
///
/// ```
/// use cloakroom::EndedOfUser;
///
/// assert_eq!(EndedOfUser::default().ended, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedOfUser {
    /// How many of the user's sessions were found.
    pub found: u64,
    /// How many of them were ended; none by a dry run.
    pub ended: u64,
    /// How many sessions nobody can read, so that nobody can tell whose they are: no known secret verifies them, or they
    /// are damaged.
    pub unreadable: u64,
    /// How many sessions were looked at.
    pub looked_at: u64,
    /// Whether it came to its end, and was not told to stop.
    pub complete: bool,
}

/// Ends all sessions in which a user is logged in, after a stolen password for example.
/// [`SessionStore::ending_of_user`](crate::SessionStore::ending_of_user) begins it.
///
/// A stored session says whose it is only inside its data, so all of them are read, a page at a time. A login that is
/// made meanwhile may be missed: change the password or lock the account first, which also ends what Django verifies by
/// the login hash. What was ended stays ended however this ends, and it can be done again at any time.
///
/// ```
/// use cloakroom::{SessionStore, Settings, UserEnding};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// for user in ["42", "7", "42"] {
///     let session = store.session(None);
///     session.aset("_auth_user_id", user).await?;
///     session.asave().await?;
/// }
/// let ending: UserEnding = store.ending_of_user("42").at_once(4);
/// assert_eq!(ending.clone().dry_run().run().await?.found, 2);
/// let ended = ending.run().await?;
/// assert_eq!((ended.ended, ended.unreadable, ended.looked_at, ended.complete), (2, 0, 3, true));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is ended until it is told to `run`"]
pub struct UserEnding {
    store: SessionStore,
    user: String,
    at_once: usize,
    dry_run: bool,
    look: Option<OnProgress>,
}

impl SessionStore {
    /// Ends all sessions in which a user is logged in. `user` is the text of the primary key, as Django keeps it.
    pub fn ending_of_user(&self, user: impl Into<String>) -> UserEnding {
        UserEnding { store: self.clone(), user: user.into(), at_once: AT_ONCE, dry_run: false, look: None }
    }
}

impl UserEnding {
    /// How many sessions are read at the same time; 8 unless told.
    pub fn at_once(mut self, sessions: usize) -> Self {
        self.at_once = sessions.max(1);
        self
    }

    /// Finds them and ends none.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Looks at how far it is every few sessions; [`ControlFlow::Break`] ends it there. `look` must be quick.
    pub fn on_progress(mut self, look: impl Fn(&WalkProgress) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.look = Some(Arc::new(look));
        self
    }

    /// Ends them now, each as [`SessionStore::delete`](crate::SessionStore::delete) does.
    ///
    /// # Errors
    /// `SESSION_READ_ONLY` is on; the storage did not answer, or cannot list what it holds, as
    /// [`page`](crate::SessionStore::page) says. What was ended before stays ended.
    pub async fn run(&self) -> Result<EndedOfUser, SessionError> {
        let engine = self.store.bound_engine().stored()?;
        if !self.dry_run {
            self.store.bound_engine().check_writable()?;
        }
        let mut walk = Walk::new(engine, self.look.as_ref());
        let mut done = EndedOfUser::default();
        while let Some(sessions) = walk.next().await? {
            for some in sessions.chunks(self.at_once) {
                let before = done.found;
                let ended = self.look_into(engine, some, &mut done).await;
                // Also where it fails: what was ended is told.
                walk.looked_at(some, done.found - before);
                ended?;
                if walk.is_stopped {
                    break;
                }
            }
        }
        done.looked_at = walk.progress().looked_at;
        done.complete = !walk.is_stopped;
        Ok(done)
    }

    /// All of them at the same time, and waits for all, also where one fails.
    async fn look_into(
        &self,
        engine: &StoredEngine,
        sessions: &[Listed],
        done: &mut EndedOfUser,
    ) -> Result<(), SessionError> {
        let (mut tasks, user) = (JoinSet::new(), Arc::<str>::from(&*self.user));
        for listed in sessions {
            let (store, engine, key) = (self.store.clone(), engine.clone(), listed.key.clone());
            let (user, dry_run) = (Arc::clone(&user), self.dry_run);
            tasks.spawn(async move {
                let found = find(&engine, &key, &user).await?;
                if matches!(found, Found::OfUser) && !dry_run {
                    store.end(&key, EndReason::Deleted).await?;
                }
                Ok(found)
            });
        }
        let mut failed = Ok(());
        while let Some(joined) = tasks.join_next().await {
            match joined.unwrap_or_else(|panicked| Err(StorageError::not_done(panicked).into())) {
                Ok(Found::Other) => {}
                Ok(Found::Unreadable) => done.unreadable += 1,
                Ok(Found::OfUser) => {
                    done.found += 1;
                    done.ended += u64::from(!self.dry_run);
                }
                Err(error) => failed = Err(error),
            }
        }
        failed
    }
}

/// What a look into a session showed.
enum Found {
    OfUser,
    Other,
    Unreadable,
}

async fn find(engine: &StoredEngine, key: &SessionKey, user: &str) -> Result<Found, SessionError> {
    Ok(match engine.look(key).await? {
        Kept::Session(kept) if is_of(&kept.data, user) => Found::OfUser,
        Kept::Session(_) | Kept::Nothing => Found::Other,
        Kept::Unreadable(_) => Found::Unreadable,
    })
}

/// Django keeps the text of the primary key; a number is taken for its text.
fn is_of(data: &SessionData, user: &str) -> bool {
    let Some(member) = data.get_json(USER) else { return false };
    let is_number = member.as_str().starts_with(|first: char| first.is_ascii_digit() || first == '-');
    if is_number { member.as_str() == user } else { member.to::<String>().is_ok_and(|text| text == user) }
}

impl fmt::Debug for UserEnding {
    /// Leaves out whose sessions they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserEnding").field("store", &self.store).field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_the_text_of_the_primary_key() {
        let is_of = |json: &str, user: &str| is_of(&SessionData::from_json(json).unwrap(), user);
        assert!(is_of(r#"{"_auth_user_id":"42"}"#, "42") && is_of(r#"{"_auth_user_id":42}"#, "42"));
        assert!(is_of(r#"{"_auth_user_id":"\u00e9"}"#, "é"));
        for other in [r#"{"_auth_user_id":"420"}"#, r#"{"_auth_user_id":null}"#, r#"{"user":"42"}"#, "{}"] {
            assert!(!is_of(other, "42"), "{other}");
        }
        assert!(!is_of(r#"{"_auth_user_id":"42"}"#, "\"42\"") && !is_of(r#"{"_auth_user_id":null}"#, "null"));
    }
}
