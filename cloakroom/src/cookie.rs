//! The cookie's text, both ways, to the letter as Django reads and writes it.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use crate::Timestamp;
use crate::settings::{SameSite, Settings};

/// What name and value of a cookie may have together, in bytes: browsers drop what is larger (RFC 6265bis, section 5.6).
pub(crate) const SIZE_LIMIT: usize = 4_096;

/// The parts of a `Set-Cookie` that do not change from request to request. Attributes stand in the order of
/// Python's `http.cookies`.
#[derive(Clone, Debug)]
pub(crate) struct CookieTemplate {
    name: String,
    /// From the domain up to where `expires` stands.
    domain: String,
    httponly: &'static str,
    /// From the path on.
    tail: String,
    removal: String,
}

/// What a cookie is sent with.
struct Attributes<'a> {
    name: &'a str,
    domain: Option<&'a str>,
    path: &'a str,
    secure: bool,
    httponly: bool,
    samesite: &'a SameSite,
    partitioned: bool,
}

impl CookieTemplate {
    /// The session's.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self::with(&Attributes {
            name: &settings.session_cookie_name,
            domain: settings.session_cookie_domain.as_deref(),
            path: &settings.session_cookie_path,
            secure: settings.session_cookie_secure,
            httponly: settings.session_cookie_httponly,
            samesite: &settings.session_cookie_samesite,
            partitioned: settings.session_cookie_partitioned,
        })
    }

    /// Django's for CSRF tokens.
    pub(crate) fn csrf(settings: &Settings) -> Self {
        let csrf = &settings.csrf;
        Self::with(&Attributes {
            name: &csrf.name,
            domain: csrf.domain.as_deref(),
            path: &csrf.path,
            secure: csrf.secure,
            httponly: csrf.httponly,
            samesite: &csrf.samesite,
            partitioned: false,
        })
    }

    fn with(attributes: &Attributes<'_>) -> Self {
        let name = attributes.name.to_owned();
        let attribute = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("; {name}={value}") }
        };
        let domain = attribute("Domain", attributes.domain.unwrap_or_default());
        let httponly = if attributes.httponly { "; HttpOnly" } else { "" };
        let partitioned = if attributes.partitioned { "; Partitioned" } else { "" };
        let mut tail = format!("{partitioned}{}", attribute("Path", attributes.path));
        tail.push_str(&attribute("SameSite", attributes.samesite.as_str().unwrap_or_default()));
        if attributes.secure {
            tail.push_str("; Secure");
        }
        // With the flags the cookie had, or browsers may keep it (D15).
        let removal = format!("{name}=\"\"{domain}; expires=Thu, 01 Jan 1970 00:00:00 GMT{httponly}; Max-Age=0{tail}");
        Self { name, domain, httponly, tail, removal }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Sets the cookie; `life` is `Max-Age` in seconds and the moment it ends, `None` to end with the
    /// browser.
    pub(crate) fn set(&self, value: &str, life: Option<(i64, Timestamp)>) -> String {
        let Self { name, domain, httponly, tail, .. } = self;
        let mut text = String::with_capacity(name.len() + value.len() + domain.len() + tail.len() + 80);
        for part in [name, "=", value, domain] {
            text.push_str(part);
        }
        match life {
            None => text.push_str(httponly),
            Some((max_age, ends)) => {
                text.push_str("; expires=");
                push_http_date(&mut text, ends);
                text.push_str(httponly);
                text.push_str("; Max-Age=");
                text.push_str(itoa::Buffer::new().format(max_age));
            }
        }
        text.push_str(tail);
        text
    }

    /// Removes the cookie.
    pub(crate) fn removal(&self) -> &str {
        &self.removal
    }
}

/// RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn push_http_date(text: &mut String, moment: Timestamp) {
    const DAYS: [&str; 7] = ["Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "];
    const MONTHS: [&str; 12] =
        [" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "];
    let civil = moment.to_civil(&TimeZone::UTC);
    // Digit by digit: the formatter would cost as much as all the rest of a cookie.
    let mut two_digits = |before: &str, number: i8| {
        text.push_str(before);
        let number = number.unsigned_abs();
        text.push(char::from(b'0' + number / 10 % 10));
        text.push(char::from(b'0' + number % 10));
    };
    two_digits(DAYS[civil.weekday().to_monday_zero_offset() as usize], civil.day());
    two_digits(MONTHS[(civil.month() - 1) as usize], (civil.year() / 100) as i8);
    two_digits("", (civil.year() % 100) as i8);
    two_digits(" ", civil.hour());
    two_digits(":", civil.minute());
    two_digits(":", civil.second());
    text.push_str(" GMT");
}

