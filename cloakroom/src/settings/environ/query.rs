//! Escapes and queries of URLs, as Python's `urllib.parse` reads them.

/// As Python's `unquote`: an escape that is none stays as it is. `None` for escapes that are not UTF-8, which
/// Python turns into `U+FFFD`: a name or password with that in it is never the right one.
pub(crate) fn unquote(text: &str) -> Option<String> {
    decode(text, false)
}

/// As [`unquote`], with `+` for a space.
pub(crate) fn unquote_plus(text: &str) -> Option<String> {
    decode(text, true)
}

fn decode(text: &str, plus: bool) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) if plus => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).ok()
}

/// As Python's `parse_qs`, of which only the first value of each name is kept: pairs without a value do not
/// count.
pub(crate) fn parse_query(query: &str) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in query.split('&') {
        let Some((name, value)) = pair.split_once('=').filter(|(_, value)| !value.is_empty()) else { continue };
        let (name, value) = (unquote_plus(name)?, unquote_plus(value)?);
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, value));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_as_python_does() {
        assert_eq!(unquote_plus("a+b%20c%C3%A9%zz%4").as_deref(), Some("a b cé%zz%4"));
        assert_eq!(unquote("a+b").as_deref(), Some("a+b"));
        assert_eq!(unquote("%ff"), None);
    }

    #[test]
    fn the_first_value_of_a_name_counts() {
        let pairs = parse_query("a=1&b=&c&a=2&d=%26+x").unwrap();
        assert_eq!(pairs, [("a".to_owned(), "1".to_owned()), ("d".to_owned(), "& x".to_owned())]);
    }
}
