//! Files of variables, values and URLs against what django-environ itself made of them. Where cloakroom answers
//! otherwise, a rule below says so; everything else in such a vector is still checked.
#![allow(missing_docs, clippy::needless_pass_by_value, clippy::unwrap_used)]

use std::collections::BTreeMap;

use cloakroom::environ::{DotEnvFile, OptionValue};
use cloakroom::{Cache, Database, Settings};
use serde_json::Value;

fn vectors() -> (Vec<Value>, usize) {
    let file: Value = serde_json::from_str(include_str!("vectors/django-environ.json")).unwrap();
    let count = file["meta"]["count"].as_u64().unwrap() as usize;
    (file["vectors"].as_array().unwrap().clone(), count)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What was found, or the name of the rule that excuses a difference.
enum Found {
    Equal,
    Excused(&'static str),
    Differs(String),
}

fn compare<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Found {
    if found == expected { Found::Equal } else { Found::Differs(format!("{found:?}, expected {expected:?}")) }
}

fn settings(variables: &BTreeMap<&str, &str>) -> Result<Settings, cloakroom::SettingsError> {
    Settings::new().with_variables(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn one(name: &str, value: &Value) -> Result<Settings, cloakroom::SettingsError> {
    settings(&BTreeMap::from([(name, text(value))]))
}

fn dotenv(vector: &Value) -> Found {
    let file = DotEnvFile::parse(text(&vector["text"]));
    let found: BTreeMap<_, _> =
        file.variables().iter().map(|known| (known.name.as_str(), known.value.as_str())).collect();
    let expected = vector["variables"].as_object().unwrap().iter();
    compare(found, expected.map(|(name, value)| (name.as_str(), text(value))).collect())
}

fn boolean(vector: &Value) -> Found {
    // A word that is neither is false for django-environ: a typing error must not switch off a protection.
    match one("USE_TZ", &vector["text"]) {
        Ok(settings) => compare(settings.naive_time_zone().unwrap().is_none(), vector["value"].as_bool().unwrap()),
        Err(_) if vector["value"] == false => Found::Excused("an unknown word is refused, not false"),
        Err(error) => Found::Differs(error.to_string()),
    }
}

fn integer(vector: &Value) -> Found {
    // `SESSION_COOKIE_AGE` may have a fraction, in cloakroom as in Django.
    match (one("SESSION_COOKIE_AGE", &vector["text"]), vector["value"].as_f64()) {
        (Ok(settings), Some(expected)) => compare(settings.cookie_age(), expected),
        (Err(_), None) => Found::Equal,
        (Ok(settings), None) if settings.cookie_age() == text(&vector["text"]).parse::<f64>().unwrap() => {
            Found::Excused("seconds may have a fraction or an exponent")
        }
        (found, expected) => Found::Differs(format!("{found:?}, expected {expected:?}")),
    }
}

fn list(vector: &Value) -> Found {
    let text = text(&vector["text"]);
    let variables = BTreeMap::from([("SECRET_KEY", "x"), ("SECRET_KEY_FALLBACKS", text)]);
    let Ok(settings) = settings(&variables) else { return Found::Differs("refused".to_owned()) };
    let (_, fallbacks) = settings.secret_keys().unwrap();
    let found: Vec<_> = fallbacks.iter().map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned()).collect();
    match vector["value"].as_array() {
        Some(expected) => compare(found, expected.iter().map(|value| value.as_str().unwrap().to_owned()).collect()),
        // "$a,b" names the variable "a,b", which cannot be one.
        None if text.starts_with('$') => Found::Excused("a $ before what cannot be a name stands for itself"),
        None => Found::Differs(format!("{found:?}")),
    }
}

fn proxied(vector: &Value) -> Found {
    let variables = vector["variables"].as_object().unwrap();
    let found = Settings::new().with_variables(|name| {
        let name = if name == "SESSION_COOKIE_NAME" { "X" } else { name };
        variables.get(name).map(|value| text(value).to_owned())
    });
    match (found, vector["value"].as_str()) {
        (Ok(settings), Some(expected)) => compare(settings.cookie_name(), expected),
        (Err(_), None) => Found::Equal,
        (Ok(settings), None)
            if settings.cookie_name() == text(&variables["X"]) && settings.cookie_name().starts_with('$') =>
        {
            Found::Excused("a $ before what cannot be a name stands for itself")
        }
        (found, expected) => Found::Differs(format!("{found:?}, expected {expected:?}")),
    }
}

fn json(value: &OptionValue) -> Value {
    match value {
        OptionValue::None => Value::Null,
        OptionValue::Bool(truth) => (*truth).into(),
        OptionValue::Int(number) => (*number).into(),
        OptionValue::Float(number) => (*number).into(),
        value => value.to_string().into(),
    }
}

/// A value of the config: the text of what is no scalar in 64 bits stays text in cloakroom.
fn same_option(found: &Value, expected: &Value) -> Result<bool, ()> {
    let beyond = expected.is_array() || expected.is_object() || expected.as_u64().is_some_and(|n| n > i64::MAX as u64);
    if beyond && found.is_string() {
        Err(())
    } else {
        Ok(found == expected || found.as_f64().is_some() && found.as_f64() == expected.as_f64())
    }
}

fn compare_config(found: &BTreeMap<String, Value>, expected: &Value) -> Found {
    let mut excused = false;
    let expected = expected.as_object().unwrap();
    for (name, value) in expected {
        let mut pairs = vec![(found.get(name).cloned().unwrap_or_default(), value.clone())];
        if name == "OPTIONS" {
            let options = found.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            if options.len() != value.as_object().unwrap().len() {
                return Found::Differs(format!("{options:?}, expected {value}"));
            }
            pairs = options.iter().map(|(name, found)| (found.clone(), value[name].clone())).collect();
        }
        for (found, value) in pairs {
            match same_option(&found, &value) {
                Ok(true) => {}
                Ok(false) => return Found::Differs(format!("{name}: {found}, expected {value}")),
                Err(()) => excused = true,
            }
        }
    }
    if let Some(name) = found.keys().find(|name| name.as_str() != "OPTIONS" && !expected.contains_key(*name)) {
        return Found::Differs(format!("{name} should not be there"));
    }
    if excused { Found::Excused("lists and numbers beyond 64 bits stay text") } else { Found::Equal }
}

fn table(options: &[(String, OptionValue)]) -> Value {
    options.iter().map(|(name, value)| (name.clone(), json(value))).collect::<serde_json::Map<_, _>>().into()
}

fn database(vector: &Value) -> Found {
    let url = text(&vector["url"]);
    let expected = vector.get("value").filter(|config| config.as_object().is_some_and(|config| !config.is_empty()));
    let database = match (Database::from_url(url), expected) {
        (Ok(database), Some(_)) => database,
        (Err(_), None) => return Found::Equal,
        (Err(error), Some(expected)) => return refused(url, &error.to_string(), expected),
        (Ok(database), None) => return Found::Differs(format!("{database}, expected an error")),
    };
    let mut found: BTreeMap<_, Value> = BTreeMap::from([
        ("ENGINE".to_owned(), database.backend().into()),
        ("NAME".to_owned(), database.name().into()),
        ("USER".to_owned(), database.user().into()),
        ("PASSWORD".to_owned(), database.password().into()),
        ("HOST".to_owned(), database.host().into()),
        // Django-environ makes a number of it where it can.
        ("PORT".to_owned(), database.port().parse::<u64>().map_or_else(|_| database.port().into(), Into::into)),
        ("OPTIONS".to_owned(), table(database.options())),
    ]);
    if url == "sqlite://:memory:" {
        found.retain(|name, _| ["ENGINE", "NAME"].contains(&name.as_str()));
    }
    found.extend(database.settings().iter().map(|(name, value)| (name.clone(), json(value))));
    compare_config(&found, &expected.unwrap().clone())
}

/// The rules by which cloakroom refuses a URL that django-environ reads.
fn refused(url: &str, error: &str, expected: &Value) -> Found {
    const KNOWN: [&str; 3] = ["sqlite3", "postgresql", "mysql"];
    let backend = expected["ENGINE"].as_str().unwrap_or_default();
    let of_a_known = KNOWN.iter().any(|known| backend.contains(known)) || backend.contains("gis");
    let replaced = expected.to_string().contains('\u{fffd}');
    match () {
        () if error.contains("is empty") || error.contains("does not know") => {
            if of_a_known {
                Found::Differs(error.to_owned())
            } else {
                Found::Excused("other databases are refused")
            }
        }
        () if replaced && error.contains("UTF-8") => Found::Excused("escapes that are not UTF-8 are refused"),
        () if error.contains("third slash") => Found::Excused("a host in an SQLite URL is refused"),
        () if error.contains("no //") && !url.contains("//") => Found::Excused("a URL without // is refused"),
        () => Found::Differs(error.to_owned()),
    }
}

fn cache(vector: &Value) -> Found {
    let url = text(&vector["url"]);
    let cache = match (Cache::from_url_for(url, vector["backend"].as_str()), vector.get("value")) {
        (Ok(cache), Some(_)) => cache,
        (Err(_), None) => return Found::Equal,
        (Err(error), Some(expected))
            if expected.to_string().contains('\u{fffd}') && error.problem().contains("UTF-8") =>
        {
            return Found::Excused("escapes that are not UTF-8 are refused");
        }
        (found, expected) => return Found::Differs(format!("{found:?}, expected {expected:?}")),
    };
    let location: Value = match cache.locations() {
        [one] => one.as_str().into(),
        several => several.iter().map(|location| Value::from(location.as_str())).collect(),
    };
    let mut found: BTreeMap<_, Value> = BTreeMap::from([
        ("BACKEND".to_owned(), cache.backend().into()),
        ("OPTIONS".to_owned(), table(cache.options())),
    ]);
    found.extend(cache.settings().iter().map(|(name, value)| (name.clone(), json(value))));
    // Compared as a whole: several locations are no option.
    if location != vector["value"]["LOCATION"] {
        return Found::Differs(format!("{location}, expected {}", vector["value"]["LOCATION"]));
    }
    let mut expected = vector["value"].clone();
    expected.as_object_mut().unwrap().remove("LOCATION");
    compare_config(&found, &expected)
}

#[test]
fn values_are_read_as_django_environ_reads_them() {
    let (vectors, count) = vectors();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut excused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut failures = Vec::new();
    for vector in &vectors {
        let kind = text(&vector["kind"]);
        *kinds.entry(kind.to_owned()).or_default() += 1;
        let found = match kind {
            "dotenv" => dotenv(vector),
            "bool" => boolean(vector),
            "int" => integer(vector),
            "list" => list(vector),
            "str" => proxied(vector),
            "db_url" => database(vector),
            "cache_url" => cache(vector),
            other => panic!("no such kind: {other}"),
        };
        match found {
            Found::Equal => {}
            Found::Excused(rule) => excused.entry(rule).or_default().push(vector.to_string()),
            Found::Differs(how) => failures.push(format!("{vector}: {how}")),
        }
    }
    println!("{kinds:?}");
    for (rule, vectors) in &excused {
        println!("{rule}: {}", vectors.len());
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(vectors.len(), count, "vectors were left out");
    // No more than was looked at one by one: a fault must not hide behind a rule.
    assert_eq!(excused.values().map(Vec::len).sum::<usize>(), 42, "{excused:#?}");
}
