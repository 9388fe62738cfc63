//! Session data as the engines `db` and `file` keep it: whatever stands there, forged or rightly signed, is loaded or
//! is an error, and what was loaded is saved and loaded as the same.

use cloakroom::storage::{Insert, MemoryStorage, New, Storage};
use cloakroom::wire::SecretKey;
use cloakroom::wire::TimestampSigner;
use cloakroom::wire::stored::{self, SESSION_SALT};
use cloakroom::{Clock, Engine, SessionStore, Timestamp};

use super::json::look_at;
use super::support::{at_now, block_on, key, now, save_and_load, settings};

pub fn check(data: &[u8]) {
    let secret = SecretKey::new("a secret").expect("a secret");
    let signer = TimestampSigner::with_secret(&secret, &[], SESSION_SALT);
    if let Ok(decoded) = stored::decode(data, &signer) {
        let again = stored::encode(&decoded.json, &signer, now());
        assert_eq!(stored::decode(&again, &signer).map(|again| again.json), Ok(decoded.json));
    }
    block_on(load(data));
    if let Ok(text) = std::str::from_utf8(data) {
        block_on(load(signer.sign(text, now()).as_bytes()));
        block_on(load(stored::encode(text, &signer, now()).as_bytes()));
    }
}

async fn load(row: &[u8]) {
    load_from(Engine::db, row).await;
    #[cfg(feature = "file")]
    load_from(Engine::file, row).await;
}

async fn load_from(engine: impl FnOnce(MemoryStorage) -> Engine, row: &[u8]) {
    let storage = MemoryStorage::with_clock(Clock::new(now));
    let inserted = storage.insert(key().as_str(), New::of(row, Timestamp::MAX)).await;
    assert!(matches!(inserted, Ok(Insert::Inserted(_))));
    let store = at_now(SessionStore::new(engine(storage), settings()).expect("a store"));
    if let Ok(text) = std::str::from_utf8(row)
        && let Ok(data) = store.decode(text)
    {
        look_at(&data);
    }
    if let Ok(session) = store.session(Some(&key())).load().await {
        save_and_load(&store, &session).await;
    }
}
