//! Sessions that show when they are half written, or another's.
#![allow(dead_code, unreachable_pub)]

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom::{Session, SessionKey, SessionStore};

/// What a session holds: whose it is, how often it was changed, and a text that follows from both. So one that is made of
/// two, or half written, is told from a whole one.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub who: String,
    pub change: u64,
}

impl Content {
    /// Of somebody new.
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self { who: format!("visitor {}", COUNT.fetch_add(1, Ordering::Relaxed)), change: 0 }
    }

    pub fn changed(&self, change: u64) -> Self {
        Self { who: self.who.clone(), change }
    }

    /// Some text that does not pack well.
    fn text(&self) -> String {
        let mut state = self.who.bytes().fold(self.change + 1, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        let words = (0..20 + self.change % 60).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            format!("{state:x} ")
        });
        words.collect()
    }

    pub fn put(&self, session: &Session) {
        session.set("who", &self.who).unwrap();
        session.set("change", &self.change).unwrap();
        session.set("text", &self.text()).unwrap();
    }

    /// What a session holds, which must be whole; `None` for an empty one.
    pub fn of(session: &Session) -> Option<Self> {
        if session.is_empty() {
            return None;
        }
        let get = |name: &str| session.get::<String>(name).unwrap().unwrap();
        let content = Self { who: get("who"), change: session.get("change").unwrap().unwrap() };
        assert_eq!(get("text"), content.text(), "half a session: {content:?}");
        assert_eq!(session.keys().len(), 3);
        Some(content)
    }

    /// What stands under a key.
    pub async fn under(store: &SessionStore, key: &SessionKey) -> Option<Self> {
        Self::of(&store.session(Some(key)).load().await.unwrap())
    }

    /// Stores it as a new session.
    pub async fn stored(&self, store: &SessionStore) -> SessionKey {
        let session = store.session(None).load().await.unwrap();
        self.put(&session);
        session.asave().await.unwrap();
        session.session_key().unwrap()
    }
}
