//! A cache by its table in a TOML file, under the names of Django's `CACHES`.

use super::Cache;
use crate::settings::SettingsError;
use crate::settings::environ::put;
use crate::settings::given::{Given, Member, Place, option};

const NAMES: [&str; 7] = ["BACKEND", "LOCATION", "OPTIONS", "TIMEOUT", "KEY_PREFIX", "VERSION", "KEY_FUNCTION"];

impl Cache {
    pub(crate) fn from_table(members: Vec<Member>, place: &Place) -> Result<Self, SettingsError> {
        let mut cache = Self::default();
        for member in members {
            let at = place.member(&member);
            match at.known(&NAMES)? {
                "BACKEND" => cache.backend = member.value.text(&at)?,
                // A location may hold a password.
                "LOCATION" => {
                    cache.locations = match member.value {
                        Given::List(_) => member.value.list(&at.secret())?,
                        one => vec![one.text(&at.secret())?],
                    }
                }
                "OPTIONS" => cache.options = member.value.options(&at)?,
                name => put(&mut cache.settings, name.to_owned(), option(member.value, &at)?),
            }
        }
        if cache.backend.is_empty() {
            return Err(
                place.refuse("has no BACKEND", "give it one, such as \"django.core.cache.backends.redis.RedisCache\"")
            );
        }
        Ok(cache)
    }
}
