//! The dictionary, synchronous, asynchronous and blocking, by the facts about Django (B-nn).
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;

use cloakroom::storage::MemoryStorage;
use cloakroom::{
    BlockingSession, ExpiryOptions, Json, LazySession, Session, SessionData, SessionError, SessionKey, SessionStore,
    Settings, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

fn store() -> SessionStore {
    SessionStore::db(MemoryStorage::new(), Settings::new().secret_key("a secret")).unwrap()
}

async fn loaded() -> Session {
    store().session(None).load().await.unwrap()
}

/// Accessed and modified.
fn flags(session: &LazySession) -> (bool, bool) {
    (session.accessed(), session.modified())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
    total: f64,
}

#[tokio::test]
async fn values_of_any_type_come_back() {
    let session = loaded().await;
    let cart = Cart { items: vec!["tea".into(), "crème".into()], total: 12.5 };
    session.set("cart", &cart).unwrap();
    session.set("nothing", &()).unwrap();
    session.asave().await.unwrap();
    assert_eq!(session.get::<Cart>("cart").unwrap().unwrap(), cart);
    assert_eq!(session.item::<Option<u8>>("nothing").unwrap(), None);
    assert_eq!(session.get::<u8>("absent").unwrap(), None);
    assert_eq!(session.get_or("absent", 7).unwrap(), 7);
}

#[tokio::test]
async fn another_type_is_an_error_that_names_the_member_and_loses_nothing() {
    let session = loaded().await;
    session.set("visits", "three").unwrap();
    assert!(matches!(session.get::<u64>("visits"), Err(SessionError::Type { name, .. }) if name == "visits"));
    assert!(session.pop::<u64>("visits").is_err());
    assert!(session.setdefault("visits", &3).is_err());
    assert_eq!(session.item::<String>("visits").unwrap(), "three");
}

#[tokio::test]
async fn what_cannot_be_json_changes_nothing() {
    let session = loaded().await;
    let unfit = BTreeMap::from([(vec![1], 2)]);
    assert!(matches!(session.set("map", &unfit), Err(SessionError::Value { .. })));
    assert!(session.update(&[1, 2]).is_err());
    assert!(!session.modified() && session.keys().is_empty());
}

#[tokio::test]
async fn missing_members_b05_b06_b19_b20() {
    let session = loaded().await;
    assert!(matches!(session.item::<u8>("k"), Err(SessionError::KeyError { .. })));
    assert!(matches!(session.del("k"), Err(SessionError::KeyError { .. })));
    assert_eq!(session.pop::<u8>("k").unwrap(), None);
    assert_eq!(session.pop_or("k", 5).unwrap(), 5);
    assert_eq!(flags(&session), (true, false));
}

#[tokio::test]
async fn what_reads_sets_accessed_and_what_writes_sets_both_b15_to_b24() {
    type Act = fn(&Session);
    let reading: [Act; 8] = [
        |session| drop(session.get::<u8>("a")),
        |session| assert!(session.contains("a") && session.has_key("a")),
        |session| drop(session.keys()),
        |session| drop(session.values()),
        |session| drop(session.items()),
        |session| assert_eq!(session.setdefault("a", &2).unwrap(), 1),
        |session| drop(session.get_expiry_date()),
        |session| assert!(!session.test_cookie_worked()),
    ];
    let writing: [Act; 10] = [
        |session| session.set("a", &1).unwrap(),
        |session| session.del("a").unwrap(),
        |session| assert_eq!(session.pop("a").unwrap(), Some(1)),
        |session| session.update(&json!({})).unwrap(),
        |session| assert_eq!(session.setdefault("b", &2).unwrap(), 2),
        |session| session.clear(),
        |session| session.flush(),
        |session| session.cycle_key(),
        |session| session.set_expiry(5).unwrap(),
        |session| session.set_test_cookie(),
    ];
    let store = store();
    for (acts, expected) in [(&reading[..], (true, false)), (&writing[..], (true, true))] {
        for (at, act) in acts.iter().enumerate() {
            let session = store.session(None).load().await.unwrap();
            session.set("a", &1).unwrap();
            session.asave().await.unwrap();
            let again = store.session(session.session_key().as_ref()).load().await.unwrap();
            assert_eq!(flags(&again), (false, false));
            act(&again);
            assert_eq!(flags(&again), expected, "number {at}");
        }
    }
}

#[tokio::test]
async fn what_does_not_look_at_the_data_is_no_access_b16_b17() {
    let session = store().session(Some(&SessionKey::generate()));
    assert!(session.session_key().is_some());
    assert!(!session.is_empty());
    assert_eq!(session.get_session_cookie_age(), 1_209_600.0);
    let options = ExpiryOptions::new().expiry(90);
    assert_eq!(session.aget_expiry_age_with(&options).await.unwrap(), 90.0);
    assert_eq!(flags(&session), (false, false));
}

#[tokio::test]
async fn the_flags_can_be_set_b29() {
    let session = loaded().await;
    session.set_modified(true);
    session.set_accessed(true);
    assert_eq!(flags(&session), (true, true));
    session.set_modified(false);
    assert!(!session.modified());
}

#[tokio::test]
async fn every_asynchronous_name_does_what_its_twin_does() {
    let store = store();
    let session = store.session(None);
    session.aset("a", &1).await.unwrap();
    session.aset_json("raw", Json::parse("1.50").unwrap()).await.unwrap();
    session.aupdate(&json!({"b": 2, "c": [3]})).await.unwrap();
    assert_eq!(session.aget::<u8>("a").await.unwrap(), Some(1));
    assert_eq!(session.aget_or("z", 9).await.unwrap(), 9);
    assert_eq!(session.aitem::<u8>("b").await.unwrap(), 2);
    assert!(matches!(session.aitem::<u8>("z").await, Err(SessionError::KeyError { .. })));
    assert!(session.ahas_key("c").await.unwrap());
    assert_eq!(session.asetdefault("d", &4).await.unwrap(), 4);
    assert_eq!(session.apop::<u8>("d").await.unwrap(), Some(4));
    assert_eq!(session.apop_or("d", 5).await.unwrap(), 5);
    session.adel("b").await.unwrap();
    assert_eq!(session.akeys().await.unwrap(), ["a", "raw", "c"]);
    let values: Vec<String> = session.avalues().await.unwrap().iter().map(Json::to_string).collect();
    assert_eq!(values, ["1", "1.50", "[3]"]);
    assert_eq!(session.aitems().await.unwrap()[2].0, "c");

    session.aset_test_cookie().await.unwrap();
    assert!(session.atest_cookie_worked().await.unwrap());
    session.adelete_test_cookie().await.unwrap();
    assert!(session.adelete_test_cookie().await.is_err());

    session.aset_expiry(300).await.unwrap();
    assert_eq!(session.aget_expiry_age().await.unwrap(), 300.0);
    assert!(session.aget_expiry_date().await.unwrap() > Timestamp::now());
    assert!(!session.aget_expire_at_browser_close().await.unwrap());

    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    assert!(session.aexists(&key).await.unwrap());
    session.a_cycle_key().await.unwrap();
    assert!(!session.aexists(&key).await.unwrap());
    let second = session.session_key().unwrap();
    session.acycle_key().await.unwrap();
    assert_ne!(session.session_key().unwrap(), second);
    assert_eq!(session.aload().await.unwrap().get::<u8>("a").unwrap(), Some(1));
    assert!(matches!(session.asave_must_create().await, Err(SessionError::CreateError)));

    let first = session.session_key().unwrap();
    session.acreate().await.unwrap();
    assert!(store.exists(&first).await.unwrap(), "what was stored under the old key stays (B-37)");
    session.adelete_key(&first).await.unwrap();
    assert!(!store.exists(&first).await.unwrap());
    session.adelete().await.unwrap();
    assert_eq!(session.aget::<u8>("a").await.unwrap(), Some(1), "data stays in memory (B-42)");
    assert!(matches!(session.asave().await, Err(SessionError::UpdateError)));
    session.aflush().await.unwrap();
    assert!(session.is_empty() && session.session_key().is_none());
    assert_eq!(session.aclear_expired().await.unwrap() + session.a_clear_expired().await.unwrap(), 0);
    assert_eq!(store.aclear_expired().await.unwrap() + store.a_clear_expired().await.unwrap(), 0);
}

#[tokio::test]
async fn a_synchronous_method_never_waits_and_says_what_to_await() {
    let session = loaded().await;
    let key = SessionKey::generate();
    let errors = [
        session.save().unwrap_err(),
        session.create().unwrap_err(),
        session.load().map(drop).unwrap_err(),
        session.exists(&key).map(drop).unwrap_err(),
        session.delete().unwrap_err(),
        session.clear_expired().map(drop).unwrap_err(),
    ];
    for (error, twin) in errors.iter().zip(["asave", "acreate", "aload", "aexists", "adelete", "aclear_expired"]) {
        assert!(error.to_string().contains(&format!("await `{twin}`")), "{error}");
    }
}

#[test]
fn a_blocking_session_does_everything_outside_a_runtime() {
    let store = store();
    let session: BlockingSession = store.blocking_session(None).unwrap();
    session.set("a", &1).unwrap();
    session.set_json("raw", Json::parse("1.50").unwrap()).unwrap();
    session.update(&json!({"b": 2})).unwrap();
    assert_eq!(session.get::<u8>("a").unwrap(), Some(1));
    assert_eq!(session.get_or("z", 9).unwrap(), 9);
    assert_eq!(session.item::<u8>("b").unwrap(), 2);
    assert!(session.has_key("b").unwrap() && session.contains("b").unwrap());
    assert_eq!(session.setdefault("d", &4).unwrap(), 4);
    assert_eq!(session.pop::<u8>("d").unwrap(), Some(4));
    assert_eq!(session.pop_or("d", 5).unwrap(), 5);
    session.del("b").unwrap();
    assert_eq!(session.keys().unwrap(), ["a", "raw"]);
    assert_eq!((session.values().unwrap().len(), session.items().unwrap().len()), (2, 2));
    session.set_test_cookie().unwrap();
    assert!(session.test_cookie_worked().unwrap());
    session.delete_test_cookie().unwrap();
    session.set_expiry(0).unwrap();
    assert!(session.get_expire_at_browser_close().unwrap());
    assert_eq!(session.get_expiry_age().unwrap(), session.get_session_cookie_age());
    let options = ExpiryOptions::new().modification(Timestamp::UNIX_EPOCH).expiry(60);
    assert_eq!(session.get_expiry_age_with(&options).unwrap(), 60.0);
    assert_eq!(session.get_expiry_date_with(&options).unwrap(), Timestamp::from_seconds(60).unwrap());
    assert!(session.get_expiry_date().unwrap() > Timestamp::now());
    session.save().unwrap();
    let key = session.session_key().unwrap();
    assert!(session.exists(&key).unwrap() && session.accessed() && session.modified());
    assert!(matches!(session.save_must_create(), Err(SessionError::CreateError)));
    session.cycle_key().unwrap();
    assert!(!session.exists(&key).unwrap());
    assert_eq!(session.load().unwrap().get::<u8>("a").unwrap(), Some(1));
    let data = session.load().unwrap();
    assert_eq!(session.decode(&session.encode(&data).unwrap()).unwrap(), data);
    session.clear().unwrap();
    session.create().unwrap();
    session.delete_key(&key).unwrap();
    session.delete().unwrap();
    session.flush().unwrap();
    assert!(session.is_empty());
    assert_eq!(session.clear_expired().unwrap(), 0);
    session.set_accessed(false);
    session.set_modified(false);
}

#[tokio::test]
async fn a_blocking_session_inside_a_runtime_is_a_typed_error() {
    let session = store().blocking_session(None).unwrap();
    assert!(matches!(session.get::<u8>("a"), Err(SessionError::InsideRuntime)));
    assert!(matches!(session.save(), Err(SessionError::InsideRuntime)));
}

#[tokio::test]
async fn encode_and_decode_are_each_others_inverse_and_refuse_what_is_not_ours() {
    let store = store();
    let data = SessionData::from_json(r#"{"a":1.0,"é":[true,null]}"#).unwrap();
    let encoded = store.encode(&data).unwrap();
    assert!(encoded.is_ascii());
    assert_eq!(store.decode(&encoded).unwrap(), data);
    assert_eq!(store.session(None).decode(&encoded).unwrap(), data);
    let mut forged = encoded.into_bytes();
    forged[0] ^= 1;
    assert!(store.decode(std::str::from_utf8(&forged).unwrap()).is_err());
}

#[tokio::test]
async fn a_row_that_is_signed_and_no_session_is_an_error_and_stays() {
    use cloakroom::storage::{New, Storage};
    let storage = MemoryStorage::new();
    let store = SessionStore::db(storage.clone(), Settings::new().secret_key("s")).unwrap();
    let secret = cloakroom::wire::SecretKey::new("s").unwrap();
    let signer = cloakroom::wire::TimestampSigner::with_secret(&secret, &[], cloakroom::wire::stored::SESSION_SALT);
    let list = cloakroom::wire::stored::encode("[1,2]", &signer, Timestamp::now());
    let key = SessionKey::generate();
    let expires = Timestamp::now().checked_add_seconds(60.0).unwrap();
    let _ = storage.insert(key.as_str(), New::of(list.as_bytes(), expires)).await.unwrap();
    let session = store.session(Some(&key));
    assert!(matches!(session.aget::<u8>("k").await, Err(SessionError::NotAnObject(_))));
    assert!(matches!(session.aset("k", &1).await, Err(SessionError::NotAnObject(_))));
    assert_eq!(storage.read(key.as_str()).await.unwrap().unwrap().data, list.as_bytes());
}

#[tokio::test]
async fn a_store_opens_by_its_settings_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:///{}", folder.path().join("new.sqlite3").display());
    let settings = Settings::new().secret_key("s").database_url(url);
    assert!(SessionStore::open(settings.clone()).is_err(), "a missing file is an error");
    let store = SessionStore::open_or_create(settings.clone()).await.unwrap();
    let session = store.session(None);
    session.aset("name", "Ada").await.unwrap();
    session.asave().await.unwrap();
    let again = SessionStore::open(settings.clone()).unwrap().session(session.session_key().as_ref());
    assert_eq!(again.aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));
    let engine = settings.clone().session_engine("memory".parse().unwrap());
    assert_eq!(SessionStore::open(engine).unwrap().engine().as_str(), "memory");
    let cached = settings.clone().session_engine("cached_db".parse().unwrap()).cache_url("locmemcache://");
    assert_eq!(SessionStore::open(cached).unwrap().engine().as_str(), "cached_db");
    // No secret is needed where nothing is signed.
    let cache = Settings::new().session_engine("cache".parse().unwrap()).cache_url("locmemcache://");
    assert_eq!(SessionStore::open(cache.clone()).unwrap().engine().as_str(), "cache");
    assert!(SessionStore::open(cache.cache_url("dummycache://")).is_err(), "a cache that keeps nothing");
}

#[tokio::test]
async fn two_tasks_of_one_request_load_once() {
    use cloakroom::testing::SpyStorage;
    let spy = SpyStorage::new(MemoryStorage::new());
    let store = SessionStore::db(spy.clone(), Settings::new().secret_key("s")).unwrap();
    let session = store.session(Some(&SessionKey::generate()));
    let (one, two) = tokio::join!(session.akeys(), session.akeys());
    one.unwrap();
    two.unwrap();
    assert_eq!(spy.calls().read, 1);
}

#[tokio::test]
async fn debug_shows_neither_key_nor_data_nor_secret() {
    let store = SessionStore::db(MemoryStorage::new(), Settings::new().secret_key("hushhush")).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Lovelace").unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    let shown = format!("{session:?} {:?} {store:?} {:?} {key:?}", session.aload().await.unwrap(), store.settings());
    for hidden in ["Lovelace", "hushhush", key.as_str()] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
