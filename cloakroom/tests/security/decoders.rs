//! S21 to S23: what was not verified is not read, and what is read is bounded.

use cloakroom::storage::{Insert, MemoryStorage, New, Storage};
use cloakroom::wire::pickle::{self, Protocol};
use cloakroom::wire::signing::{SecretKey, TimestampSigner};
use cloakroom::wire::stored::{self, SESSION_SALT, SIGNED_COOKIES_SALT};
use cloakroom::wire::zlib::{self, MAX_PAYLOAD};
use cloakroom::wire::{CacheFormat, base64, json};
use cloakroom::{Engine, SessionKey, SessionStore, Timestamp};

use crate::visits::{set, stored as stored_session, visit};
use crate::{read, settings, signing};

fn name_of(engine: &str, key: &SessionKey) -> String {
    format!("django.contrib.sessions.{engine}{}", key.as_str())
}

async fn put(storage: &impl Storage, name: &str, text: &[u8]) {
    let inserted = storage.insert(name, New::of(text, Timestamp::MAX)).await.unwrap();
    assert!(matches!(inserted, Insert::Inserted(_)));
}

/// A session as some decoder or other would read it that checks nothing.
fn without_a_signature() -> Vec<(&'static str, Vec<u8>)> {
    let json = r#"{"admin":true}"#;
    let signed = |secret: &str, salt: &str| {
        let signer = TimestampSigner::with_secret(&SecretKey::new(secret).unwrap(), &[], salt);
        stored::encode(json, &signer, Timestamp::now())
    };
    let payload = base64::encode(json.as_bytes());
    let packed = base64::encode(&zlib::compress(json.as_bytes()));
    let pickled = |protocol| pickle::from_json(json, protocol).unwrap();
    vec![
        ("JSON", json.into()),
        ("JSON in base64", payload.clone().into()),
        ("JSON in base64, with a time", format!("{payload}:1vpVkT").into()),
        ("JSON in base64, with an empty signature", format!("{payload}:1vpVkT:").into()),
        ("JSON, packed", zlib::compress(json.as_bytes())),
        ("JSON, packed, in base64", format!(".{packed}").into()),
        ("JSON, packed, in base64, with a time", format!(".{packed}:1vpVkT:").into()),
        ("a pickle", pickled(Protocol::Five)),
        ("a pickle of protocol 4", pickled(Protocol::Four)),
        ("a pickle, packed", zlib::compress(&pickled(Protocol::Five))),
        ("a pickle in base64", base64::encode(&pickled(Protocol::Five)).into()),
        ("what another site signed", signed("another secret", SESSION_SALT).into()),
        ("a signed cookie of another site", signed("another secret", SIGNED_COOKIES_SALT).into()),
        ("what was signed for another purpose", signed("a secret", "another purpose").into()),
    ]
}

/// Whether a session is served, and what is set in it is kept from what stands there.
async fn is_refused(store: &SessionStore, key: &SessionKey, what: &str) {
    let session = store.session(Some(key)).load().await.unwrap();
    assert!(session.is_empty() && !session.has_key("admin") && session.session_key().is_none(), "{what}");
    let response = visit(store, Some(key.as_str()), set).await;
    assert_eq!(response.status(), 200, "{what}");
    assert_ne!(crate::visits::key_in(&response), *key, "{what}");
}

