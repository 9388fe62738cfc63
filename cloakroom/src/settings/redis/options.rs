//! What becomes of each option.

use crate::settings::environ::OptionValue;
use crate::settings::refusal::{Refusal, duration, number};
use crate::storage::redis::{RedisOptions, RedisTls};

/// What was read so far.
pub(super) struct Read {
    options: RedisOptions,
    host: Option<String>,
    tls: bool,
    /// The first option that asks for TLS.
    needs_tls: Option<String>,
    looks_at_certificate: bool,
    looks_at_name: bool,
    certificate: Option<String>,
    key: Option<String>,
    sentinels: Option<Vec<(String, u16)>>,
    is_sentinel: bool,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
}

fn other_client() -> Refusal {
    Refusal::new("is not known to cloakroom", "leave it out, or hand in a connection of your own")
}

/// Of several values only these change nothing.
fn only(value: &OptionValue, harmless: &[&str]) -> Result<(), Refusal> {
    if harmless.contains(&&*value.to_string()) {
        return Ok(());
    }
    let remedy = format!("leave it out, or use {}", harmless.join(" or "));
    Err(Refusal::new("has a value that cloakroom cannot honour", remedy))
}

/// As redis-py reads a truth value in a URL.
fn truth(value: &OptionValue) -> bool {
    !matches!(value.to_string().to_ascii_uppercase().as_str(), "0" | "F" | "FALSE" | "N" | "NO" | "NONE")
}

impl Read {
    pub(super) fn new(options: RedisOptions) -> Self {
        Self {
            options,
            host: None,
            tls: false,
            needs_tls: None,
            looks_at_certificate: true,
            looks_at_name: true,
            certificate: None,
            key: None,
            sentinels: None,
            is_sentinel: false,
            sentinel_user: None,
            sentinel_password: None,
        }
    }

    fn change(&mut self, change: impl FnOnce(RedisOptions) -> RedisOptions) {
        self.options = change(std::mem::take(&mut self.options));
    }

    pub(super) fn socket(&mut self, path: String) {
        self.change(|options| options.unix_socket(path));
    }

    pub(super) fn server(&mut self, host: String, port: Option<u16>, tls: bool) {
        self.tls = tls;
        self.host = Some(host.clone());
        self.change(|options| options.host(if host.is_empty() { "localhost".to_owned() } else { host }));
        if let Some(port) = port {
            self.change(|options| options.port(port));
        }
    }

    /// One of the `OPTIONS` of Django's own backend, which are redis-py's arguments.
    pub(super) fn of_django(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        match name {
            "serializer" => only(value, &["django.core.cache.backends.redis.RedisSerializer", "None"]),
            "pool_class" => pool_class(value),
            "parser_class" => Ok(()),
            _ => self.argument(name, value),
        }
    }

    /// One of the `OPTIONS` of `django-redis`.
    pub(super) fn of_django_redis(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        if let Some(name) = name.strip_prefix("CONNECTION_POOL_KWARGS.") {
            return self.argument(name, value);
        }
        match name {
            "USERNAME" => self.argument("username", value),
            "PASSWORD" => self.argument("password", value),
            // Like django-redis: nothing, and 0, mean nothing.
            "SOCKET_TIMEOUT" | "SOCKET_CONNECT_TIMEOUT" if !truth(value) => Ok(()),
            "SOCKET_TIMEOUT" => self.argument("socket_timeout", value),
            "SOCKET_CONNECT_TIMEOUT" => self.argument("socket_connect_timeout", value),
            "CLIENT_CLASS" => match value.as_text() {
                Some("django_redis.client.DefaultClient" | "django_redis.client.default.DefaultClient") => Ok(()),
                Some("django_redis.client.SentinelClient" | "django_redis.client.sentinel.SentinelClient") => {
                    self.is_sentinel = true;
                    Ok(())
                }
                _ => Err(Refusal::new(
                    "names a client that cloakroom does not have",
                    "use django_redis.client.DefaultClient or django_redis.client.SentinelClient",
                )),
            },
            "CONNECTION_FACTORY" => match value.as_text() {
                Some("django_redis.pool.SentinelConnectionFactory") => {
                    self.is_sentinel = true;
                    Ok(())
                }
                _ => only(value, &["django_redis.pool.ConnectionFactory"]),
            },
            "SENTINELS" => {
                self.sentinels = Some(sentinels(value).ok_or_else(|| {
                    Refusal::new("is no list of hosts and ports", "use [[\"host\", 26379], …] in a file of settings")
                })?);
                Ok(())
            }
            "SENTINEL_KWARGS.username" => {
                self.sentinel_user = Some(value.to_string());
                Ok(())
            }
            "SENTINEL_KWARGS.password" => {
                self.sentinel_password = Some(value.to_string());
                Ok(())
            }
            "SENTINEL_KWARGS.socket_timeout" | "SENTINEL_KWARGS.socket_connect_timeout" => Ok(()),
            "CONNECTION_POOL_CLASS" => pool_class(value),
            "REDIS_CLIENT_CLASS" => {
                only(value, &["redis.client.Redis", "redis.client.StrictRedis", "redis.Redis", "redis.StrictRedis"])
            }
            // How entries are written, which `Cache::format` reads.
            "SERIALIZER" | "COMPRESSOR" | "PICKLE_VERSION" => Ok(()),
            // An error stays an error here: a session that cannot be read is not an empty one (S24).
            "IGNORE_EXCEPTIONS" => Ok(()),
            // How Django's side reads, connects and tidies up.
            "PARSER_CLASS" | "REPLICA_READ_ONLY" | "CLOSE_CONNECTION" | "MAX_ENTRIES" | "CULL_FREQUENCY" => Ok(()),
            _ => Err(other_client()),
        }
    }

