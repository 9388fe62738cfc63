//! Looking at the stored sessions from outside, for those who run the site: listing, counting, looking into one, ending
//! all of a user.

mod counted;
mod counting;
mod inspected;
mod page;
mod spread;
mod tally;
mod user_ending;
mod walk;

pub use counted::{Counted, CountedBytes, CountedEnds};
pub use counting::Counting;
pub use inspected::InspectedSession;
pub use page::{ListedSession, SessionPage};
pub use user_ending::{EndedOfUser, UserEnding};
pub use walk::WalkProgress;
