use std::fmt;

/// A value in the query of a URL or in a table of options: text, or what Python reads in it.
///
/// ```
/// use cloakroom::Cache;
/// use cloakroom::environ::OptionValue;
///
/// let cache = Cache::from_url("pymemcache://one:11211?no_delay=True&max_pool_size=4&encoding=utf8")?;
/// assert_eq!(cache.option("NO_DELAY").and_then(OptionValue::as_bool), Some(true));
/// assert_eq!(cache.option("MAX_POOL_SIZE").and_then(OptionValue::as_int), Some(4));
/// assert_eq!(cache.option("ENCODING").and_then(OptionValue::as_text), Some("utf8"));
/// assert_eq!(OptionValue::Float(2.5).as_number(), Some(2.5));
/// assert_eq!(OptionValue::List(vec![OptionValue::None, "a".into()]).to_string(), "[None, a]");
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// Python's `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Anything else, as it was written.
    Text(String),
    /// Several, from a list in a TOML file; a URL has none.
    List(Vec<OptionValue>),
}

impl OptionValue {
    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}

/// As Python writes it; text without quotes.
impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(text),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
        }
    }
}

// Text may be a password: what it belongs to decides whether it is shown.
impl fmt::Debug for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::List(values) => f.debug_list().entries(values).finish(),
            other => fmt::Display::fmt(other, f),
        }
    }
}

impl From<&str> for OptionValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for OptionValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for OptionValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for OptionValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// Text of digits alone is a number.
pub(crate) fn digits(text: &str) -> OptionValue {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if only_digits => OptionValue::Int(number),
        _ => OptionValue::Text(text.to_owned()),
    }
}

/// A Python literal: `None`, a truth value, a number, or text in quotes. Lists, tuples, dictionaries and
/// numbers beyond 64 bits stay text here.
pub(crate) fn literal(text: &str) -> OptionValue {
    // Python forgives blanks before a literal.
    let trimmed = text.trim_start_matches([' ', '\t']).trim_end();
    match trimmed {
        "None" => return OptionValue::None,
        "True" => return OptionValue::Bool(true),
        "False" => return OptionValue::Bool(false),
        _ => {}
    }
    if let Some(quoted) = quoted(trimmed) {
        return OptionValue::Text(quoted.to_owned());
    }
    number(trimmed).unwrap_or_else(|| OptionValue::Text(text.to_owned()))
}

/// What stands between quotes; not with escapes, which nobody writes in a URL.
fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| {
        let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains([quote, '\\', '\n', '\r'])).then_some(inside)
    })
}

fn number(text: &str) -> Option<OptionValue> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let unsigned = unsigned.trim_start();
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    // Single underscores may stand between digits.
    let between = |at: usize| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = unsigned.as_bytes();
        digit(at.checked_sub(1).and_then(|at| bytes.get(at))) && digit(bytes.get(at + 1))
    };
    if !unsigned.match_indices('_').all(|(at, _)| between(at)) {
        return None;
    }
    let plain = unsigned.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            let number = (!rest.starts_with(['+', '-'])).then(|| i64::from_str_radix(rest, radix).ok())??;
            return Some(OptionValue::Int(sign * number));
        }
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        // 007 is no literal, 000 is.
        let zeros = plain.bytes().all(|byte| byte == b'0');
        let number: i64 = (zeros || !plain.starts_with('0')).then(|| plain.parse().ok())??;
        return Some(OptionValue::Int(sign * number));
    }
    if !lower.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte)) {
        return None;
    }
    let number: f64 = lower.parse().ok()?;
    Some(OptionValue::Float(f64::from(sign as i32) * number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("60", OptionValue::Int(60)),
            ("-1", OptionValue::Int(-1)),
            ("1_000", OptionValue::Int(1_000)),
            ("0x1F", OptionValue::Int(31)),
            ("000", OptionValue::Int(0)),
            ("1e3", OptionValue::Float(1_000.0)),
            (".5", OptionValue::Float(0.5)),
            ("None", OptionValue::None),
            ("True", OptionValue::Bool(true)),
            ("'quoted'", "quoted".into()),
            ("007", "007".into()),
            ("true", "true".into()),
            ("1__0", "1__0".into()),
            ("inf", "inf".into()),
            ("1.2.3", "1.2.3".into()),
            ("", "".into()),
        ] {
            assert_eq!(literal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn digits_alone_are_a_number() {
        assert_eq!(digits("007"), OptionValue::Int(7));
        assert_eq!(digits("-1"), "-1".into());
        assert_eq!(digits(""), "".into());
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(format!("{:?}", OptionValue::from("hunter2")), "Text(…)");
    }
}
