//! URLs as Python's `urllib.parse.urlparse` takes them apart.

/// The parts of a URL that matter here, nothing decoded.
#[derive(Clone)]
pub(crate) struct Url {
    /// In small letters.
    pub(crate) scheme: String,
    pub(crate) netloc: String,
    /// With its first slash.
    pub(crate) path: String,
    pub(crate) query: String,
    fragment: String,
}

/// Brackets of an IPv6 address that do not fit, or a port that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadUrl;

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, BadUrl> {
        // Control characters and blanks before it, tabs and line ends within it: gone.
        let text: String = text
            .trim_start_matches(|character: char| character <= ' ')
            .chars()
            .filter(|character| !matches!(character, '\t' | '\r' | '\n'))
            .collect();
        let (scheme, rest) = split_scheme(&text);
        let (netloc, rest) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
            None => ("", rest),
        };
        check_brackets(netloc)?;
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self {
            scheme,
            netloc: netloc.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            fragment: fragment.to_owned(),
        })
    }

    /// As [`parse`](Self::parse) after everything but `:/?&=@` was escaped: so a `#` or `[` in a password does no
    /// harm.
    pub(crate) fn parse_escaped(text: &str) -> Result<Self, BadUrl> {
        let mut escaped = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"_.-~:/?&=@".contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
        Self::parse(&escaped)
    }

    /// The URL put together again; empty parts leave their marks out.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}:", self.scheme);
        if self.scheme.is_empty() {
            text.clear();
        }
        if !self.netloc.is_empty() || self.path.starts_with("//") {
            text.push_str("//");
            text.push_str(&self.netloc);
            if !self.path.is_empty() && !self.path.starts_with('/') {
                text.push('/');
            }
        }
        text.push_str(&self.path);
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if !part.is_empty() {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }

    /// What stands before the last `@`, and what stands behind it.
    fn user_and_host(&self) -> (Option<&str>, &str) {
        match self.netloc.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, &self.netloc),
        }
    }

    pub(crate) fn username(&self) -> &str {
        self.user_and_host().0.map(|user| user.split(':').next().unwrap_or_default()).unwrap_or_default()
    }

    pub(crate) fn password(&self) -> &str {
        self.user_and_host().0.and_then(|user| user.split_once(':')).map(|(_, password)| password).unwrap_or_default()
    }

    /// Host and port as they are written: `host:port`, several perhaps.
    pub(crate) fn host_and_port(&self) -> &str {
        self.user_and_host().1
    }

    fn host_port(&self) -> (&str, &str) {
        let host = self.user_and_host().1;
        match host.split_once('[') {
            Some((_, bracketed)) => {
                let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (host, rest.split_once(':').map(|(_, port)| port).unwrap_or_default())
            }
            None => host.split_once(':').unwrap_or((host, "")),
        }
    }

    /// The host in small letters, but what follows a `%` as it is; empty if there is none.
    pub(crate) fn hostname(&self) -> String {
        let host = self.host_port().0;
        match host.split_once('%') {
            Some((name, zone)) => format!("{}%{zone}", name.to_lowercase()),
            None => host.to_lowercase(),
        }
    }

    pub(crate) fn port(&self) -> Result<Option<u16>, BadUrl> {
        let port = self.host_port().1;
        if port.is_empty() {
            return Ok(None);
        }
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadUrl);
        }
        let port = port.trim_start_matches('0');
        if port.is_empty() { Ok(Some(0)) } else { port.parse().map(Some).map_err(|_| BadUrl) }
    }
}

fn split_scheme(text: &str) -> (String, &str) {
    let of_a_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(of_a_scheme) =>
        {
            (scheme.to_ascii_lowercase(), rest)
        }
        _ => (String::new(), text),
    }
}

/// Brackets come in pairs, around an IPv6 address and nothing else.
fn check_brackets(netloc: &str) -> Result<(), BadUrl> {
    if netloc.contains('[') != netloc.contains(']') {
        return Err(BadUrl);
    }
    let Some((_, rest)) = netloc.split_once('[') else { return Ok(()) };
    let (host, _) = rest.split_once(']').ok_or(BadUrl)?;
    if host.starts_with('v') {
        return Ok(());
    }
    let address = host.split('%').next().unwrap_or_default();
    address.parse::<std::net::Ipv6Addr>().map(|_| ()).map_err(|_| BadUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = Url::parse("PSQL://us:p@w:x@[::1]:5432/name?a=b#c").unwrap();
        assert_eq!((url.scheme.as_str(), url.path.as_str(), url.query.as_str()), ("psql", "/name", "a=b"));
        assert_eq!((url.username(), url.password()), ("us", "p@w:x"));
        assert_eq!((url.hostname().as_str(), url.port()), ("::1", Ok(Some(5432))));
        assert_eq!(url.to_text(), "psql://us:p@w:x@[::1]:5432/name?a=b#c");
    }

    #[test]
    fn what_is_no_port_or_address_is_refused() {
        assert!(Url::parse("a://[::1/b").is_err());
        assert!(Url::parse("a://[zz]/b").is_err());
        assert_eq!(Url::parse("a://h:x/b").unwrap().port(), Err(BadUrl));
        assert_eq!(Url::parse("a://h:65536/b").unwrap().port(), Err(BadUrl));
        assert_eq!(Url::parse("a://h:/b").unwrap().port(), Ok(None));
    }
}
