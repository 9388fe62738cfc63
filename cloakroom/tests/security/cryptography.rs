//! S17 to S20: signatures.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom::storage::{MemoryStorage, New, Storage};
use cloakroom::wire::signing::{DUMPS_SALT, SecretKey, TimestampSigner};
use cloakroom::wire::stored::{self, DecodeError, SESSION_SALT, SIGNED_COOKIES_SALT};
use cloakroom::wire::zlib::MAX_PAYLOAD;
use cloakroom::{SessionKey, SessionSerializer, SessionStore, Settings, Timestamp};

use crate::visits::{name, set, set_to, visit};
use crate::{later, read, settings, signed, signing};

fn signer(secret: &str, salt: &str) -> TimestampSigner {
    TimestampSigner::with_secret(&SecretKey::new(secret).unwrap(), &[], salt)
}

fn sign(json: &str, secret: &str, salt: &str) -> String {
    stored::encode(json, &signer(secret, salt), Timestamp::from_seconds(super::START).unwrap())
}

/// The same text with another character at a place.
fn with_another_at(text: &str, at: usize) -> String {
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// Counts what it is given to read.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl SessionSerializer for Counting {
    fn dumps(&self, json: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(json.into())
    }

    fn loads(&self, data: &[u8]) -> Result<String, Box<dyn Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(String::from_utf8(data.to_vec())?)
    }
}

/// Two stores of one secret: cookies and rows.
fn stores(settings: &Settings) -> [(SessionStore, &'static str); 2] {
    let rows = later(&SessionStore::db(MemoryStorage::new(), settings.clone()).unwrap(), 0);
    [(signing(settings.clone()), SIGNED_COOKIES_SALT), (rows, SESSION_SALT)]
}

#[tokio::test]
async fn s17_the_mac_is_checked_before_anything_is_parsed_or_decompressed() {
    // Packed, it unpacks to more than is ever unpacked: whoever tries finds out, and says so.
    let bomb = format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_PAYLOAD));
    let counting = Counting::default();
    let parsed = || counting.0.load(Ordering::Relaxed);
    let with_counter = settings().register_serializer("site.Counting", counting.clone());
    for (store, salt) in stores(&with_counter.session_serializer("site.Counting")) {
        let genuine = sign(&bomb, "a secret", salt);
        assert!(genuine.starts_with('.') && genuine.len() < 50_000, "packed");
        assert_eq!(store.decode(&genuine).unwrap_err(), DecodeError::TooLarge { limit: MAX_PAYLOAD });
        let [payload, time, _] = genuine.split(':').collect::<Vec<_>>().try_into().unwrap();
        let tampered = [
            with_another_at(&genuine, genuine.len() - 5),
            with_another_at(&genuine, payload.len() / 2),
            with_another_at(&genuine, payload.len() + 2),
            sign(&bomb, "another secret", salt),
            format!("{payload}:{time}:"),
            format!("{payload}:{time}"),
            format!("{payload}:{time}:{}", "A".repeat(43)),
            payload.to_owned(),
            genuine[..genuine.len() - 1].to_owned(),
            genuine.clone() + "A",
        ];
        for forged in tampered {
            assert_eq!(store.decode(&forged).unwrap_err(), DecodeError::BadSignature);
            assert_eq!(read(&store, &forged, "a").await, None);
        }
        // What is no base64, no zlib, no JSON and no time is not looked into either.
        for forged in [".AAAA:1:x", "!!!:1:x", "", ":::", "e30:*:x", "{}"] {
            assert_eq!(store.decode(forged).unwrap_err(), DecodeError::BadSignature, "{forged}");
        }
        assert_eq!(parsed(), 0, "a serializer was given what nobody signed");
        assert!(store.decode(&sign("{}", "a secret", salt)).unwrap().is_empty());
        assert_eq!(parsed(), 1);
        counting.0.store(0, Ordering::Relaxed);
    }
    // A request with such a cookie is answered as one without a session.
    let store = signing(settings());
    let forged = with_another_at(&signed(&store, "name", "Ada").await, 5);
    let response = visit(&store, Some(&forged), |session| async move {
        assert!(session.akeys().await?.is_empty());
        Ok(())
    });
    assert_eq!(set_to(&response.await).as_deref(), Some(""));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Nobody measures the time here: this holds that the code has no comparison of signatures but `subtle`'s.
#[test]
fn s17_the_code_compares_signatures_by_subtle_alone() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let signer = std::fs::read_to_string(source.join("wire/signing/signer.rs")).unwrap();
    assert_eq!(signer.matches("signature_of(key, value)[..].ct_eq(signature)").count(), 1);
    let mut files = Vec::new();
    sources(&source, &mut files);
    assert!(files.len() > 100);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let compares = ["==", "!=", ".eq(", ".starts_with(", ".ends_with("].iter().any(|word| line.contains(word));
            let of_signatures = ["signature", "hmac", "digest", "mac."].iter().any(|word| line.contains(word));
            let other_kind = line.contains("digest.len()") || line.contains("signature.len()");
            assert!(!compares || !of_signatures || other_kind, "{}: {line}", file.display());
        }
    }
}

