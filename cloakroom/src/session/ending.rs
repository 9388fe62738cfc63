//! The end of a request: what is saved, and what the browser is told (B-142 to B-153).

use std::sync::Arc;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::Late;
use crate::error::SessionError;
use crate::expiry::Policy;
use crate::key::SessionKey;
use crate::session::lazy::LazySession;
use crate::session::state::{Shared, State};

/// What the response has to say about the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The response depends on the cookie.
    pub(crate) vary: bool,
    pub(crate) cookie: CookieAction,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CookieAction {
    Keep,
    Remove,
    /// Set it; with `Max-Age` in seconds and the moment it ends, unless it ends with the browser.
    Set {
        key: SessionKey,
        life: Option<(i64, Timestamp)>,
    },
}

/// The end of a request, as far as it can be seen without the storage.
pub(crate) enum Closing {
    Done(Answer),
    /// Something has to be written: await `LazySession::close`.
    Work,
}

/// What the request was like.
#[derive(Clone, Copy)]
struct Request<'p> {
    status: u16,
    had_cookie: bool,
    save_every: bool,
    read_only: bool,
    /// The cookie is the session.
    in_cookie: bool,
    /// Where saves at every request are throttled: the policy, its threshold and the moment.
    throttle: Option<(&'p Policy, f64, Timestamp)>,
}

enum Step {
    Answer(Answer),
    SetCookie,
    Save,
}

impl State {
    /// The next step, once nothing is doomed any more.
    #[inline]
    fn next_step(&self, request: &Request<'_>) -> Step {
        let keep = |vary| Step::Answer(Answer { vary, cookie: CookieAction::Keep });
        if self.late == Late::Closed && self.key.is_none() {
            if self.unsaved {
                tracing::warn!(
                    "a late request with the key from before a login changed its session: nothing was saved"
                );
            }
            return keep(self.accessed);
        }
        if self.is_empty() {
            // A flush that only the browser would have to hear of is refused like every other write.
            if request.read_only && request.in_cookie && request.had_cookie && self.flushes > 0 {
                return Step::Save;
            }
            // What cannot be verified is left alone, its cookie too, until something is changed (D14).
            // A service that only reads ends nobody's session, even where it looks in the wrong place.
            let may_remove = request.had_cookie && !request.read_only;
            return if may_remove && (self.modified || !self.unreadable) {
                Step::Answer(Answer { vary: true, cookie: CookieAction::Remove })
            } else {
                keep(self.accessed)
            };
        }
        if request.status >= 500 {
            return if self.cycled { Step::SetCookie } else { keep(self.accessed) };
        }
        if self.modified || request.save_every && !self.is_fresh_enough(request) {
            return if self.saved && !self.unsaved { Step::SetCookie } else { Step::Save };
        }
        keep(self.accessed)
    }

    fn is_fresh_enough(&self, request: &Request<'_>) -> bool {
        request.throttle.is_some_and(|(policy, threshold, now)| self.is_fresh(policy, threshold, now))
    }
}

impl LazySession {
    /// The end of a request, if nothing has to be written.
    pub(crate) fn closing(&self, status: u16, had_cookie: bool) -> Result<Closing, SessionError> {
        let request = self.request(status, had_cookie);
        let step = {
            let mut state = self.shared.state();
            if !state.doomed.is_empty() {
                return Ok(Closing::Work);
            }
            let step = state.next_step(&request);
            if !matches!(step, Step::Save) {
                state.answered = true;
                state.unsaved = false;
            }
            step
        };
        match step {
            Step::Answer(answer) => Ok(Closing::Done(answer)),
            Step::SetCookie => self.cookie().map(Closing::Done),
            Step::Save => Ok(Closing::Work),
        }
    }

    /// The end of a request that has something to write.
    pub(crate) async fn close(&self, status: u16, had_cookie: bool) -> Result<Answer, SessionError> {
        let answer = self.close_unmarked(&self.request(status, had_cookie)).await;
        let mut state = self.shared.state();
        state.answered = true;
        state.unsaved = false;
        answer
    }

    fn request(&self, status: u16, had_cookie: bool) -> Request<'_> {
        let store = &self.shared.store;
        let settings = store.settings();
        // A service that only reads leaves it to the others to prolong lives.
        let save_every = settings.session_save_every_request && !settings.session_read_only;
        let in_cookie = self.shared.cookies().is_some();
        let throttle = store.policy().touch_threshold.filter(|_| save_every);
        let throttle = throttle.map(|threshold| (store.policy(), threshold, store.clock().now()));
        Request { status, had_cookie, save_every, read_only: settings.session_read_only, in_cookie, throttle }
    }

    async fn close_unmarked(&self, request: &Request<'_>) -> Result<Answer, SessionError> {
        let shared: &Arc<Shared> = &self.shared;
        let _io = shared.io.lock().await;
        shared.remove_doomed_while_io_is_held().await?;
        if let Some(answer) = self.answer_without_save(request)? {
            return Ok(answer);
        }
        shared.store.bound_engine().check_writable()?;
        // An untouched session that every request is to save may turn out not to be there (D7).
        shared.load_while_io_is_held().await?;
        if let Some(answer) = self.answer_without_save(request)? {
            return Ok(answer);
        }
        match shared.write_while_io_is_held().await {
            // It was only to say when it began, and has ended: that is nobody's error.
            Err(SessionError::UpdateError) if shared.state().only_begun => {
                let mut state = shared.state();
                state.forget_key();
                state.data = Some(SessionData::new());
                if let Step::Answer(answer) = state.next_step(request) {
                    return Ok(answer);
                }
            }
            Err(SessionError::UpdateError) => return Err(SessionError::SessionInterrupted),
            written => written?,
        }
        self.cookie()
    }

    /// What the browser is told, unless there is something to save first.
    fn answer_without_save(&self, request: &Request<'_>) -> Result<Option<Answer>, SessionError> {
        let step = self.shared.state().next_step(request);
        match step {
            Step::Answer(answer) => Ok(Some(answer)),
            Step::SetCookie => self.cookie().map(Some),
            Step::Save => Ok(None),
        }
    }

    fn cookie(&self) -> Result<Answer, SessionError> {
        let store = &self.shared.store;
        let state = self.shared.state();
        let Some(key) = state.stored_key() else {
            return Ok(Answer { vary: state.accessed, cookie: CookieAction::Keep });
        };
        if state.late == Late::Served {
            // The browser has the new key, or somebody else has the old one.
            return Ok(Answer { vary: true, cookie: CookieAction::Keep });
        }
        let life = state.life(store.policy())?;
        let life = if life.custom.at_browser_close(store.policy()) {
            None
        } else {
            let now = store.clock().now();
            let age = life.age(store.policy(), now);
            let ends = now.checked_add_seconds(age).ok_or(crate::expiry::ExpiryError::OutOfRange)?;
            Some((age as i64, ends))
        };
        Ok(Answer { vary: true, cookie: CookieAction::Set { key, life } })
    }

    /// The request ended without an answer: a panic, or the visitor left.
    pub(crate) fn abandon(&self) {
        self.shared.abandon();
    }
}

#[cfg(test)]
mod tests {
    use crate::{SessionStore, Settings};

    /// An allocator has pieces of up to a kilobyte at hand, and searches for larger ones.
    #[test]
    fn a_save_takes_no_more_than_a_kilobyte() {
        let session = SessionStore::memory(Settings::new()).unwrap().session(None);
        assert!(size_of_val(&session.close(200, false)) <= 1_024);
    }
}
