//! A database by its table in a TOML file, under the names of Django's `DATABASES`.

use super::Database;
use crate::settings::SettingsError;
use crate::settings::environ::put;
use crate::settings::given::{Member, Place, option};

const NAMES: [&str; 14] = [
    "ENGINE",
    "NAME",
    "USER",
    "PASSWORD",
    "HOST",
    "PORT",
    "OPTIONS",
    "CONN_MAX_AGE",
    "ATOMIC_REQUESTS",
    "AUTOCOMMIT",
    "DISABLE_SERVER_SIDE_CURSORS",
    "CONN_HEALTH_CHECKS",
    "TIME_ZONE",
    "TEST",
];

impl Database {
    pub(crate) fn from_table(members: Vec<Member>, place: &Place) -> Result<Self, SettingsError> {
        let mut database = Self::default();
        for member in members {
            let at = place.member(&member);
            match at.known(&NAMES)? {
                "ENGINE" => database.backend = member.value.text(&at)?,
                "NAME" => database.name = member.value.text(&at)?,
                "USER" => database.user = member.value.text(&at)?,
                "PASSWORD" => database.password = member.value.text(&at.secret())?,
                "HOST" => database.host = member.value.text(&at)?,
                "PORT" => database.port = option(member.value, &at)?.to_string(),
                "OPTIONS" => database.options = member.value.options(&at)?,
                // How Django's own tests make their database is no concern of a running site.
                "TEST" => {}
                name => put(&mut database.settings, name.to_owned(), option(member.value, &at)?),
            }
        }
        if database.backend.is_empty() {
            return Err(place.refuse("has no ENGINE", "give it one, such as \"django.db.backends.postgresql\""));
        }
        Ok(database)
    }
}
