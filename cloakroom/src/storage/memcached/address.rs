//! Where a server listens, as Django's `LOCATION` has it.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// memcached's own port.
const PORT: u16 = 11211;

/// A text that names no memcached server.
///
/// ```
/// use cloakroom::storage::memcached::MemcachedOptions;
///
/// let error = MemcachedOptions::new(["cache.example:memcached"]).unwrap_err();
/// assert_eq!(error.location(), "cache.example:memcached");
/// assert_eq!(error.problem(), "its port is no number from 1 to 65535");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{location:?} names no memcached server: {problem}")]
pub struct MemcachedAddressError {
    location: String,
    problem: &'static str,
}

impl MemcachedAddressError {
    pub(super) fn new(location: &str, problem: &'static str) -> Self {
        Self { location: location.to_owned(), problem }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.problem
    }

    /// The text.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }
}

/// Where one server listens.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Socket(PathBuf),
}

impl Address {
    /// By pymemcache's rules: `host`, `host:port`, `[IPv6]:port`, `/path` or `unix:/path`.
    pub(super) fn parse(text: &str) -> Result<Self, MemcachedAddressError> {
        let location = text.trim();
        let error = |problem| Err(MemcachedAddressError::new(location, problem));
        let path = location.strip_prefix("unix:").or_else(|| location.starts_with('/').then_some(location));
        match path {
            Some("") => return error("the path of the socket is missing"),
            Some(path) => return Ok(Self::Socket(path.into())),
            None => {}
        }
        let (host, port) = match location.rsplit_once(':') {
            Some((host, port)) if !location.ends_with(']') => match port.parse() {
                Ok(port @ 1..) if port.to_string().len() <= 5 => (host, port),
                _ => return error("its port is no number from 1 to 65535"),
            },
            _ => (location, PORT),
        };
        let bare = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').unwrap_or(""),
            // Which colon would be the port's?
            None if host.contains(':') => return error("an IPv6 address needs brackets: [::1]:11211"),
            None => host,
        };
        if bare.is_empty() {
            return error("the host is missing");
        }
        if bare.contains(|character: char| character.is_whitespace() || "[]/@;,".contains(character)) {
            return error("use host:port, [IPv6]:port or unix:/path");
        }
        Ok(Self::Tcp { host: bare.to_owned(), port })
    }

    /// What pymemcache calls this server when it places keys.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Socket(path) => path.to_string_lossy().into_owned(),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn locations_are_read_as_pymemcache_reads_them() {
        for (text, name) in [
            ("cache", "cache:11211"),
            ("cache:1", "cache:1"),
            (" 127.0.0.1:65535 ", "127.0.0.1:65535"),
            ("[::1]", "::1:11211"),
            ("[fe80::1]:5", "fe80::1:5"),
            ("unix:/run/a.sock", "/run/a.sock"),
            ("unix:a.sock", "a.sock"),
            ("/run/a.sock", "/run/a.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().name(), name);
        }
        for text in ["", ":1", "a:", "a:0", "a:65536", "a:x", "::1", "[::1", "[]", "a b", "unix:", "redis://a:1", "a,b"]
        {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }
}
