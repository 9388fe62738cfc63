//! What becomes of each option.

use crate::settings::environ::OptionValue;
use crate::settings::refusal::{Refusal, duration, number};
use crate::storage::mysql::{MysqlIsolation, MysqlOptions, MysqlTls};

/// The bit of `client_flag` that asks for TLS.
const CLIENT_SSL: i64 = 2_048;

/// What was read so far.
pub(super) struct Read {
    options: MysqlOptions,
    name: String,
    user: String,
    host: String,
    port: Option<u16>,
    socket: Option<String>,
    tls: Option<MysqlTls>,
    /// TLS was asked for without a word on certificates.
    wants_tls: bool,
    verify_ca: bool,
    verify_identity: bool,
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            options: MysqlOptions::new(""),
            name: String::new(),
            user: String::new(),
            host: String::new(),
            port: None,
            socket: None,
            tls: None,
            wants_tls: false,
            verify_ca: false,
            verify_identity: false,
            authority: None,
            certificate: None,
            key: None,
        }
    }
}

impl Read {
    fn change(&mut self, change: impl FnOnce(MysqlOptions) -> MysqlOptions) {
        self.options = change(self.options.clone());
    }

    /// One of Django's settings that say where the database is.
    pub(super) fn member(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "NAME" => value.clone_into(&mut self.name),
            "USER" => value.clone_into(&mut self.user),
            "PASSWORD" => self.change(|options| options.password(value)),
            "HOST" if value.starts_with('/') => self.socket = Some(value.to_owned()),
            "HOST" => {
                // An IPv6 address in brackets, as a URL has it.
                let bare = value.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(value);
                bare.clone_into(&mut self.host);
            }
            _ => {
                let port = value.parse().map_err(|_| Refusal::new("is no port", "use a number up to 65535"))?;
                self.port = Some(port);
            }
        }
        Ok(())
    }

    /// An option of an option file, by the client's name for it.
    pub(super) fn of_file(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let bare = name.strip_prefix("loose-").or_else(|| name.strip_prefix("loose_")).unwrap_or(name);
        match bare.replace('_', "-").as_str() {
            "database" => self.member("NAME", value),
            "user" => self.member("USER", value),
            "password" => self.member("PASSWORD", value),
            "host" => self.member("HOST", value),
            "port" => self.member("PORT", value),
            "socket" => self.member("HOST", value),
            "default-character-set" | "protocol" if value != "pipe" && value != "memory" => Ok(()),
            "ssl" | "ssl-verify-server-cert" => {
                let yes = !matches!(value, "0" | "off" | "OFF" | "false" | "FALSE");
                let name = if bare == "ssl" { "ssl" } else { "ssl_verify_identity" };
                self.option(name, &OptionValue::Bool(yes))
            }
            "ssl-ca" | "ssl-cert" | "ssl-key" | "ssl-mode" | "ssl-capath" | "ssl-cipher" | "connect-timeout"
            | "init-command" => self.option(&bare.replace('-', "_"), &OptionValue::Text(value.to_owned())),
            _ if bare != name => Ok(()),
            _ => Err(Refusal::new("is an option that cloakroom does not know", "leave it out of that group")),
        }
    }

    /// One of `OPTIONS`, under the name that mysqlclient, PyMySQL, MySQL Connector or Django has for it.
    pub(super) fn option(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        let text = value.to_string();
        let yes = matches!(value, OptionValue::Bool(true) | OptionValue::Int(1)) || matches!(&*text, "True" | "true");
        match name {
            "unix_socket" => self.socket = Some(text),
            "ssl_mode" => {
                let modes = "use DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY";
                let mode = MysqlTls::from_ssl_mode(&text).ok_or_else(|| Refusal::new("is no ssl_mode", modes))?;
                self.tls = Some(mode);
            }
            "ssl" => self.wants_tls = yes,
            "ssl.ca" | "ssl_ca" => self.authority = Some(text),
            "ssl.cert" | "ssl_cert" => self.certificate = Some(text),
            "ssl.key" | "ssl_key" => self.key = Some(text),
            "ssl_disabled" if yes => self.tls = Some(MysqlTls::Disabled),
            "ssl_disabled" => {}
            "ssl_verify_cert" | "ssl.verify_cert" => self.verify_ca = yes,
            "ssl_verify_identity" | "ssl.check_hostname" => self.verify_identity = yes,
            "ssl.capath" | "ssl_capath" => {
                return Err(Refusal::new(
                    "names a folder of certificates, which is not read",
                    "name one file as ssl.ca",
                ));
            }
            "connect_timeout" | "connection_timeout" => {
                let seconds = number(value)?;
                // 0 means no limit; the storage's own time-out holds in any case.
                if seconds > 0.0 {
                    let timeout = duration(seconds)?;
                    self.change(|options| options.connect_timeout(timeout));
                }
            }
            "read_timeout" => {
                let seconds = number(value)?;
                if seconds > 0.0 {
                    let timeout = duration(seconds)?;
                    self.change(|options| options.timeout_at_most(timeout));
                }
            }
            "init_command" => self.change(|options| options.init_command(text)),
            "sql_mode" => {
                let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b' ');
                if !text.bytes().all(is_word) {
                    return Err(Refusal::new("is no sql_mode", "use words with commas between"));
                }
                self.change(|options| options.sql_mode(text));
            }
            "isolation_level" => {
                let level = match value {
                    OptionValue::None => None,
                    _ if text == "None" || text.is_empty() => None,
                    _ => Some(MysqlIsolation::from_name(&text.replace('-', " ")).ok_or_else(|| {
                        let levels = "use read uncommitted, read committed, repeatable read, serializable or None";
                        Refusal::new("is no isolation level", levels)
                    })?),
                };
                self.change(|options| options.isolation(level));
            }
            "client_flag" => {
                let flags = value.as_int().ok_or_else(|| Refusal::new("is no number", "leave it out"))?;
                if flags & CLIENT_SSL != 0 {
                    return Err(Refusal::new("asks for TLS", "ask for it with ssl_mode = REQUIRED"));
                }
            }
            "auth_plugin"
                if matches!(&*text, "mysql_native_password" | "caching_sha2_password" | "sha256_password") => {}
            "auth_plugin" => {
                let remedy = "use mysql_native_password, caching_sha2_password or sha256_password";
                return Err(Refusal::new("names a plugin that cloakroom does not have", remedy));
            }
            "server_public_key_path" => {
                return Err(Refusal::new("names an RSA key, which is not used", "use TLS or a Unix socket"));
            }
            // Read before all others.
            "read_default_file" | "read_default_group" => {}
            // How Django's side sends, reads and shows values; here a connection is always utf8mb4, commits by
            // itself, and every comparison is one of bytes.
            "charset" | "collation" | "use_unicode" | "autocommit" | "conv" | "cursorclass" | "use_pure"
            | "raise_on_warnings" | "get_warnings" | "consume_results" | "local_infile" | "multi_statements"
            | "binary_prefix" | "program_name" | "conn_attrs" | "max_allowed_packet" => {}
            // Not needed: a packet is small, and the time-out of an operation holds for writing too.
            "compress" | "write_timeout" => {}
            "host" | "port" | "user" | "password" | "passwd" | "database" | "db" => {
                let remedy = "give it as HOST, PORT, USER, PASSWORD or NAME";
                return Err(Refusal::new("belongs beside OPTIONS, not in it", remedy));
            }
            _ => {
                let remedy = "leave it out, or open the database with a pool of your own";
                return Err(Refusal::new("is not known to cloakroom", remedy));
            }
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
            // TIME_ZONE is read with the others; the rest says how Django's requests use a connection.
            _ => {}
        }
        Ok(())
    }

    /// The options, or the setting that something is wrong with.
    pub(super) fn finish(
        mut self,
        default_socket: impl FnOnce() -> Option<String>,
    ) -> Result<MysqlOptions, (&'static str, Refusal)> {
        if self.name.is_empty() {
            return Err(("NAME", Refusal::new("is empty", "give the name of the database")));
        }
        if self.user.is_empty() {
            // The client library takes the name of the user that the process runs as.
            let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
            if user.is_empty() {
                return Err(("USER", Refusal::new("is empty", "give the name of the user")));
            }
            self.user = user;
        }
        let tls = self.tls()?;
        let mut options = self.options.database(&self.name).user(&self.user);
        // For the client library no host and `localhost` mean the socket. A port is taken at its word.
        let is_local = matches!(&*self.host, "" | "localhost") && self.port.is_none();
        if let Some(socket) = self.socket.or_else(|| is_local.then(default_socket).flatten()) {
            options = options.socket(socket);
        }
        if !self.host.is_empty() {
            options = options.host(&self.host);
        }
        if let Some(port) = self.port {
            options = options.port(port);
        }
        if let Some(authority) = self.authority {
            options = options.root_certificate(authority);
        }
        if let (Some(certificate), Some(key)) = (self.certificate, self.key) {
            options = options.client_certificate(certificate, key);
        }
        Ok(match tls {
            Some(tls) => options.tls(tls),
            None => options,
        })
    }

    fn tls(&self) -> Result<Option<MysqlTls>, (&'static str, Refusal)> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err(("OPTIONS.ssl", Refusal::new("has only one of cert and key", "give both")));
        }
        let asked = if self.verify_identity {
            Some(MysqlTls::VerifyIdentity)
        } else if self.verify_ca || self.authority.is_some() {
            // With an authority the client library looks at the server's certificate.
            Some(MysqlTls::VerifyCa)
        } else if self.wants_tls || self.certificate.is_some() {
            Some(MysqlTls::Required)
        } else {
            None
        };
        match (self.tls, asked) {
            (Some(MysqlTls::Disabled), Some(_)) => {
                Err(("OPTIONS.ssl", Refusal::new("asks for TLS, which ssl_mode forbids", "leave one of them out")))
            }
            (Some(mode), _) => Ok(Some(mode)),
            (None, asked) => Ok(asked),
        }
    }
}
