//! Names with values: of a URL's query, or of a table of options.

use std::fmt;

use super::OptionValue;

/// Options in the order they were given.
pub(crate) type Options = Vec<(String, OptionValue)>;

pub(crate) fn find<'a>(options: &'a [(String, OptionValue)], name: &str) -> Option<&'a OptionValue> {
    options.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// Puts a value in the place of one of the same name, or at the end.
pub(crate) fn put(options: &mut Options, name: String, value: OptionValue) {
    match options.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => options.push((name, value)),
    }
}

/// Options for a human reader: `?a=1&b=…`, what may be a secret left out.
pub(crate) struct Shown<'a>(pub(crate) &'a [&'a [(String, OptionValue)]]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().copied().flatten().enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            if may_be_secret(name) {
                write!(f, "{name}=…")?;
            } else {
                write!(f, "{name}={value}")?;
            }
        }
        Ok(())
    }
}

fn may_be_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "credential", "auth"].iter().any(|part| name.contains(part))
}

/// A URL without its password: `redis://user:…@host`.
pub(crate) fn without_password(url: &str) -> String {
    let Some((before, rest)) = url.split_once("://") else { return url.to_owned() };
    // The last `@`, even behind a slash: a password may hold one that is not escaped.
    let Some((user, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    match user.split_once(':') {
        Some((user, _)) => format!("{before}://{user}:…@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out() {
        assert_eq!(without_password("redis://:hunter2@h:6379/1"), "redis://:…@h:6379/1");
        assert_eq!(without_password("redis://u:hun/ter@2@h"), "redis://u:…@h");
        assert_eq!(without_password("redis://h:6379"), "redis://h:6379");
        let options = vec![("SSL_PASSWORD".to_owned(), "hunter2".into()), ("a".to_owned(), OptionValue::Int(1))];
        assert_eq!(Shown(&[&options]).to_string(), "?SSL_PASSWORD=…&a=1");
    }
}