/// The value of a cookie in a `Cookie` header, as Django reads it: of several cookies of one name the last
/// counts, white space around name and value does not, and a quoted value is unquoted.
pub(crate) fn find<'a>(header: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    let mut found = None;
    let mut rest = header;
    loop {
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let chunk = rest[..end].trim_ascii_start();
        let value = chunk.strip_prefix(name.as_bytes()).and_then(|after| after.trim_ascii_start().strip_prefix(b"="));
        if let Some(value) = value {
            found = Some(value.trim_ascii());
        }
        match rest.get(end + 1..) {
            Some(next) => rest = next,
            None => return found.map(unquote),
        }
    }
}

/// As Python's `http.cookies` does: in a value between quotation marks, `\"` stands for `"` and `\070` for
/// the byte of that octal number.
fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = value else { return Cow::Borrowed(value) };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let octal = |byte: u8, highest: u8| (b'0'..=highest).contains(&byte).then(|| byte - b'0');
    let mut plain = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }
        if let [a, b, c, after @ ..] = rest
            && let (Some(a), Some(b), Some(c)) = (octal(*a, b'3'), octal(*b, b'7'), octal(*c, b'7'))
        {
            plain.push(a * 64 + b * 8 + c);
            rest = after;
            continue;
        }
        match rest {
            [escaped, after @ ..] => {
                plain.push(*escaped);
                rest = after;
            }
            [] => plain.push(b'\\'),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: &str) -> Option<String> {
        find(header.as_bytes(), "sid").map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    #[test]
    fn the_last_cookie_of_the_name_counts() {
        assert_eq!(found("sid=a; sid=b").as_deref(), Some("b"));
        assert_eq!(found("a=1;sid=x ;b=2").as_deref(), Some("x"));
        assert_eq!(found(" sid =  x ").as_deref(), Some("x"));
        assert_eq!(found("sid=x=y;").as_deref(), Some("x=y"));
        assert_eq!(found("sid=").as_deref(), Some(""));
    }

    #[test]
    fn another_name_is_another_cookie() {
        for header in ["", ";", "sid", "SID=a", "xsid=a", "sidx=a", "a=sid=b", "=a"] {
            assert_eq!(found(header), None, "{header:?}");
        }
    }

    #[test]
    fn quoted_values_are_unquoted() {
        assert_eq!(found(r#"sid="abc""#).as_deref(), Some("abc"));
        assert_eq!(found(r#"sid="\070a\"b\\c""#).as_deref(), Some("8a\"b\\c"));
        assert_eq!(found(r#"sid=""#).as_deref(), Some("\""));
        assert_eq!(found(r#"sid="abc"#).as_deref(), Some("\"abc"));
        assert_eq!(found(r#"sid=\145"#).as_deref(), Some("\\145"));
        assert_eq!(found(r#"sid="\9\400""#).as_deref(), Some("9400"));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read(header in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            let _ = find(&header, "sid");
        }

        #[test]
        fn a_value_is_found_among_others(
            before in "([a-z]{1,4}=[a-z0-9]{0,4}; ?){0,4}",
            value in "[!#-+\\--:<-\\[\\]-~]{0,40}",
            after in "(; [a-z]{1,2}=[a-z0-9]{0,4}){0,4}",
        ) {
            let header = format!("{before}sid={value}{after}");
            proptest::prop_assert_eq!(found(&header), Some(value));
        }
    }

    #[test]
    fn attributes_stand_where_python_puts_them() {
        let settings = Settings::new()
            .session_cookie_domain("example.com")
            .session_cookie_secure(true)
            .session_cookie_partitioned(true);
        let cookie = CookieTemplate::new(&settings);
        let ends = Timestamp::from_seconds(1_816_919_711).unwrap();
        assert_eq!(
            cookie.set("k", Some((60, ends))),
            "sessionid=k; Domain=example.com; expires=Fri, 30 Jul 2027 03:55:11 GMT; HttpOnly; Max-Age=60; \
             Partitioned; Path=/; SameSite=Lax; Secure"
        );
        assert_eq!(
            cookie.set("k", None),
            "sessionid=k; Domain=example.com; HttpOnly; Partitioned; Path=/; SameSite=Lax; Secure"
        );
        assert_eq!(
            cookie.removal(),
            "sessionid=\"\"; Domain=example.com; expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; \
             Partitioned; Path=/; SameSite=Lax; Secure"
        );
    }
}
