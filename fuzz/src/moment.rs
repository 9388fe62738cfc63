//! ISO moments, and what a session says of its own end: a moment or a typed error, and what is kept of a moment is read
//! as the same one.

use cloakroom::{Expiry, Json, Session, SessionStore, Settings};

use super::support::{at_now, block_on, settings};

const MEMBER: &str = "_session_expiry";

fn session(settings: Settings) -> Session {
    let store = at_now(SessionStore::memory(settings).expect("a store"));
    block_on(store.session(None).load()).expect("a new session")
}

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (use_tz, zone) in [(true, "America/Chicago"), (false, "Asia/Kolkata"), (false, "Australia/Lord_Howe")] {
        let make = || session(settings().use_tz(use_tz).time_zone(zone));
        for json in [Json::from_value(text), Json::parse(text)].into_iter().flatten() {
            let session = make();
            session.set_json(MEMBER, json);
            let _ = (session.get_expiry_age(), session.get_expiry_date(), session.get_expire_at_browser_close());
        }
        let Ok(expiry) = Expiry::from_iso(text) else { continue };
        let first = make();
        if first.set_expiry(expiry).is_err() {
            continue;
        }
        let kept: String = first.item(MEMBER).expect("a moment is kept as text");
        let again = make();
        again.set_expiry(Expiry::from_iso(&kept).expect("what is kept is read")).expect("and set");
        assert_eq!(again.get_json(MEMBER), first.get_json(MEMBER));
        assert_eq!(again.get_expiry_date().ok(), first.get_expiry_date().ok());
    }
}
