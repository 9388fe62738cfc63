//! A throw-away session, made, read, changed and ended by both sides in turn.

use cloakroom::storage::file::FileOptions;
use cloakroom::storage::{CacheStorage, DatabaseStorage, FileStorage, Storage as _, StorageError};
use cloakroom::wire::signing::{DecodeError, TimestampSigner};
use cloakroom::wire::stored;
use cloakroom::{Engine, EngineName, Json, LazySession, SessionData, SessionKey, SessionStore, Settings, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::python::Django;
use super::site::Site;
use crate::check::hours;
use crate::database;
use crate::failure::Failure;
use crate::report::Report;

const LIFETIME: i64 = 300;
/// By how much two reckonings of one expiry may be apart.
const TOLERANCE: i64 = 60;
const FIRST: &str = "cloakroom_doctor";
const SECOND: &str = "cloakroom_doctor_change";
/// What Rust and Python like to write differently.
const DELICATE: &str = "[1.0, 1e-07, 123456789012345678901234567890, \"\u{fc}\u{1f600}\", null]";

/// The step that failed, and why.
struct Broken(&'static str, String);

/// Both ways. The sessions are removed whatever happens: here, and by the site when its pipe is closed.
pub(super) fn prove(report: &mut Report, django: &mut Django, site: &Site, settings: &Settings) -> Result<(), Failure> {
    let (kept, store) = match open(settings) {
        Ok(opened) => opened,
        Err(failure) => {
            report.failure("proof", failure);
            return Ok(());
        }
    };
    let ends = !matches!(kept, Kept::Cookies);
    let mut proof = Proof { django, site, settings, kept, store, keys: Vec::new() };
    let told = |maker, other| {
        let ended = if ends { ", changes and ends it" } else { " and changes it" };
        format!("{maker} makes a session; {other} reads{ended}; {maker} sees it")
    };
    let proven = database::wait(async {
        let proven = match proof.made_by_django().await {
            Ok(()) => {
                report.ok("proof", told("Django", "cloakroom"));
                proof.made_by_rust().await
            }
            broken => broken,
        };
        proof.tidy_up().await;
        proven
    })?;
    match proven {
        Ok(()) => report.ok("proof", told("cloakroom", "Django")),
        Err(Broken(step, cause)) => report.failure("proof", Failure::new(format!("{step}: {cause}"))),
    }
    if !ends {
        report.ok(
            "ending",
            "cannot be proven: a copy of a signed cookie stays valid for SESSION_COOKIE_AGE, also after a logout",
        );
    }
    Ok(())
}

fn open(settings: &Settings) -> Result<(Kept, SessionStore), Failure> {
    Ok(match settings.engine_name() {
        EngineName::SignedCookies => (Kept::Cookies, SessionStore::open(settings.clone())?),
        EngineName::File => {
            let storage = FileOptions::for_settings(settings).open()?;
            (Kept::Files(storage.clone()), SessionStore::new(Engine::file(storage), settings.clone())?)
        }
        EngineName::Cache => (Kept::Cache(CacheStorage::open(settings)?), SessionStore::open(settings.clone())?),
        _ => {
            let storage = database::open(settings, false)
                .map_err(|failure| Failure::new(format!("cloakroom cannot open its database: {failure}")))?;
            let kept = if settings.engine_name() == EngineName::CachedDb {
                Kept::Cached(storage.clone(), CacheStorage::open(settings)?)
            } else {
                Kept::Database(storage.clone())
            };
            (kept, SessionStore::in_database(storage, settings.clone())?)
        }
    })
}

/// Where the sessions are.
enum Kept {
    Database(DatabaseStorage),
    Cache(CacheStorage),
    /// The database, and the cache in front of it.
    Cached(DatabaseStorage, CacheStorage),
    Files(FileStorage),
    Cookies,
}

/// What stands there for a session.
struct Entry {
    data: Vec<u8>,
    expires: Option<Timestamp>,
}

impl Kept {
    async fn read(&self, key: &SessionKey) -> Result<Option<Entry>, StorageError> {
        let stored = match self {
            Self::Database(storage) | Self::Cached(storage, _) => storage.read(key.as_str()).await?,
            Self::Cache(storage) => storage.read(&format!("{CACHE_PREFIX}{key}", key = key.as_str())).await?,
            Self::Files(storage) => storage.read(key.as_str()).await?,
            Self::Cookies => return Ok(Some(Entry { data: key.as_str().into(), expires: None })),
        };
        Ok(stored.map(|stored| Entry { data: stored.data.to_vec(), expires: stored.expires }))
    }
}

/// What stands before the key in the cache, below `KEY_PREFIX` and `VERSION` (B-97, B-139).
const CACHE_PREFIX: &str = "django.contrib.sessions.cache";
const CACHED_DB_PREFIX: &str = "django.contrib.sessions.cached_db";

struct Proof<'a> {
    django: &'a mut Django,
    site: &'a Site,
    settings: &'a Settings,
    kept: Kept,
    store: SessionStore,
    keys: Vec<SessionKey>,
}

#[derive(Deserialize)]
struct Made {
    key: String,
    /// Only in a database is there a moment beside the data.
    expires: Option<f64>,
}

#[derive(Deserialize)]
struct Saved {
    key: String,
}

#[derive(Deserialize)]
struct Looked {
    found: bool,
    #[serde(default)]
    members: Value,
    expires: Option<f64>,
    /// Whether the cache in front of the database has a copy.
    copied: Option<bool>,
}

impl Proof<'_> {
    async fn made_by_django(&mut self) -> Result<(), Broken> {
        let step = "Django makes a session";
        let (first, second) = (random(), random());
        let order = json!({ "do": "create", "seconds": LIFETIME, "members": { FIRST: first, "delicate": delicate() } });
        let made: Made = self.ask(step, &order)?;
        let (session, key) = self.session(step, &made.key)?;

        let step = "cloakroom reads Django's session";
        self.look(step, &key, made.expires).await?;
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        if session.aget::<String>(FIRST).await.map_err(failed)?.as_deref() != Some(first.as_str()) {
            return Err(Broken(step, "the member is not the one that Django set".to_owned()));
        }

        let step = "cloakroom changes Django's session";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        session.aset(SECOND, &second).await.map_err(failed)?;
        session.asave().await.map_err(failed)?;
        let Some(key) = session.session_key() else { return Err(Broken(step, "it has no key any more".to_owned())) };

        let step = "Django reads cloakroom's change";
        let looked = self.django_looks(step, &key)?;
        self.same(step, &looked.members, &first, Some(&second))?;

        if matches!(self.kept, Kept::Cookies) {
            return Ok(());
        }
        let step = "cloakroom ends Django's session";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        session.aflush().await.map_err(failed)?;
        let step = "Django sees that cloakroom ended the session";
        let looked: Looked = self.ask(step, &json!({ "do": "look", "key": key.as_str() }))?;
        if looked.found {
            return Err(Broken(step, "it is still there".to_owned()));
        }
        Ok(())
    }

    async fn made_by_rust(&mut self) -> Result<(), Broken> {
        let step = "cloakroom makes a session";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        let (first, second) = (random(), random());
        let session = self.store.session(None);
        session.aset(FIRST, &first).await.map_err(failed)?;
        let delicate = Json::parse(DELICATE).map_err(|error| Broken(step, error.to_string()))?;
        session.aset_json("delicate", delicate).await.map_err(failed)?;
        session.aset_expiry(LIFETIME).await.map_err(failed)?;
        session.asave().await.map_err(failed)?;
        let Some(key) = session.session_key() else {
            return Err(Broken(step, "it has no key".to_owned()));
        };
        self.keys.push(key.clone());
        let until = Timestamp::now().as_seconds() + LIFETIME;

        let step = "Django reads cloakroom's session";
        let looked = self.django_looks(step, &key)?;
        self.same(step, &looked.members, &first, None)?;
        if matches!(self.kept, Kept::Database(_) | Kept::Cached(..)) {
            same_expiry(step, looked.expires, until)?;
        }
        if looked.copied == Some(false) {
            return Err(Broken(step, self.another_cache()));
        }

        let step = "Django changes cloakroom's session";
        let order = json!({ "do": "change", "key": key.as_str(), "members": { SECOND: second } });
        let saved: Saved = self.ask(step, &order)?;

        let step = "cloakroom reads Django's change";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        let (session, key) = self.session(step, &saved.key)?;
        let read = (
            session.aget::<String>(FIRST).await.map_err(failed)?,
            session.aget::<String>(SECOND).await.map_err(failed)?,
        );
        if read != (Some(first), Some(second)) {
            return Err(Broken(step, "the members are not the ones that were set".to_owned()));
        }

        if matches!(self.kept, Kept::Cookies) {
            return Ok(());
        }
        let step = "Django ends cloakroom's session";
        let _: Value = self.ask(step, &json!({ "do": "flush", "key": key.as_str() }))?;
        let step = "cloakroom sees that Django ended the session";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        if self.store.exists(&key).await.map_err(failed)? {
            return Err(Broken(step, "it is still there".to_owned()));
        }
        Ok(())
    }

    /// The session of a key that Django gave.
    fn session(&mut self, step: &'static str, key: &str) -> Result<(LazySession, SessionKey), Broken> {
        let session = self.store.session_from_cookie(Some(key));
        let Some(key) = session.session_key() else {
            return Err(Broken(step, "what it answered is no session key".to_owned()));
        };
        self.keys.push(key.clone());
        Ok((session, key))
    }

    fn ask<T: serde::de::DeserializeOwned>(&mut self, step: &'static str, order: &Value) -> Result<T, Broken> {
        self.django.ask(order).map_err(|failure| Broken(step, failure.to_string()))
    }

    /// Reads what is stored step by step, so that it can be told what stands in the way.
    async fn look(&self, step: &'static str, key: &SessionKey, expires: Option<f64>) -> Result<(), Broken> {
        let row = self.kept.read(key).await;
        let row = row.map_err(|error| Broken(step, Failure::from(error).to_string()))?;
        let Some(row) = row else { return Err(Broken(step, self.another_place())) };
        if let Kept::Cached(_, cache) = &self.kept {
            let copy = cache.read(&format!("{CACHED_DB_PREFIX}{key}", key = key.as_str())).await;
            if copy.map_err(|error| Broken(step, Failure::from(error).to_string()))?.is_none() {
                return Err(Broken(step, self.another_cache()));
            }
        }
        // Nothing signs what is in a cache alone: loading it says the rest.
        if matches!(self.kept, Kept::Cache(_)) {
            return Ok(());
        }
        let keys = self.settings.signing_keys(self.settings.salt());
        let (primary, fallbacks) = keys.map_err(|error| Broken(step, error.to_string()))?;
        let signer = TimestampSigner::new(&primary, &fallbacks);
        let decoded = stored::decode(&row.data, &signer).map_err(|error| match error {
            DecodeError::BadSignature => {
                Broken(step, "the signature does not verify: SECRET_KEY or the salt differs".to_owned())
            }
            error => Broken(step, Failure::from(error).to_string()),
        })?;
        SessionData::from_json(decoded.json).map_err(|_| {
            Broken(step, "the data is signed, but is no JSON object: SESSION_SERIALIZER is another".to_owned())
        })?;
        match expires {
            Some(expires) => same_expiry(step, row.expires.map(|expires| expires.as_seconds() as f64), expires as i64),
            None => Ok(()),
        }
    }

    fn django_looks(&mut self, step: &'static str, key: &SessionKey) -> Result<Looked, Broken> {
        let looked: Looked = self.ask(step, &json!({ "do": "look", "key": key.as_str() }))?;
        if !looked.found {
            return Err(Broken(step, self.another_place()));
        }
        // Django answers an empty session where it cannot read one.
        if looked.members.as_object().is_none_or(serde_json::Map::is_empty) {
            let cause = "Django finds it and cannot read it: SECRET_KEY, the salt or SESSION_SERIALIZER differs";
            return Err(Broken(step, cause.to_owned()));
        }
        Ok(looked)
    }

    fn same(&self, step: &'static str, members: &Value, first: &str, second: Option<&str>) -> Result<(), Broken> {
        if members[FIRST] != first || members[SECOND].as_str() != second || members["delicate"] != delicate() {
            return Err(Broken(step, "the members are not the ones that were set".to_owned()));
        }
        Ok(())
    }

    fn another_place(&self) -> String {
        let theirs = match &self.kept {
            Kept::Files(_) => self.site.folder(),
            _ => self.site.file(),
        };
        let (what, ours) = match &self.kept {
            Kept::Database(storage) | Kept::Cached(storage, _) => {
                ("databases or tables", database::name(self.settings, storage).unwrap_or_default())
            }
            Kept::Cache(_) => return self.another_cache(),
            Kept::Files(storage) => ("folders, or one names its files otherwise", storage.path().display().to_string()),
            Kept::Cookies => ("cookies", String::new()),
        };
        let theirs = theirs.map_or_else(|| "its own".to_owned(), |path| path.display().to_string());
        format!("not found: the two look into different {what} (Django: {theirs}, cloakroom: {ours})")
    }

    fn another_cache(&self) -> String {
        let theirs = self.site.cache.as_ref().map(|cache| cache.to_cache().to_string()).unwrap_or_default();
        let ours = self.settings.session_cache().map(|cache| cache.to_string()).unwrap_or_default();
        let row = if matches!(self.kept, Kept::Cached(..)) { "the row is there, its copy is not" } else { "not found" };
        format!(
            "{row}: the two look into different caches, or call their entries differently (Django: {theirs}, \
             cloakroom: {ours})"
        )
    }

    /// What a broken step left behind.
    async fn tidy_up(&mut self) {
        for key in std::mem::take(&mut self.keys) {
            // Should this fail, the session ends by itself within five minutes.
            let _ = self.store.delete(&key).await;
            let _: Result<Value, _> = self.django.ask(&json!({ "do": "flush", "key": key.as_str() }));
        }
    }
}

fn random() -> String {
    SessionKey::generate().as_str().to_owned()
}

fn delicate() -> Value {
    serde_json::from_str(DELICATE).unwrap_or_default()
}

fn same_expiry(step: &'static str, found: Option<f64>, expected: i64) -> Result<(), Broken> {
    let shift = found.map(|found| found as i64 - expected);
    match shift {
        Some(shift) if shift.abs() <= TOLERANCE => Ok(()),
        Some(shift) => Err(Broken(step, format!("it ends {}: USE_TZ or TIME_ZONE differs", hours(shift)))),
        None => Err(Broken(step, "its expiry cannot be read".to_owned())),
    }
}