#[tokio::test]
async fn s18_a_signature_is_bound_to_its_purpose() {
    let json = r#"{"name":"Ada"}"#;
    let storage = MemoryStorage::new();
    let rows = SessionStore::db(storage.clone(), settings()).unwrap();
    let own_salt = "django.contrib.sessions.ShopStore";
    let own_rows = SessionStore::db(storage.clone(), settings().session_salt(own_salt)).unwrap();
    // A salt of the site's own is one for rows: cookies have Django's (B-120).
    let cookies = [signing(settings()), signing(settings().session_salt(own_salt))];
    let salts = [SESSION_SALT, SIGNED_COOKIES_SALT, own_salt, DUMPS_SALT, "django.core.signing.TimestampSigner", ""];
    for salt in salts {
        let text = sign(json, "a secret", salt);
        for store in &cookies {
            let opens = read(store, &text, "name").await.is_some();
            assert_eq!(opens, salt == SIGNED_COOKIES_SALT, "{salt} as a cookie");
        }
        let key = SessionKey::generate();
        let inserted = storage.insert(key.as_str(), New::of(text.as_bytes(), Timestamp::MAX)).await.unwrap();
        assert!(matches!(inserted, cloakroom::storage::Insert::Inserted(_)));
        for (store, of_rows) in [(&rows, SESSION_SALT), (&own_rows, own_salt)] {
            assert_eq!(name(store, &key).await.is_some(), salt == of_rows, "{salt} as a row");
            // What is not its own is not overwritten.
            visit(store, Some(key.as_str()), set).await;
            let kept = storage.read(key.as_str()).await.unwrap().unwrap().data;
            assert_eq!(kept == text, salt != of_rows, "{salt} as a row");
            let _ = storage
                .replace(key.as_str(), cloakroom::storage::Expect::Present, New::of(text.as_bytes(), Timestamp::MAX))
                .await
                .unwrap();
        }
    }
    // What the engines themselves write, the one in the place of the other.
    let cookie = signed(&cookies[0], "name", "Ada").await;
    let row = rows.encode(&cookies[0].decode(&cookie).unwrap()).unwrap();
    assert_eq!(read(&cookies[0], &row, "name").await, None);
    assert!(rows.decode(&cookie).is_err() && rows.decode(&row).is_ok());
}

#[tokio::test]
async fn s19_a_cookie_ends_on_the_server() {
    let store = signing(settings().session_cookie_age(100));
    let cookie = signed(&store, "name", "Ada").await;
    for (seconds, live) in [(0, true), (100, true), (101, false), (-100, true)] {
        assert_eq!(read(&later(&store, seconds), &cookie, "name").await.is_some(), live, "after {seconds} s");
    }
    // What the session says of its end can only shorten that (D5).
    for (expiry, end) in [(10, 10), (0, 100), (1_000, 100)] {
        let session = store.session_from_cookie(Some(&cookie));
        session.aset_expiry(expiry).await.unwrap();
        session.asave().await.unwrap();
        let cookie = session.session_key().unwrap().as_str().to_owned();
        assert!(read(&later(&store, end), &cookie, "name").await.is_some(), "set_expiry({expiry})");
        assert!(read(&later(&store, end + 1), &cookie, "name").await.is_none(), "set_expiry({expiry})");
    }
    let session = store.session_from_cookie(Some(&cookie));
    session.aset_expiry(Timestamp::from_seconds(super::START + 10).unwrap()).await.unwrap();
    session.asave().await.unwrap();
    let cookie = session.session_key().unwrap().as_str().to_owned();
    assert!(read(&later(&store, 9), &cookie, "name").await.is_some());
    assert!(read(&later(&store, 10), &cookie, "name").await.is_none());
}

/// Cookies and rows of one site before and after its secrets were rotated.
#[tokio::test]
async fn s20_the_first_key_signs_and_every_fallback_is_accepted() {
    let old = ["the oldest", "the one between", "the last one"];
    let rotated = old
        .iter()
        .rev()
        .fold(Settings::new().secret_key("the new one"), |settings, secret| settings.secret_key_fallback(*secret));
    let only_new = Settings::new().secret_key("the new one");
    for ((store, salt), (new, _)) in stores(&rotated).into_iter().zip(stores(&only_new)) {
        for secret in old.into_iter().chain(["the new one"]) {
            let text = sign(r#"{"name":"Ada"}"#, secret, salt);
            let data = store.decode(&text).unwrap();
            assert_eq!(data.get::<String>("name").unwrap().as_deref(), Some("Ada"), "{secret}");
            assert_eq!(new.decode(&text).is_ok(), secret == "the new one");
            // The first key signs.
            assert!(new.decode(&store.encode(&data).unwrap()).is_ok(), "{secret}");
            for at in [2, text.len() - 50, text.len() - 3] {
                let forged = with_another_at(&text, at);
                assert_eq!(store.decode(&forged).unwrap_err(), DecodeError::BadSignature, "{secret}");
            }
        }
        let foreign = sign(r#"{"name":"Ada"}"#, "nobody's", salt);
        assert_eq!(store.decode(&foreign).unwrap_err(), DecodeError::BadSignature);
    }
    // What was signed with a fallback is signed anew by the next save, in the cookie and in the storage.
    let storage = MemoryStorage::new();
    let rows = |settings: &Settings| SessionStore::db(storage.clone(), settings.clone()).unwrap();
    for secret in old {
        let before = Settings::new().secret_key(secret);
        let cookie = signed(&signing(before.clone()), "name", "Ada").await;
        let response = visit(&signing(rotated.clone()), Some(&cookie), set).await;
        let cookie = set_to(&response).unwrap();
        assert_eq!(read(&signing(only_new.clone()), &cookie, "name").await.as_deref(), Some("Ada"), "{secret}");
        let key = crate::visits::stored(&rows(&before)).await;
        assert_eq!(name(&rows(&rotated), &key).await.as_deref(), Some("Ada"), "{secret}");
        rows(&rotated).session(Some(&key)).asave().await.unwrap();
        assert_eq!(name(&rows(&only_new), &key).await.as_deref(), Some("Ada"), "{secret}");
    }
}
