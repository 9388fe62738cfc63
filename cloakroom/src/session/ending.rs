//! The end of a request: what is saved, and what the browser is told (B-142 to B-153).

use std::sync::Arc;

use crate::Timestamp;
use crate::error::SessionError;
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
struct Request {
    status: u16,
    had_cookie: bool,
    save_every: bool,
    read_only: bool,
    /// The cookie is the session.
    in_cookie: bool,
}

enum Step {
    Answer(Answer),
    SetCookie,
    Save,
}

impl State {
    /// The next step, once nothing is doomed any more.
    #[inline]
    fn next_step(&self, request: Request) -> Step {
        let keep = |vary| Step::Answer(Answer { vary, cookie: CookieAction::Keep });
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
        if self.modified || request.save_every {
            return if self.saved && !self.unsaved { Step::SetCookie } else { Step::Save };
        }
        keep(self.accessed)
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
            let step = state.next_step(request);
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
        let answer = self.close_unmarked(self.request(status, had_cookie)).await;
        let mut state = self.shared.state();
        state.answered = true;
        state.unsaved = false;
        answer
    }

    fn request(&self, status: u16, had_cookie: bool) -> Request {
        let settings = self.shared.store.settings();
        // A service that only reads leaves it to the others to prolong lives.
        let save_every = settings.session_save_every_request && !settings.session_read_only;
        let in_cookie = self.shared.cookies().is_some();
        Request { status, had_cookie, save_every, read_only: settings.session_read_only, in_cookie }
    }

    async fn close_unmarked(&self, request: Request) -> Result<Answer, SessionError> {
        let shared: &Arc<Shared> = &self.shared;
        let _io = shared.io.lock().await;
        shared.remove_doomed_while_io_is_held().await?;
        let first = shared.state().next_step(request);
        let step = match first {
            Step::Save => {
                shared.store.bound_engine().check_writable()?;
                // An untouched session that every request is to save may turn out not to be there (D7).
                shared.load_while_io_is_held().await?;
                shared.state().next_step(request)
            }
            step => step,
        };
        match step {
            Step::Answer(answer) => return Ok(answer),
            Step::SetCookie => {}
            Step::Save => match shared.write_while_io_is_held().await {
                Err(SessionError::UpdateError) => return Err(SessionError::SessionInterrupted),
                written => written?,
            },
        }
        self.cookie()
    }

    fn cookie(&self) -> Result<Answer, SessionError> {
        let store = &self.shared.store;
        let state = self.shared.state();
        let Some(key) = state.stored_key() else {
            return Ok(Answer { vary: state.accessed, cookie: CookieAction::Keep });
        };
        let custom = state.custom_expiry(store.policy())?;
        let life = if custom.at_browser_close(store.policy()) {
            None
        } else {
            let now = store.clock().now();
            let age = custom.age(store.policy(), now);
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
