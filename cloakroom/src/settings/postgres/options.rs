//! What becomes of each option.

use crate::settings::environ::OptionValue;
use crate::settings::refusal::{Refusal, duration, number};
use crate::storage::postgres::{PostgresOptions, PostgresTls};

/// What was read so far.
pub(super) struct Read {
    options: PostgresOptions,
    tls: Option<PostgresTls>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    pgbouncer: Option<bool>,
}

impl Read {
    pub(super) fn new(options: PostgresOptions) -> Self {
        Self { options, tls: None, root: None, certificate: None, key: None, pgbouncer: None }
    }

    fn change(&mut self, change: impl FnOnce(PostgresOptions) -> PostgresOptions) {
        self.options = change(self.options.clone());
    }

    /// One of `OPTIONS`, under libpq's, psycopg's or Django's name.
    pub(super) fn option(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        let text = value.to_string();
        let only = |harmless: &[&str]| {
            if harmless.contains(&&*text) {
                return Ok(());
            }
            let remedy = format!("leave it out, or use {}", harmless.join(" or "));
            Err(Refusal::new("has a value that cloakroom cannot honour", remedy))
        };
        match name {
            "sslmode" => {
                let modes = "use disable, allow, prefer, require, verify-ca or verify-full";
                let mode = PostgresTls::from_sslmode(&text).ok_or_else(|| Refusal::new("is no sslmode", modes))?;
                self.tls = Some(mode);
            }
            "sslrootcert" => self.root = Some(text),
            "sslcert" => self.certificate = Some(text),
            "sslkey" => self.key = Some(text),
            "application_name" => self.change(|options| options.application_name(&text)),
            "fallback_application_name" => self.change(|options| options.fallback_application_name(&text)),
            "connect_timeout" => {
                // libpq: 0 and less mean no limit. The storage's own time-out holds in any case.
                let seconds = number(value)?;
                if seconds > 0.0 {
                    let timeout = duration(seconds)?;
                    self.change(|options| options.connect_timeout(timeout));
                }
            }
            "options" => self.startup_options(&text)?,
            "assume_role" => self.change(|options| options.startup_option("role", text)),
            "isolation_level" => {
                let level = match text.to_ascii_lowercase().replace(['_', '-'], " ").as_str() {
                    "1" | "read uncommitted" => "read uncommitted",
                    "2" | "read committed" => "read committed",
                    "3" | "repeatable read" => "repeatable read",
                    "4" | "serializable" => "serializable",
                    "none" => return Ok(()),
                    _ => {
                        return Err(Refusal::new(
                            "is no isolation level",
                            "use a number from 1 to 4, as psycopg counts",
                        ));
                    }
                };
                self.change(|options| options.startup_option("default_transaction_isolation", level));
            }
            "prepare_threshold" => self.pgbouncer = Some(text == "None"),
            "pool" => only(&["True", "true", "False", "false", "1", "0"])?,
            "pool.max_size" => {
                let connections = number(value)?;
                if !(1.0..=10_000.0).contains(&connections) {
                    return Err(Refusal::new("is no number of connections", "use a number from 1 to 10000"));
                }
                self.change(|options| options.max_connections(connections as usize));
            }
            "pool.max_lifetime" => {
                let lifetime = duration(number(value)?)?;
                self.change(|options| options.connection_lifetime(Some(lifetime)));
            }
            "pool.max_idle" => {
                let idle = duration(number(value)?)?;
                self.change(|options| options.connection_idle(Some(idle)));
            }
            // How psycopg keeps its own pool; the time-out of an operation holds for the wait as well.
            "pool.min_size"
            | "pool.timeout"
            | "pool.max_waiting"
            | "pool.reconnect_timeout"
            | "pool.num_workers"
            | "pool.name"
            | "pool.open" => {}
            // How Django's side sends and reads; sessions are ASCII.
            "server_side_binding" | "client_encoding" | "prepared_max" => {}
            // A connection that died is found out by the time-out of an operation.
            "keepalives" | "keepalives_idle" | "keepalives_interval" | "keepalives_count" | "tcp_user_timeout" => {}
            "gssencmode" | "channel_binding" => only(&["disable", "prefer"])?,
            "sslcompression" => only(&["0"])?,
            "sslsni" => only(&["1"])?,
            "sslnegotiation" => only(&["postgres"])?,
            "sslcertmode" => only(&["allow"])?,
            "ssl_min_protocol_version" => only(&["TLSv1", "TLSv1.1", "TLSv1.2"])?,
            "ssl_max_protocol_version" => only(&["TLSv1.3"])?,
            "target_session_attrs" => only(&["any"])?,
            "load_balance_hosts" => only(&["disable"])?,
            "service" | "servicefile" => {
                return Err(Refusal::new(
                    "names a service file, which is not read",
                    "give HOST, NAME, USER and PASSWORD",
                ));
            }
            "passfile" => {
                return Err(Refusal::new("names a password file, which is not read", "give PASSWORD"));
            }
            "host" | "hostaddr" | "port" | "user" | "password" | "dbname" | "database" => {
                let remedy = "give it as HOST, PORT, USER, PASSWORD or NAME";
                return Err(Refusal::new("belongs beside OPTIONS, not in it", remedy));
            }
            _ => {
                return Err(Refusal::new(
                    "is not known to cloakroom",
                    "leave it out, or open the database with a pool of your own",
                ));
            }
        }
        Ok(())
    }

