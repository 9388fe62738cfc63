//! Whatever comes in from outside: a value or a typed error, never a panic, and what is written reads back.
#![allow(missing_docs, clippy::unwrap_used)]

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::{Expiry, Json, SameSite, SessionData, SessionKey, SessionStore, Settings};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_session_key_is_8_to_40_characters_of_a_to_z_and_0_to_9_and_nothing_else(text in ".{0,50}") {
        let is_key = (8..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        prop_assert_eq!(SessionKey::parse(&text).is_ok(), is_key);
    }

    #[test]
    fn a_valid_session_key_reads_back(text in "[a-z0-9]{8,40}") {
        let key = SessionKey::parse(&text).unwrap();
        prop_assert_eq!(key.as_str(), text);
    }

    #[test]
    fn session_data_is_read_or_refused(text in any::<String>()) {
        let _ = SessionData::from_json(text);
    }

    #[test]
    fn members_come_back_in_order_with_the_last_value_of_each_name(
        members in proptest::collection::vec(("[a-cé\"\\\\]{0,2}", any::<i64>()), 0..120),
    ) {
        let mut data = SessionData::new();
        let mut expected: Vec<(String, i64)> = Vec::new();
        for (name, value) in &members {
            data.set(name, value).unwrap();
            match expected.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = *value,
                None => expected.push((name.clone(), *value)),
            }
        }
        let again = SessionData::from_json(data.to_json()).unwrap();
        prop_assert!(data.to_json().is_ascii());
        let found: Vec<(String, i64)> =
            again.items().map(|(name, value)| (name, value.to().unwrap())).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn repeated_names_in_json_count_once(
        members in proptest::collection::vec(("[a-d]", 0..9_u8), 0..100),
    ) {
        let json: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let data = SessionData::from_json(format!("{{{}}}", json.join(","))).unwrap();
        for (name, _) in &members {
            let last = members.iter().rev().find(|(known, _)| known == name).unwrap().1;
            prop_assert_eq!(data.get::<u8>(name).unwrap(), Some(last));
        }
        prop_assert!(data.len() <= 4);
    }

    #[test]
    fn json_of_one_value_is_read_or_refused_and_is_ascii(text in any::<String>()) {
        if let Ok(json) = Json::parse(&text) {
            prop_assert!(json.as_str().is_ascii());
        }
    }

    #[test]
    fn text_survives_a_session(text in any::<String>()) {
        let mut data = SessionData::new();
        data.set("text", &text).unwrap();
        let again = SessionData::from_json(data.to_json()).unwrap();
        prop_assert_eq!(again.get::<String>("text").unwrap(), Some(text));
    }

    #[test]
    fn an_iso_moment_is_read_or_refused(text in "[0-9TWZ:+., -]{0,30}|.{0,20}") {
        let _ = Expiry::from_iso(&text);
    }

    #[test]
    fn a_database_url_is_read_or_refused(text in "(sqlite:)?/{0,5}.{0,30}") {
        let _ = SqliteOptions::from_url(&text);
    }

    #[test]
    fn settings_from_the_environment_are_read_or_refused(
        name in prop::sample::select(vec![
            "SESSION_ENGINE", "SESSION_COOKIE_AGE", "SESSION_COOKIE_NAME", "SESSION_COOKIE_SAMESITE",
            "SESSION_COOKIE_SECURE", "SECRET_KEY_FALLBACKS", "TIME_ZONE", "USE_TZ",
        ]),
        value in ".{0,30}",
    ) {
        let read = Settings::new().with_variables(|asked| (asked == name).then(|| value.clone()));
        if let Ok(settings) = read {
            let _ = settings.validate();
        }
        let _ = value.parse::<SameSite>();
    }

    #[test]
    fn stored_text_that_is_not_ours_is_refused(text in any::<String>()) {
        let store = SessionStore::db(
            cloakroom::storage::MemoryStorage::new(),
            Settings::new().secret_key("a secret"),
        ).unwrap();
        prop_assert!(store.decode(&text).is_err());
    }

    #[test]
    fn a_cookie_of_any_bytes_gives_a_session(value in any::<String>()) {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let session = store.session_from_cookie(Some(&value));
        prop_assert_eq!(session.session_key().is_some(), SessionKey::parse(&value).is_ok());
    }
}
