//! A serializer, a salt and a derived key in place of Django's own.
#![allow(missing_docs, clippy::unwrap_used)]

use std::error::Error;

use cloakroom::storage::MemoryStorage;
use cloakroom::wire::SecretKey;
use cloakroom::wire::stored::{DecodeError, SESSION_SALT};
use cloakroom::{DerivedKey, SessionData, SessionError, SessionSerializer, SessionStore, Settings};

/// Bytes backwards; data with `bad` in it is refused.
struct Backwards;

impl SessionSerializer for Backwards {
    fn dumps(&self, json: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        if json.contains("bad") { Err("cannot write that".into()) } else { Ok(json.bytes().rev().collect()) }
    }

    fn loads(&self, data: &[u8]) -> Result<String, Box<dyn Error + Send + Sync>> {
        if data.ends_with(b"{") {
            Ok(String::from_utf8(data.iter().rev().copied().collect())?)
        } else {
            Err("?".into())
        }
    }
}

fn backwards() -> Settings {
    Settings::new()
        .secret_key("s")
        .register_serializer("site.Backwards", Backwards)
        .session_serializer("site.Backwards")
}

#[tokio::test]
async fn a_registered_serializer_writes_and_reads_what_is_stored() {
    let store = SessionStore::db(MemoryStorage::new(), backwards()).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Grüße").unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    assert_eq!(store.session(Some(&key)).load().await.unwrap().get::<String>("name").unwrap().unwrap(), "Grüße");

    session.set("bad", &1).unwrap();
    let refused = session.asave().await.unwrap_err();
    assert!(matches!(&refused, SessionError::Serializer(source) if source.to_string() == "cannot write that"));
    assert!(!store.session(Some(&key)).load().await.unwrap().contains("bad"));
}

#[test]
fn what_another_serializer_wrote_is_unreadable_and_says_so() {
    let json = SessionStore::db(MemoryStorage::new(), Settings::new().secret_key("s")).unwrap();
    let own = SessionStore::db(MemoryStorage::new(), backwards()).unwrap();
    let data = SessionData::from_json(r#"{"a":[1]}"#).unwrap();
    assert_eq!(own.decode(&own.encode(&data).unwrap()).unwrap(), data);
    assert_eq!(own.decode(&json.encode(&data).unwrap()), Err(DecodeError::Serializer));
    assert!(matches!(json.decode(&own.encode(&data).unwrap()), Err(DecodeError::Json(_))));
}

#[test]
fn a_store_needs_only_the_derived_key() {
    let secret = SecretKey::new("the site's secret").unwrap();
    let data = SessionData::from_json(r#"{"a":1}"#).unwrap();
    let open = |settings| SessionStore::db(MemoryStorage::new(), settings);
    for salt in [SESSION_SALT, "django.contrib.sessions.SiteStore"] {
        let site = open(Settings::new().secret_key("the site's secret").session_salt(salt)).unwrap();
        let derived = Settings::new().session_signing_key(DerivedKey::derive(&secret, salt)).session_salt(salt);
        let service = open(derived).unwrap();
        assert_eq!(service.decode(&site.encode(&data).unwrap()).unwrap(), data);
        assert_eq!(site.decode(&service.encode(&data).unwrap()).unwrap(), data);
    }
    // Signed with what was the secret until yesterday.
    let before = open(Settings::new().secret_key("the site's secret")).unwrap();
    let settings = Settings::new()
        .session_signing_key(DerivedKey::derive(&SecretKey::new("new").unwrap(), SESSION_SALT))
        .session_signing_key_fallback(DerivedKey::derive(&secret, SESSION_SALT));
    assert_eq!(open(settings).unwrap().decode(&before.encode(&data).unwrap()).unwrap(), data);
    let other = Settings::new().session_signing_key(DerivedKey::derive(&secret, "another salt"));
    assert_eq!(open(other).unwrap_err().setting(), "SESSION_SIGNING_KEY");
}
