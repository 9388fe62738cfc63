//! Text as other types.

/// As django-environ reads them, beside whole numbers other than 0.
const TRUE: [&str; 5] = ["true", "on", "ok", "y", "yes"];
/// Django-environ takes everything else for false; a typing error should not switch off a protection.
const FALSE: [&str; 5] = ["false", "off", "n", "no", ""];

/// `None` for text that is neither: Django-environ answers false there.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if let Some(digits) = whole(text) {
        return Some(digits.bytes().any(|digit| matches!(digit, b'1'..=b'9')));
    }
    let text = text.trim();
    let is = |known: &&str| text.eq_ignore_ascii_case(known);
    if TRUE.iter().any(is) {
        Some(true)
    } else if FALSE.iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// A number as Python's `int` reads it, or with a fraction.
pub(crate) fn number(text: &str) -> Option<f64> {
    match whole(text) {
        Some(digits) => digits.parse().ok(),
        None => text.trim().parse().ok(),
    }
}

/// The members that commas separate; empty ones do not count.
pub(crate) fn list(text: &str) -> Vec<&str> {
    text.split(',').filter(|member| !member.is_empty()).collect()
}

/// The digits of a whole number as Python writes them: space around, one sign, single underscores between.
fn whole(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let parts = digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    parts.then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans() {
        for (text, expected) in [
            ("1", Some(true)),
            (" -1_0 ", Some(true)),
            ("00", Some(false)),
            ("Yes", Some(true)),
            (" on ", Some(true)),
            ("", Some(false)),
            ("OFF", Some(false)),
            ("ture", None),
            ("1.0", None),
        ] {
            assert_eq!(boolean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(number(" 1_209_600 "), Some(1_209_600.0));
        assert_eq!(number("-10.25"), Some(-10.25));
        assert_eq!(number("1__0"), None);
        assert_eq!(number("two weeks"), None);
    }
}
