//! A database of Django's settings as a DATABASE_URL.

use std::fmt::Write as _;

use serde_json::Value;

use super::site::Database;

/// A file, by its absolute path, so that Python's `unquote_plus` gives it back.
pub(super) fn of_file(path: &str) -> String {
    format!("sqlite:///{}", escaped(path, "/"))
}

/// A server; `None` where what the URL gives back is not what the site has.
pub(super) fn of_server(database: &Database) -> Option<String> {
    let scheme = if database.vendor == "mysql" { "mysql" } else { "postgres" };
    let name = database.name.as_deref()?;
    let mut url = format!("{scheme}://{}", escaped(&database.user, ""));
    let password = database.password();
    if !password.is_empty() {
        let _ = write!(url, ":{}", escaped(&password, ""));
    }
    if !database.user.is_empty() || !password.is_empty() {
        url.push('@');
    }
    url.push_str(&escaped(&database.host, ","));
    if !database.port.is_empty() {
        let _ = write!(url, ":{}", escaped(&database.port, ","));
    }
    let _ = write!(url, "/{}", escaped(name, ""));
    let mut query: Vec<String> = Vec::new();
    if let Some(age) = database.max_age.filter(|age| *age != 0.0) {
        query.push(format!("conn_max_age={age}"));
    }
    for (name, value, _) in &database.options {
        let value = match value {
            Value::String(text) => escaped(text, ""),
            Value::Bool(switch) => if *switch { "True" } else { "False" }.to_owned(),
            Value::Null => "None".to_owned(),
            other => other.to_string(),
        };
        query.push(format!("{}={value}", escaped(name, ".")));
    }
    if !query.is_empty() {
        let _ = write!(url, "?{}", query.join("&"));
    }
    let read = cloakroom::Database::from_url(&url).ok()?;
    let same = read.name() == name
        && read.user() == database.user
        && read.password() == password
        && read.host() == database.host
        && read.port() == database.port
        && read.options().len() == database.options.len();
    same.then_some(url)
}

fn escaped(text: &str, kept: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_urls() {
        assert_eq!(of_file("/srv/a b+c#d?e%é.db"), "sqlite:////srv/a%20b%2Bc%23d%3Fe%25%C3%A9.db");
    }

    fn server(host: &str, options: &Value) -> Option<String> {
        let database = serde_json::json!({
            "alias": "default", "vendor": "postgresql", "name": "site/of ours", "zone": "UTC", "user": "ada",
            // p@ss/w:rd$#1
            "password": "cEBzcy93OnJkJCMx", "host": host, "port": "5433", "options": options, "max_age": 60,
        });
        of_server(&serde_json::from_value(database).unwrap())
    }

    #[test]
    fn servers_become_urls_that_give_them_back() {
        let url = server("db.example", &serde_json::json!([["sslmode", "require", true], ["n", 3, true]])).unwrap();
        let expected = "postgres://ada:p%40ss%2Fw%3Ard%24%231@db.example:5433/site%2Fof%20ours?conn_max_age=60&sslmode=require&n=3";
        assert_eq!(url, expected);
        let database = cloakroom::Database::from_url(&url).unwrap();
        assert_eq!((database.password(), database.name()), ("p@ss/w:rd$#1", "site/of ours"));
        assert!(server("/run/postgresql", &serde_json::json!([])).is_some());
    }
}
