//! A throw-away session, made, read, changed and ended by both sides in turn.

use cloakroom::storage::{DatabaseStorage, Storage as _};
use cloakroom::wire::signing::{DecodeError, TimestampSigner};
use cloakroom::wire::stored;
use cloakroom::{Json, SessionData, SessionKey, SessionStore, Settings, Timestamp};
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
    let storage = match database::open(settings, false) {
        Ok(storage) => storage,
        Err(failure) => {
            report.failure("proof", Failure::new(format!("cloakroom cannot open its database: {failure}")));
            return Ok(());
        }
    };
    let store = match SessionStore::db(storage.clone(), settings.clone()) {
        Ok(store) => store,
        Err(error) => {
            report.failure("proof", error);
            return Ok(());
        }
    };
    let mut proof = Proof { django, site, settings, storage, store, keys: Vec::new() };
    let proven = database::wait(async {
        let proven = match proof.made_by_django().await {
            Ok(()) => {
                report.ok("proof", "Django makes a session; cloakroom reads, changes and ends it; Django sees it");
                proof.made_by_rust().await
            }
            broken => broken,
        };
        proof.tidy_up().await;
        proven
    })?;
    match proven {
        Ok(()) => report.ok("proof", "cloakroom makes a session; Django reads, changes and ends it; cloakroom sees it"),
        Err(Broken(step, cause)) => report.failure("proof", Failure::new(format!("{step}: {cause}"))),
    }
    Ok(())
}

struct Proof<'a> {
    django: &'a mut Django,
    site: &'a Site,
    settings: &'a Settings,
    storage: DatabaseStorage,
    store: SessionStore,
    keys: Vec<SessionKey>,
}

#[derive(Deserialize)]
struct Made {
    key: String,
    expires: f64,
}

#[derive(Deserialize)]
struct Looked {
    found: bool,
    #[serde(default)]
    members: Value,
    expires: Option<f64>,
}

impl Proof<'_> {
    async fn made_by_django(&mut self) -> Result<(), Broken> {
        let step = "Django makes a session";
        let (first, second) = (random(), random());
        let order = json!({ "do": "create", "seconds": LIFETIME, "members": { FIRST: first, "delicate": delicate() } });
        let made: Made = self.ask(step, &order)?;
        let key = SessionKey::parse(&made.key).map_err(|error| Broken(step, error.to_string()))?;
        self.keys.push(key.clone());

        let step = "cloakroom reads Django's session";
        self.look(step, &key, made.expires).await?;
        let session = self.store.session(Some(&key));
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        if session.aget::<String>(FIRST).await.map_err(failed)?.as_deref() != Some(first.as_str()) {
            return Err(Broken(step, "the member is not the one that Django set".to_owned()));
        }

        let step = "cloakroom changes Django's session";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        session.aset(SECOND, &second).await.map_err(failed)?;
        session.asave().await.map_err(failed)?;

        let step = "Django reads cloakroom's change";
        let looked = self.django_looks(step, &key)?;
        self.same(step, &looked.members, &first, Some(&second))?;

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
        same_expiry(step, looked.expires, until)?;

        let step = "Django changes cloakroom's session";
        let order = json!({ "do": "change", "key": key.as_str(), "members": { SECOND: second } });
        let _: Value = self.ask(step, &order)?;

        let step = "cloakroom reads Django's change";
        let failed = |error: cloakroom::SessionError| Broken(step, Failure::from(error).to_string());
        let session = self.store.session(Some(&key));
        let read = (
            session.aget::<String>(FIRST).await.map_err(failed)?,
            session.aget::<String>(SECOND).await.map_err(failed)?,
        );
        if read != (Some(first), Some(second)) {
            return Err(Broken(step, "the members are not the ones that were set".to_owned()));
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

    fn ask<T: serde::de::DeserializeOwned>(&mut self, step: &'static str, order: &Value) -> Result<T, Broken> {
        self.django.ask(order).map_err(|failure| Broken(step, failure.to_string()))
    }

    /// Reads the row step by step, so that it can be told what stands in the way.
    async fn look(&self, step: &'static str, key: &SessionKey, expires: f64) -> Result<(), Broken> {
        let row = self.storage.read(key.as_str()).await;
        let row = row.map_err(|error| Broken(step, Failure::from(error).to_string()))?;
        let Some(row) = row else { return Err(Broken(step, self.another_database())) };
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
        same_expiry(step, row.expires.map(|expires| expires.as_seconds() as f64), expires as i64)
    }

    fn django_looks(&mut self, step: &'static str, key: &SessionKey) -> Result<Looked, Broken> {
        let looked: Looked = self.ask(step, &json!({ "do": "look", "key": key.as_str() }))?;
        if !looked.found {
            return Err(Broken(step, self.another_database()));
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

    fn another_database(&self) -> String {
        let theirs = self.site.file().map(|file| file.display().to_string()).unwrap_or_default();
        format!(
            "not found: the two look into different databases or tables (Django: {theirs}, cloakroom: {})",
            database::name(self.settings, &self.storage).unwrap_or_default()
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
