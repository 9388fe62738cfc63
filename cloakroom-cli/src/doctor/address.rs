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
    let socket = database.host.starts_with('/').then_some(&*database.host);
    if socket.is_none() {
        url.push_str(&escaped(&database.host, ","));
    }
    if !database.port.is_empty() {
        let _ = write!(url, ":{}", escaped(&database.port, ","));
    }
    let mut query: Vec<String> = Vec::new();
    match socket {
        // The folder of PostgreSQL's stands before the name.
        Some(folder) if scheme == "postgres" => {
            let _ = write!(url, "/{}", escaped(folder, "/"));
        }
        Some(path) => query.push(format!("unix_socket={}", escaped(path, "/"))),
        None => {}
    }
    let _ = write!(url, "/{}", escaped(name, ""));
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
    let host = match socket {
        Some(_) if scheme == "mysql" => read.option("unix_socket").and_then(|path| path.as_text()).unwrap_or_default(),
        _ => read.host(),
    };
    let same = read.name() == name
        && read.user() == database.user
        && read.password() == password
        && host == database.host
        && read.port() == database.port;
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

    fn server(vendor: &str, name: &str, host: &str, options: &Value) -> Option<String> {
        let database = serde_json::json!({
            "alias": "default", "vendor": vendor, "name": name, "zone": "UTC", "user": "ada",
            // p@ss/w:rd$#1
            "password": "cEBzcy93OnJkJCMx", "host": host, "port": "5433", "options": options, "max_age": 60,
        });
        of_server(&serde_json::from_value(database).unwrap())
    }

    #[test]
    fn servers_become_urls_that_give_them_back() {
        let url = server(
            "postgresql",
            "site/of ours",
            "db.example",
            &serde_json::json!([["sslmode", "require", true], ["n", 3, true]]),
        )
        .unwrap();
        let expected = "postgres://ada:p%40ss%2Fw%3Ard%24%231@db.example:5433/site%2Fof%20ours?conn_max_age=60&sslmode=require&n=3";
        assert_eq!(url, expected);
        let database = cloakroom::Database::from_url(&url).unwrap();
        assert_eq!((database.password(), database.name()), ("p@ss/w:rd$#1", "site/of ours"));
    }

    #[test]
    fn unix_sockets_become_urls_too() {
        let none = Value::Array(Vec::new());
        let url = server("postgresql", "site", "/run/postgresql", &none).unwrap();
        let database = cloakroom::Database::from_url(&url).unwrap();
        assert_eq!((database.host(), database.port(), database.name()), ("/run/postgresql", "5433", "site"));
        let url = server("mysql", "site", "/run/mysqld/mysqld.sock", &none).unwrap();
        assert!(url.contains("unix_socket=/run/mysqld/mysqld.sock"), "{url}");
        // No URL says both.
        assert_eq!(server("postgresql", "site/of ours", "/run/postgresql", &none), None);
    }
}