    /// One that stands in the URL.
    pub(super) fn of_url(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        match name {
            "is_master" if truth(value) => Ok(()),
            "is_master" => Err(Refusal::new("asks for a replica", "name the primary first")),
            _ => self.argument(name, value),
        }
    }

    /// An argument of redis-py's connections.
    fn argument(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        if name.starts_with("ssl_") && self.needs_tls.is_none() {
            self.needs_tls = Some(name.to_owned());
        }
        let text = value.to_string();
        match name {
            "db" => {
                let number = value.as_int().or_else(|| text.trim().parse().ok());
                let number = number.and_then(|number| u32::try_from(number).ok());
                let number =
                    number.ok_or_else(|| Refusal::new("is no number of a database", "use a number from 0 up"))?;
                self.change(|options| options.database(number));
            }
            "username" | "password" if matches!(value, OptionValue::None) => {}
            "username" => self.change(|options| options.user(text)),
            "password" => self.change(|options| options.password(text)),
            "socket_timeout" | "socket_connect_timeout" => {
                // Without one, Django would wait for ever: the default holds.
                if matches!(value, OptionValue::None) {
                    return Ok(());
                }
                let length = duration(number(value)?)?;
                if length.is_zero() {
                    return Err(Refusal::new("is no time to wait", "use a number of seconds above 0"));
                }
                self.change(|options| match name {
                    "socket_timeout" => options.timeout(length),
                    _ => options.connect_timeout(length),
                });
            }
            "ssl_cert_reqs" => {
                self.looks_at_certificate = match text.to_ascii_lowercase().as_str() {
                    "required" | "optional" | "1" | "2" => true,
                    "none" | "0" => false,
                    _ => return Err(Refusal::new("is none of Python's", "use required or none")),
                }
            }
            "ssl_check_hostname" => self.looks_at_name = truth(value),
            "ssl_ca_certs" => self.change(|options| options.root_certificate(text)),
            "ssl_certfile" => self.certificate = Some(text),
            "ssl_keyfile" => self.key = Some(text),
            "ssl_min_version" => only(value, &["769", "770", "771"])?,
            "protocol" => only(value, &["2", "3", "None"])?,
            "decode_responses" => only(value, &["False", "false", "0"])?,
            "encoding" => only(value, &["utf-8", "utf8", "UTF-8"])?,
            // How redis-py keeps its connections; here all commands share one, and the time-out holds.
            "max_connections"
            | "timeout"
            | "queue_class"
            | "retry"
            | "retry_on_timeout"
            | "retry_on_error"
            | "socket_keepalive"
            | "socket_keepalive_options"
            | "socket_read_size"
            | "socket_type"
            | "health_check_interval"
            | "encoding_errors"
            | "client_name"
            | "lib_name"
            | "lib_version"
            | "parser_class"
            | "legacy_responses" => {}
            "host" | "port" | "path" | "connection_class" | "ssl" => {
                return Err(Refusal::new("belongs in LOCATION", "write redis://, rediss:// or unix:// there"));
            }
            _ => return Err(other_client()),
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<RedisOptions, Refusal> {
        if let (false, Some(name)) = (self.tls, &self.needs_tls) {
            return Err(Refusal::new(format!("is without TLS, and {name} asks for it"), "use rediss://"));
        }
        if self.tls {
            let mode = match (self.looks_at_certificate, self.looks_at_name) {
                (true, true) => RedisTls::VerifyFull,
                (true, false) => RedisTls::VerifyCa,
                (false, _) => RedisTls::Require,
            };
            self.change(|options| options.tls(mode));
            match (self.certificate.take(), self.key.take()) {
                (Some(certificate), key) => {
                    // Like Python: the key may be in the file of the certificate.
                    let key = key.unwrap_or_else(|| certificate.clone());
                    self.change(|options| options.client_certificate(certificate, key));
                }
                (None, None) => {}
                (None, Some(_)) => {
                    return Err(Refusal::new("comes with ssl_keyfile, and without ssl_certfile", "give both"));
                }
            }
        }
        match (self.is_sentinel, self.sentinels.take()) {
            (false, _) => Ok(self.options),
            (true, Some(sentinels)) if !sentinels.is_empty() => {
                let service = self.host.take().filter(|host| !host.is_empty());
                let service = service
                    .ok_or_else(|| Refusal::new("names no service of the sentinels", "use redis://service-name/0"))?;
                let options = self.options.sentinel(service, sentinels);
                Ok(match self.sentinel_password {
                    Some(password) => options.sentinel_login(self.sentinel_user.as_deref(), password),
                    None => options,
                })
            }
            (true, _) => {
                Err(Refusal::new("names a service, and SENTINELS names nobody who knows it", "give OPTIONS.SENTINELS"))
            }
        }
    }
}

/// How many connections there are is not for Django's side to say; where they lead is.
fn pool_class(value: &OptionValue) -> Result<(), Refusal> {
    only(
        value,
        &[
            "redis.ConnectionPool",
            "redis.connection.ConnectionPool",
            "redis.BlockingConnectionPool",
            "redis.connection.BlockingConnectionPool",
            "redis.sentinel.SentinelConnectionPool",
        ],
    )
}

fn sentinels(value: &OptionValue) -> Option<Vec<(String, u16)>> {
    let OptionValue::List(members) = value else { return None };
    let pair = |member: &OptionValue| match member {
        OptionValue::List(pair) => match &pair[..] {
            [OptionValue::Text(host), port] => Some((host.clone(), u16::try_from(port.as_int()?).ok()?)),
            _ => None,
        },
        _ => None,
    };
    members.iter().map(pair).collect()
}
