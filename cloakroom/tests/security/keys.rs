//! S1 to S6: session keys.

use std::collections::HashSet;
use std::pin::Pin;

use cloakroom::{LazySession, SessionError, SessionKey};

use crate::engines::{every_engine, watched};
use crate::settings;
use crate::visits::{Answer, cookies, flush, key_in, name, ok, set_to, stored, visit};

#[test]
fn s01_keys_have_165_random_bits() {
    let keys: HashSet<String> = (0..10_000).map(|_| SessionKey::generate().as_str().to_owned()).collect();
    assert_eq!(keys.len(), 10_000);
    let of_a_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    assert!(keys.iter().all(|key| key.len() == 32 && key.bytes().all(of_a_key)));
    // Each place takes each of the 36 characters.
    for place in 0..32 {
        let seen: HashSet<u8> = keys.iter().map(|key| key.as_bytes()[place]).collect();
        assert_eq!(seen.len(), 36, "place {place}");
    }
}

/// What a handler does.
pub type Path = fn(LazySession) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The ways on which a session comes to be stored.
const PATHS: [Path; 10] = [
    |session| Box::pin(async move { session.aset("a", &1).await }),
    |session| Box::pin(async move { session.aupdate(&serde_json::json!({"a": 1})).await }),
    |session| Box::pin(async move { session.acycle_key().await }),
    |session| Box::pin(async move { session.acreate().await }),
    |session| Box::pin(async move { session.asave_must_create().await }),
    |session| Box::pin(async move { session.asave().await.or(Ok(())) }),
    |session| Box::pin(async move { session.aset_expiry(60).await }),
    |session| {
        Box::pin(async move {
            let session = session.load().await?;
            session.clear();
            session.set("a", &1)
        })
    },
    |session| {
        Box::pin(async move {
            let session = session.load().await?;
            session.flush();
            session.set("a", &1)
        })
    },
    |session| {
        Box::pin(async move {
            let session = session.load().await?;
            session.cycle_key();
            session.set("a", &1)
        })
    },
];

#[tokio::test]
async fn s02_a_key_the_server_did_not_issue_is_never_adopted_on_any_engine() {
    for place in every_engine().await {
        for save_every in [false, true] {
            let store = place.store(settings().session_save_every_request(save_every));
            for (at, path) in PATHS.iter().enumerate() {
                // The attacker's own choice, never issued by anybody.
                let planted = format!("attackerschosenkey0123456789abc{at}");
                let what = format!("path {at} on {}", place.name);
                let response = visit(&store, Some(&planted), *path).await;
                assert!(response.status().is_success(), "{what}");
                assert!(!cookies(response.headers()).iter().any(|cookie| cookie.contains(&planted)), "{what}");
                let planted = planted.parse().unwrap();
                assert!(!store.exists(&planted).await.unwrap(), "{what} adopted the key");
                assert!(store.session(Some(&planted)).aload().await.unwrap().is_empty(), "{what} adopted the key");
            }
        }
    }
}

#[tokio::test]
async fn s03_a_hostile_key_reaches_no_storage_of_any_engine() {
    let hostile = [
        "\0\0\0\0\0\0\0\0",
        "../../../../etc/passwd",
        "'; DROP TABLE django_session; --",
        "AAAAAAAAAAAAAAAA",
        "é€😀é€😀",
        &"a".repeat(100_000),
        &"a".repeat(41),
        "%00%00%00%00%00",
        "a b c d e f g h",
        "\"quoted quoted\"",
        "abcdefg",
        "key\r\nset other 0 0 1",
        "django.contrib.sessions.cacheabcdefgh",
    ];
    for engine in watched() {
        let store = engine.store(settings());
        for value in hostile {
            let session = store.session_from_cookie(Some(value));
            assert!(session.akeys().await.unwrap().is_empty());
            assert!(matches!(session.asave().await, Ok(()) | Err(SessionError::UpdateError)));
            session.aflush().await.unwrap();
            let session = store.session_from_cookie(Some(value));
            session.aload().await.unwrap();
            assert_eq!(session.session_key(), None);
            // What was saved got a key of the server's.
            let calls = engine.take_calls();
            assert!(calls.iter().all(|calls| calls.read == 0), "{} looked for {value:.40?}", engine.name);
            assert!(SessionKey::parse(value).is_err());
        }
    }
}

#[tokio::test]
async fn s04_changing_the_key_makes_the_old_one_dead_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(settings());
        let recorded = |session: LazySession| async move {
            session.load().await?.cycle_key();
            Ok(())
        };
        let key = stored(&store).await;
        let at_once = visit(&store, Some(key.as_str()), |session| async move { session.acycle_key().await }).await;
        let second = key_in(&at_once);
        let third = key_in(&visit(&store, Some(second.as_str()), recorded).await);
        for old in [key, second] {
            assert!(!store.exists(&old).await.unwrap(), "{}", place.name);
            assert!(store.session(Some(&old)).aload().await.unwrap().is_empty(), "{}", place.name);
        }
        assert_eq!(name(&store, &third).await.as_deref(), Some("Ada"), "{}", place.name);
    }
}

#[tokio::test]
async fn s05_an_empty_key_is_never_valid_and_flush_means_no_key() {
    assert!(SessionKey::parse("").is_err());
    for engine in watched() {
        let store = engine.store(settings());
        for empty in ["", "\"\"", "   "] {
            let response = visit(&store, Some(empty), |session| async move { session.akeys().await.map(drop) }).await;
            assert_eq!(set_to(&response).as_deref(), Some(""), "the cookie is removed");
        }
        assert_eq!(engine.total(), 0, "{}", engine.name);
        let key = stored(&store).await;
        let session = store.session(Some(&key));
        session.aflush().await.unwrap();
        assert!(session.session_key().is_none() && !store.exists(&key).await.unwrap(), "{}", engine.name);
        // Nor does it come back with what is set afterwards.
        session.aset("a", &1).await.unwrap();
        session.asave().await.unwrap();
        assert!(session.session_key().is_some_and(|new| new != key), "{}", engine.name);
        assert!(!store.exists(&key).await.unwrap(), "{}", engine.name);
    }
}

#[tokio::test]
async fn s06_no_empty_session_is_stored_by_any_engine() {
    for engine in watched() {
        let store = engine.store(settings().session_save_every_request(true));
        let (live, unknown) = (stored(&store).await, SessionKey::generate());
        engine.take_calls();
        let flush_recorded = |session: LazySession| async move {
            session.load().await?.flush();
            Ok(())
        };
        for cookie in [None, Some(unknown.as_str()), Some("short"), Some("Not-A-Key-At-All"), Some(live.as_str())] {
            // A logout first: afterwards the one that was live is unknown, too.
            visit(&store, cookie, flush).await;
            visit(&store, cookie, ok).await;
            visit(&store, cookie, flush_recorded).await;
        }
        // In front of a database stands a cache that is given leases and markers, which are no sessions.
        let kept = engine.take_calls()[0];
        assert_eq!(kept.insert + kept.replace + kept.rename + kept.touch, 0, "{}: {kept:?}", engine.name);
        for key in [live, unknown] {
            assert!(!store.exists(&key).await.unwrap(), "{}", engine.name);
        }
    }
}