#[tokio::test]
async fn s21_a_failed_check_never_falls_back_to_an_unauthenticated_decoder() {
    for (what, text) in without_a_signature() {
        // As a row.
        let (database, cache) = (MemoryStorage::new(), MemoryStorage::new());
        let engines = [Engine::db(database.clone()), Engine::cached_db(database.clone(), cache.clone())];
        let key = SessionKey::generate();
        put(&database, key.as_str(), &text).await;
        for engine in engines {
            let store = SessionStore::new(engine, settings()).unwrap();
            is_refused(&store, &key, what).await;
            if let Ok(text) = str::from_utf8(&text) {
                assert!(store.decode(text).is_err(), "{what}");
            }
        }
        assert_eq!(database.read(key.as_str()).await.unwrap().unwrap().data, text, "{what}: it stays as it is");
        let copy = cache.read(&name_of("cached_db", &key)).await.unwrap();
        // Nothing but a reader's note, which is Python's None.
        assert!(copy.is_none_or(|copy| copy.data.starts_with(b"\x80\x05N.")), "{what} was copied into the cache");
        // As a session file.
        #[cfg(feature = "file")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(format!("sessionid{}", key.as_str()));
            std::fs::write(&path, &text).unwrap();
            let file = settings().session_engine(cloakroom::EngineName::File).session_file_path(folder.path());
            is_refused(&SessionStore::open(file).unwrap(), &key, what).await;
            assert_eq!(std::fs::read(&path).unwrap(), text, "{what}: it stays as it is");
        }
        // As a cookie.
        if let Ok(text) = str::from_utf8(&text) {
            assert_eq!(read(&signing(settings()), text, "admin").await, None, "{what}");
        }
    }
}

/// A cache holds no signatures (B-97): what is not in the one format that it is told to hold is not read in another.
#[tokio::test]
async fn s21_a_cache_reads_its_own_format_and_no_other() {
    let pickled = CacheFormat::pickle(Protocol::Five);
    for (format, own) in [(pickled, "a pickle"), (pickled.zlib(), "a pickle"), (CacheFormat::json(), "JSON")] {
        for (what, text) in without_a_signature() {
            if what.starts_with(own)
                && !what.contains("base64")
                && !(what.contains("packed") && format == CacheFormat::json())
            {
                continue;
            }
            let (database, cache) = (MemoryStorage::new(), MemoryStorage::new());
            let engine = Engine::cache(cache.clone()).with_cache_format(format);
            let store = SessionStore::new(engine, settings()).unwrap();
            let key = SessionKey::generate();
            put(&cache, &name_of("cache", &key), &text).await;
            let what = format!("{what} where {format:?} stands");
            is_refused(&store, &key, &what).await;
            assert_eq!(cache.read(&name_of("cache", &key)).await.unwrap().unwrap().data, text, "{what}");
            // In front of a database it is passed over, and the signed row is read.
            let engine = Engine::cached_db(database, cache.clone()).with_cache_format(format);
            let store = SessionStore::new(engine, settings()).unwrap();
            let key = stored_session(&store).await;
            let replaced = cache.bury(&name_of("cached_db", &key), New::of(&text, Timestamp::MAX)).await;
            replaced.unwrap();
            let session = store.session(Some(&key)).load().await.unwrap();
            assert_eq!(session.keys(), ["name"], "{what}");
        }
    }
}

/// How many members a session has that another could have put there; `None` where it is refused.
async fn members(store: &SessionStore, cookie: &str) -> Option<usize> {
    let session = store.session_from_cookie(Some(cookie)).load().await.ok()?;
    session.session_key()?;
    Some(session.keys().len())
}

