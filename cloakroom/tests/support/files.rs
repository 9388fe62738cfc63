//! Session files in the place of rows: `expire_date` is what the session says, counted from the file's time.

use std::fs;

use cloakroom::storage::MemoryStorage;
use cloakroom::storage::file::FileOptions;
use cloakroom::{Engine, ExpiryOptions, SessionStore, Settings, Timestamp};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Row, at_its_moment};

pub struct Files {
    folder: tempfile::TempDir,
    settings: Settings,
}

impl Files {
    pub fn new(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.clone().session_file_path(folder.path());
        Self { folder, settings }
    }

    pub fn store(&self, vector: &Value) -> SessionStore {
        let storage = FileOptions::for_settings(&self.settings).open().unwrap();
        at_its_moment(vector, SessionStore::new(Engine::file(storage), self.settings.clone()).unwrap())
    }

    /// When a session ends that was saved at a moment.
    async fn end(&self, data: &str, saved: Timestamp) -> Timestamp {
        let reader = SessionStore::db(MemoryStorage::new(), self.settings.clone()).unwrap();
        let session = reader.session(None).load().await.unwrap();
        if let Ok(data) = reader.decode(data) {
            for (name, value) in data.items() {
                session.set_json(&name, value);
            }
        }
        session.get_expiry_date_with(&ExpiryOptions::new().modification(saved)).unwrap()
    }

    fn zone(&self) -> TimeZone {
        self.settings.naive_time_zone().unwrap().unwrap_or(TimeZone::UTC)
    }

    pub async fn put(&self, rows: &[Row]) {
        for row in rows {
            let civil: jiff::civil::DateTime = row.expires.replace(' ', "T").parse().unwrap();
            let expires = Timestamp::from(self.zone().to_ambiguous_timestamp(civil).compatible().unwrap());
            let life = self.end(&row.data, Timestamp::UNIX_EPOCH).await.micros_since(Timestamp::UNIX_EPOCH);
            let saved = Timestamp::from_micros(expires.as_micros() - life).unwrap();
            // Where it ends at a moment of its own, it does not matter when it was saved.
            let saved = if self.end(&row.data, saved).await == expires { saved } else { expires };
            let path = self.folder.path().join(format!("{}{}", self.settings.cookie_name(), row.key));
            fs::write(&path, &row.data).unwrap();
            fs::File::open(path).unwrap().set_modified(saved.into()).unwrap();
        }
    }

    pub fn remove_all(&self) {
        for entry in self.folder.path().read_dir().unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    pub async fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for entry in self.folder.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let Some(key) = name.strip_prefix(self.settings.cookie_name()) else {
                assert!(name.starts_with(".cloakroom_lock_"), "{name}");
                continue;
            };
            let data = fs::read_to_string(entry.path()).unwrap();
            let saved = entry.metadata().unwrap().modified().unwrap().into();
            let end = jiff::Timestamp::from(self.end(&data, saved).await).to_zoned(self.zone());
            let form = if end.subsec_nanosecond() == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S.%6f" };
            let expires = end.strftime(form).to_string();
            rows.push(Row { key: key.to_owned(), data, expires, types: vec!["text".to_owned(); 3] });
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    }
}
