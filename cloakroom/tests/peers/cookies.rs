//! Cookies that browsers kept, that never ended, or that did not fit.

use std::collections::BTreeSet;

use cloakroom::{Clock, LazySession, SameSite, SessionKey, SessionStore, Timestamp};

use crate::settings;
use crate::visits::{cookies, flush, ok, set, set_to, visit};

/// Those by which a browser tells one cookie from another, and the flags without which it refuses to touch it.
fn attributes(set_cookie: &str) -> BTreeSet<String> {
    let volatile = |part: &&str| !part.starts_with("expires=") && !part.starts_with("Max-Age=");
    set_cookie.split("; ").skip(1).filter(volatile).map(str::to_owned).collect()
}

#[tokio::test]
async fn p14_a_removal_has_the_attributes_of_the_cookie() {
    for bits in 0..64 {
        let on = |bit: u8| bits >> bit & 1 == 1;
        let mut settings = settings().session_cookie_secure(on(0)).session_cookie_httponly(on(1));
        settings = settings.session_cookie_partitioned(on(0) && on(2));
        if on(3) {
            settings = settings.session_cookie_path("/shop").session_cookie_domain("example.com");
        }
        settings = settings.session_cookie_samesite(match (on(4), on(5)) {
            (false, false) => SameSite::lax(),
            (true, false) => SameSite::strict(),
            (false, true) => SameSite::left_out(),
            (true, true) if on(0) => SameSite::none(),
            (true, true) => SameSite::lax(),
        });
        let engines =
            [SessionStore::memory(settings.clone()).unwrap(), SessionStore::signed_cookies(settings).unwrap()];
        for store in engines {
            let response = visit(&store, None, set).await;
            let given = attributes(cookies(response.headers())[0]);
            let cookie = set_to(&response).unwrap();
            let flushed = |session: LazySession| async move {
                session.load().await?.flush();
                Ok(())
            };
            let read = |session: LazySession| async move { session.akeys().await.map(drop) };
            let unknown = SessionKey::generate();
            let removals = [
                visit(&store, Some(&cookie), flushed).await,
                visit(&store, Some(&cookie), flush).await,
                visit(&store, Some(unknown.as_str()), read).await,
                visit(&store, Some("short"), ok).await,
            ];
            for response in removals {
                let removal = cookies(response.headers())[0];
                assert!(removal.contains("=\"\";") && removal.contains("; Max-Age=0"), "{removal}");
                assert!(removal.contains("; expires=Thu, 01 Jan 1970 00:00:00 GMT"), "{removal}");
                assert_eq!(attributes(removal), given);
            }
        }
    }
}

#[tokio::test]
async fn p18_an_old_cookie_cannot_be_replayed_for_ever() {
    let at = |seconds: i64| Clock::new(move || Timestamp::from_seconds(1_800_000_000 + seconds).unwrap());
    let store = SessionStore::signed_cookies(settings().session_cookie_age(600)).unwrap();
    let cookie = set_to(&visit(&store.clone().with_clock(at(0)), None, set).await).unwrap();
    // It says in the clear when it was signed, and nobody but the site can say otherwise.
    let [payload, time, signature] = cookie.split(':').collect::<Vec<_>>().try_into().unwrap();
    let later = |store: &SessionStore| store.clone().with_clock(at(1_000_000));
    let forged = set_to(&visit(&later(&store), None, set).await).unwrap();
    let late = forged.split(':').nth(1).unwrap();
    assert_ne!(time, late);
    for (seconds, cookie, opens) in [
        (0, cookie.clone(), true),
        (600, cookie.clone(), true),
        (601, cookie.clone(), false),
        (1_000_000, cookie.clone(), false),
        (1_000_000, format!("{payload}:{late}:{signature}"), false),
        (0, format!("{payload}:{signature}"), false),
    ] {
        let seen = |session: LazySession| async move {
            // A cookie that counts is left; one that does not goes, once it was read.
            session.akeys().await.map(drop)
        };
        let response = visit(&store.clone().with_clock(at(seconds)), Some(&cookie), seen).await;
        assert_eq!(set_to(&response).is_none(), opens, "after {seconds} s");
    }
}

/// Text of all printable characters, which packing makes hardly any shorter.
fn dense(length: usize) -> String {
    let keys = (0..length).map(|_| SessionKey::generate());
    let number = |key: SessionKey| u64::from_str_radix(&key.as_str()[..8], 36).unwrap();
    let printable = |key| char::from(b'#' + (number(key) % 90) as u8);
    keys.map(|key| Some(printable(key)).filter(|&printable| printable != '\\').unwrap_or('!')).collect()
}

#[tokio::test]
async fn p19_what_counts_is_the_size_of_the_whole_cookie_as_it_is_sent() {
    let store = SessionStore::signed_cookies(settings()).unwrap();
    let old = set_to(&visit(&store, None, set).await).unwrap();
    // What a check of the data alone would let pass, and would stop.
    let (small, large) = (dense(3_990), "a".repeat(100_000));
    for (text, fits) in [(small, false), (large, true)] {
        let kept = text.clone();
        let grow = move |session: LazySession| {
            let text = text.clone();
            async move { session.aset("text", &text).await }
        };
        let response = visit(&store, Some(&old), grow).await;
        let cookie = set_to(&response);
        assert_eq!((response.status().is_success(), cookie.is_some()), (fits, fits), "{} bytes", kept.len());
        if let Some(cookie) = cookie {
            assert!("sessionid".len() + cookie.len() <= 4_096);
            let session = store.session_from_cookie(Some(&cookie));
            assert_eq!(session.aget::<String>("text").await.unwrap(), Some(kept));
        }
    }
    // However long: never more than that is sent.
    for length in (2_000..4_000).step_by(100) {
        let text = dense(length);
        let grow = move |session: LazySession| {
            let text = text.clone();
            async move { session.aset("text", &text).await }
        };
        let response = visit(&store, Some(&old), grow).await;
        match set_to(&response) {
            Some(cookie) => assert!("sessionid".len() + cookie.len() <= 4_096, "{length}"),
            None => assert_eq!(response.status(), 500, "{length}"),
        }
    }
}