/// The same JSON, rightly signed where that is needed: in a cookie, a row, a file, and in caches of every format.
async fn everywhere(json: &str) -> Vec<(&'static str, Option<usize>)> {
    let mut found = Vec::new();
    let signed = |salt| {
        let signer = TimestampSigner::with_secret(&SecretKey::new("a secret").unwrap(), &[], salt);
        stored::encode(json, &signer, Timestamp::from_seconds(crate::START).unwrap())
    };
    found.push(("cookie", members(&signing(settings()), &signed(SIGNED_COOKIES_SALT)).await));
    let (key, storage) = (SessionKey::generate(), MemoryStorage::new());
    let row = signed(SESSION_SALT);
    put(&storage, key.as_str(), row.as_bytes()).await;
    found.push(("row", members(&SessionStore::db(storage, settings()).unwrap(), key.as_str()).await));
    #[cfg(feature = "file")]
    {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(format!("sessionid{}", key.as_str())), &row).unwrap();
        let file = settings().session_engine(cloakroom::EngineName::File).session_file_path(folder.path());
        found.push(("file", members(&SessionStore::open(file).unwrap(), key.as_str()).await));
    }
    let pickled = pickle::from_json(json, Protocol::Five);
    let values = [
        ("JSON in a cache", CacheFormat::json(), json.into()),
        ("packed JSON in a cache", CacheFormat::json().zlib(), zlib::compress(json.as_bytes())),
        ("a pickle in a cache", CacheFormat::default(), pickled.clone().unwrap_or_default()),
        ("a packed pickle in a cache", CacheFormat::default().zlib(), zlib::compress(&pickled.unwrap_or_default())),
    ];
    for (what, format, value) in values {
        for (engine, in_front) in [("cache", false), ("cached_db", true)] {
            let cache = MemoryStorage::new();
            put(&cache, &name_of(engine, &key), &value).await;
            let engine = if in_front { Engine::cached_db(MemoryStorage::new(), cache) } else { Engine::cache(cache) };
            let store = SessionStore::new(engine.with_cache_format(format), settings()).unwrap();
            found.push((what, members(&store, key.as_str()).await));
        }
    }
    found
}

#[tokio::test]
async fn s22_size_is_bounded_in_cookie_row_file_and_cache() {
    let of_size = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - r#"{"a":""}"#.len()));
    for (what, members) in everywhere(&of_size(MAX_PAYLOAD)).await {
        // A packed pickle is a little longer than its JSON.
        assert!(members == Some(1) || what == "a packed pickle in a cache", "{what}");
    }
    for (what, members) in everywhere(&of_size(MAX_PAYLOAD + 1)).await {
        // A pickle has a bound of its own: of 64 MiB as it stands, and of what it unfolds to.
        assert!(members.is_none() || what == "a pickle in a cache", "{what}");
    }
    let cache = MemoryStorage::new();
    let (key, store) = (SessionKey::generate(), SessionStore::new(Engine::cache(cache.clone()), settings()).unwrap());
    let mut large = b"\x80\x05}\x8c\x01aX".to_vec();
    large.extend((pickle::MAX_BYTES as u32).to_le_bytes());
    large.resize(large.len() + pickle::MAX_BYTES, b'x');
    large.extend(b"s.");
    put(&cache, &name_of("cache", &key), &large).await;
    assert_eq!(members(&store, key.as_str()).await, None);
    // A file is not even read that is larger than any session.
    #[cfg(feature = "file")]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("sessionid{}", key.as_str()));
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let file = settings().session_engine(cloakroom::EngineName::File).session_file_path(folder.path());
        assert_eq!(members(&SessionStore::open(file).unwrap(), key.as_str()).await, None);
    }
}

#[tokio::test]
async fn s22_depth_is_bounded_in_cookie_row_file_and_cache() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for (what, members) in everywhere(&nested(json::MAX_DEPTH - 1)).await {
        assert_eq!(members, Some(1), "{what}");
    }
    for depth in [json::MAX_DEPTH, 1_000_000] {
        for (what, members) in everywhere(&nested(depth)).await {
            assert_eq!(members, None, "{what}, {depth} deep");
        }
    }
}

/// They are bounded by the size, and cost what the size costs. Comparing each with each would take many minutes here,
/// reading them takes a second.
#[tokio::test]
async fn s22_many_members_cost_no_more_than_their_size() {
    const MANY: usize = 50_000;
    let distinct: Vec<String> = (0..MANY).map(|at| format!("\"{at}\":0")).collect();
    let same = vec!["\"a\":0"; MANY];
    let began = std::time::Instant::now();
    for (text, expected) in [(distinct.join(","), MANY), (same.join(","), 1)] {
        for (what, members) in everywhere(&format!("{{{text}}}")).await {
            assert_eq!(members, Some(expected), "{what}");
            assert!(began.elapsed() < std::time::Duration::from_secs(120), "{what}");
        }
    }
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
        let store = SessionStore::new(Engine::cache(storage.clone()), settings()).unwrap();
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