    /// libpq's `options`: what would stand on the server's command line.
    fn startup_options(&mut self, text: &str) -> Result<(), Refusal> {
        let bad = || {
            Refusal::new("holds something other than -c name=value", "use -c name=value, several with blanks between")
        };
        let mut words = words(text).into_iter();
        while let Some(word) = words.next() {
            let pair = if word == "-c" {
                words.next().ok_or_else(bad)?
            } else if let Some(pair) = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
                pair.to_owned()
            } else {
                return Err(bad());
            };
            let (name, value) = pair.split_once('=').ok_or_else(bad)?;
            // The server takes dashes for underscores.
            let (name, value) = (name.replace('-', "_"), value.to_owned());
            self.change(|options| options.startup_option(name, value));
        }
        Ok(())
    }

    /// One of Django's settings beside `OPTIONS`.
    pub(super) fn setting(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        match (name, value) {
            // For ever; and 0, which closes after each request, would cost a connection an operation.
            ("CONN_MAX_AGE", OptionValue::None) => self.change(|options| options.connection_lifetime(None)),
            ("CONN_MAX_AGE", value) => {
                let seconds = number(value)?;
                if seconds > 0.0 {
                    let lifetime = duration(seconds)?;
                    self.change(|options| options.connection_lifetime(Some(lifetime)));
                }
            }
            // Django's own advice for PgBouncer in transaction mode.
            ("DISABLE_SERVER_SIDE_CURSORS", value) => {
                let yes = matches!(value, OptionValue::Bool(true) | OptionValue::Int(1));
                self.pgbouncer = self.pgbouncer.or(yes.then_some(true));
            }
            // The others say how Django's requests use a connection, or in which zone it shows moments.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<PostgresOptions, Refusal> {
        let mut tls = self.tls;
        if let Some(root) = self.root.take() {
            if root == "system" {
                // libpq: this alone means verify-full, and a weaker mode is an error.
                if !matches!(tls, None | Some(PostgresTls::VerifyFull)) {
                    return Err(Refusal::new("is too weak for sslrootcert=system", "use verify-full"));
                }
                tls = Some(PostgresTls::VerifyFull);
            } else {
                // libpq: with a root certificate `require` looks at the server's.
                if tls == Some(PostgresTls::Require) {
                    tls = Some(PostgresTls::VerifyCa);
                }
                self.change(|options| options.root_certificate(root));
            }
        }
        if let Some(tls) = tls {
            self.change(|options| options.tls(tls));
        }
        match (self.certificate.take(), self.key.take()) {
            (Some(certificate), Some(key)) => self.change(|options| options.client_certificate(certificate, key)),
            (None, None) => {}
            _ => return Err(Refusal::new("has only one of sslcert and sslkey beside it", "give both")),
        }
        let pgbouncer = self.pgbouncer.unwrap_or(false);
        Ok(self.options.pgbouncer(pgbouncer))
    }
}

/// Words between blanks; a backslash takes away the meaning of what follows it.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            if inside {
                words.push(std::mem::take(&mut word));
            }
            inside = false;
            continue;
        }
        inside = true;
        word.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    if inside {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn startup_options_are_split_as_the_server_splits_them() {
        assert_eq!(words(r"-c search_path=a\ b,c  --geqo=off"), ["-c", "search_path=a b,c", "--geqo=off"]);
        assert_eq!(words(r"a\\b"), [r"a\b"]);
        assert!(words(" ").is_empty());
    }
}
