//! What concerns caches: pickles and keys.

use cloakroom::storage::{Insert, MemoryStorage, New, Storage};
use cloakroom::{Engine, SessionKey, SessionStore, Settings, Timestamp};

fn name_of(engine: &str, key: &SessionKey) -> String {
    format!("django.contrib.sessions.{engine}{}", key.as_str())
}

/// Those that are nothing but data, of which there is more than there seems.
const BOUNDED: [&str; 2] = ["lists in lists, a million deep", "lists that double"];

/// Pickles that would do harm to whoever runs what they say, or takes what they ask for.
fn hostile_pickles() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |depth: usize| {
        // A dictionary of one list, in which lists stand in lists.
        let mut pickle = b"\x80\x05}\x8c\x01a".to_vec();
        pickle.extend(std::iter::repeat_n(b']', depth));
        pickle.extend(std::iter::repeat_n(b'a', depth - 1));
        pickle.extend(b"s.");
        pickle
    };
    let doubled = {
        // Each list holds the one before it twice: thirty of them stand for a billion elements.
        let mut pickle = b"\x80\x05}\x8c\x01a]".to_vec();
        for level in 0..30_u8 {
            pickle.extend([b'q', level, b'0', b']', b'(', b'h', level, b'h', level, b'e']);
        }
        pickle.extend(b"s.");
        pickle
    };
    vec![
        ("a call of os.system", b"cos\nsystem\n(S'touch /tmp/cloakroom-was-here'\ntR.".to_vec()),
        ("the same in protocol 4", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.".to_vec()),
        ("eval as a value", b"\x80\x04}\x8c\x01a\x8c\x08builtins\x8c\x04eval\x93\x8c\x013\x85Rs.".to_vec()),
        ("an object built from a class", b"\x80\x04}\x8c\x01a\x8c\x0asubprocess\x8c\x05Popen\x93)\x81s.".to_vec()),
        ("an instance of protocol 0", b"(dp0\nVa\n(ios\nsystem\np1\ns.".to_vec()),
        ("a persistent id", b"\x80\x04}\x8c\x01aPid\ns.".to_vec()),
        ("an extension", b"\x80\x04}\x8c\x01a\x82\x01s.".to_vec()),
        ("bytes out of band", b"\x80\x05}\x8c\x01a\x97s.".to_vec()),
        ("lists in lists, a million deep", nested(1_000_000)),
        ("lists that double", doubled),
        ("four gigabytes of text", b"\x80\x05}\x8c\x01aX\xff\xff\xff\xffabc".to_vec()),
        ("eight exabytes of bytes", b"\x80\x05}\x8c\x01a\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc".to_vec()),
        ("a number of two gigabytes", b"\x80\x05}\x8c\x01a\x8b\xff\xff\xff\x7f\x01".to_vec()),
        ("an empty stack", b"\x80\x05s.".to_vec()),
        ("no end", b"\x80\x05}".to_vec()),
    ]
}

#[tokio::test]
async fn s23_a_pickle_is_data_only_and_bounded() {
    for (what, pickle) in hostile_pickles() {
        let storage = MemoryStorage::new();
        let store = SessionStore::new(Engine::cache(storage.clone()), Settings::new()).unwrap();
        let key = SessionKey::generate();
        let name = name_of("cache", &key);
        let inserted = storage.insert(&name, New::of(&pickle, Timestamp::MAX)).await.unwrap();
        assert!(matches!(inserted, Insert::Inserted(_)));
        let session = store.session(Some(&key)).load().await.unwrap();
        if BOUNDED.contains(&what) {
            // It is data, and small as it stands: what is bounded is what it unfolds to.
            assert!(session.get::<serde_json::Value>("a").is_err(), "{what}");
            session.set("mine", &1).unwrap();
            session.asave().await.unwrap();
            let again = store.session(Some(&key)).load().await.unwrap();
            assert!(again.get::<u8>("mine").unwrap() == Some(1) && again.has_key("a"), "{what}");
        } else {
            assert!(session.is_empty() && session.session_key().is_none(), "{what}");
            // Nothing is overwritten: a change goes to a new key.
            session.set("mine", &1).unwrap();
            session.asave().await.unwrap();
            assert_eq!(storage.read(&name).await.unwrap().unwrap().data, pickle, "{what}");
        }
    }
    assert!(!std::path::Path::new("/tmp/cloakroom-was-here").exists());
}

#[tokio::test]
async fn s25_sessions_have_a_prefix_of_their_own_in_a_cache() {
    // Something that an application cached under a visitor's text.
    let storage = MemoryStorage::new();
    let key = SessionKey::generate();
    let foreign = New::of(b"\x80\x05}\x8c\x05admin\x88s.", Timestamp::MAX);
    let _ = storage.insert(key.as_str(), foreign).await.unwrap();
    let engines = [Engine::cache(storage.clone()), Engine::cached_db(MemoryStorage::new(), storage.clone())];
    for engine in engines {
        let prefix = name_of(engine.name().as_str(), &key);
        let store = SessionStore::new(engine, Settings::new().secret_key("a secret")).unwrap();
        let session = store.session(Some(&key)).load().await.unwrap();
        assert!(session.is_empty(), "{prefix}");
        session.set("mine", &1).unwrap();
        session.asave().await.unwrap();
        let own = session.session_key().unwrap();
        let name = name_of(store.engine().as_str(), &own);
        assert!(storage.read(&name).await.unwrap().is_some() && storage.read(own.as_str()).await.unwrap().is_none());
    }
}
