//! When sessions end: what `set_expiry` takes, and what becomes of it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use cloakroom::storage::MemoryStorage;
use cloakroom::{Clock, Expiry, SessionError, SessionStore, Settings, Timestamp};

#[tokio::test]
async fn expiry_takes_everything_that_tells_a_time() {
    let now = Timestamp::from_seconds(1_800_000_000).unwrap();
    let store =
        SessionStore::memory(Settings::new().time_zone("Europe/Vienna")).unwrap().with_clock(Clock::new(move || now));
    let in_an_hour = now.checked_add_seconds(3_600.0).unwrap();
    let zoned = jiff::Timestamp::from(in_an_hour).in_tz("Asia/Kathmandu").unwrap();
    let naive = jiff::Timestamp::from(in_an_hour).in_tz("Europe/Vienna").unwrap().datetime();
    let expiries: Vec<Expiry> = vec![
        3_600.into(),
        3_600_u32.into(),
        3_600.0.into(),
        Some(3_600).into(),
        Duration::from_secs(3_600).into(),
        jiff::SignedDuration::from_secs(3_600).into(),
        in_an_hour.into(),
        SystemTime::from(in_an_hour).into(),
        jiff::Timestamp::from(in_an_hour).into(),
        zoned.into(),
        naive.into(),
        Expiry::from_iso("2027-01-15T09:00:00Z").unwrap(),
    ];
    for expiry in expiries {
        let session = store.session(None).load().await.unwrap();
        session.set_expiry(expiry.clone()).unwrap();
        assert_eq!(session.get_expiry_date().unwrap(), in_an_hour, "{expiry:?}");
        assert_eq!(session.get_expiry_age().unwrap(), 3_600.0, "{expiry:?}");
        session.set_expiry(None).unwrap();
        assert!(!session.has_key("_session_expiry"));
    }
    let session = store.session(None).load().await.unwrap();
    session.set_expiry(jiff::SignedDuration::ZERO).unwrap();
    assert_eq!(session.get_expiry_age().unwrap(), 0.0);
    assert!(!session.get_expire_at_browser_close().unwrap(), "a duration of zero is a moment (B-60)");
    assert!(session.set_expiry(f64::NAN).is_err() && session.set_expiry(Duration::MAX).is_err());
    assert!(session.set_expiry(u64::MAX).is_err() && session.set_expiry(i64::MIN).is_err());
}

#[tokio::test]
async fn an_expiry_that_cannot_be_read_is_an_error_and_stays() {
    let store = SessionStore::memory(Settings::new()).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.set("_session_expiry", "tomorrow").unwrap();
    assert!(matches!(session.get_expiry_age(), Err(SessionError::Expiry(_))));
    assert!(matches!(session.asave().await, Err(SessionError::Expiry(_))));
    assert_eq!(session.item::<String>("_session_expiry").unwrap(), "tomorrow");
    session.set_expiry(None).unwrap();
    session.asave().await.unwrap();
}

#[tokio::test]
async fn an_idle_expiry_begins_anew_with_each_save_and_a_moment_does_not() {
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let ticking = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_seconds(ticking.load(Ordering::SeqCst)).unwrap());
    let storage = MemoryStorage::with_clock(clock.clone());
    let store = SessionStore::db(storage, Settings::new().secret_key("s")).unwrap().with_clock(clock);
    let pass = |by: i64| seconds.fetch_add(by, Ordering::SeqCst);

    let session = store.session(None).load().await.unwrap();
    session.set_expiry(100).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    for _ in 0..3 {
        pass(60);
        let session = store.session(Some(&key)).load().await.unwrap();
        assert!(session.session_key().is_some(), "it was renewed 60 s ago");
        session.asave().await.unwrap();
    }
    let session = store.session(Some(&key)).load().await.unwrap();
    session.set_expiry(Duration::from_secs(100)).unwrap();
    session.asave().await.unwrap();
    pass(60);
    store.session(Some(&key)).load().await.unwrap().asave().await.unwrap();
    pass(60);
    assert!(store.session(Some(&key)).aload().await.unwrap().is_empty(), "a moment does not move (B-57)");
}
