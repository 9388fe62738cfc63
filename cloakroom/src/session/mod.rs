//! The session: the dictionary that a handler holds.

mod blocking;
mod clearing;
mod clearing_task;
mod dictionary;
mod ending;
mod in_cookie;
mod lazy;
mod limits;
mod loaded;
mod loading;
mod looking;
mod observing;
mod open;
mod plan;
mod removing;
mod saving;
mod state;
mod store;
mod synchronous;
mod turns;

pub use blocking::BlockingSession;
pub use clearing::Clearing;
pub use clearing_task::ClearingTask;
pub use dictionary::{TEST_COOKIE_NAME, TEST_COOKIE_VALUE};
pub(crate) use ending::{Answer, Closing, CookieAction};
pub use lazy::LazySession;
pub use loaded::Session;
pub use looking::{
    Counted, CountedBytes, CountedEnds, Counting, EndedOfUser, InspectedSession, ListedSession, SessionPage,
    UserEnding, WalkProgress,
};
pub use store::SessionStore;
