//! What the response says about the session.

use http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE, VARY};
use http::{HeaderMap, Response};

use crate::LazySession;
use crate::session::{Answer, CookieAction};

pub(super) fn with_answer<B>(mut response: Response<B>, answer: &Answer, session: &LazySession) -> Response<B> {
    if !answer.vary && answer.cookie == CookieAction::Keep {
        return response;
    }
    let headers = response.headers_mut();
    vary_on_cookie(headers);
    let cookie = session.store().cookie();
    let text = match &answer.cookie {
        CookieAction::Keep => return response,
        CookieAction::Remove => HeaderValue::from_str(cookie.removal()),
        CookieAction::Set { key, life } => HeaderValue::try_from(cookie.set(key.as_str(), *life)),
    };
    // The settings were checked to hold nothing that a header cannot.
    if let Ok(mut text) = text {
        // Not shown by `Debug`, and not kept in HTTP/2's header tables.
        text.set_sensitive(true);
        remove_cookies_named(headers, cookie.name());
        headers.append(SET_COOKIE, text);
        keep_private(headers);
    }
    response
}

/// A shared cache that stored this answer would hand the cookie in it to the next visitor (S16).
fn keep_private(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
}

/// For an answer with another cookie that is one visitor's.
pub(crate) fn keep_from_caches(headers: &mut HeaderMap) {
    vary_on_cookie(headers);
    keep_private(headers);
}

/// As Django's `patch_vary_headers`: nothing is added to `*`, and `Cookie` only once.
fn vary_on_cookie(headers: &mut HeaderMap) {
    const COOKIE: HeaderValue = HeaderValue::from_static("Cookie");
    let Some(first) = headers.get(VARY) else {
        headers.insert(VARY, COOKIE);
        return;
    };
    if first.as_bytes() == b"Cookie" && headers.get_all(VARY).iter().nth(1).is_none() {
        return;
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for header in headers.get_all(VARY) {
        names.extend(header.as_bytes().split(|byte| *byte == b',').map(|name| name.trim_ascii().to_vec()));
    }
    if names.iter().any(|name| name == b"*") {
        headers.insert(VARY, HeaderValue::from_static("*"));
        return;
    }
    if !names.iter().any(|name| name.eq_ignore_ascii_case(b"cookie")) {
        names.push(b"Cookie".to_vec());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&names.join(&b", "[..])) {
        headers.insert(VARY, joined);
    }
}

/// One `Set-Cookie` a name: the session's own replaces what a handler set under it (S14).
fn remove_cookies_named(headers: &mut HeaderMap, name: &str) {
    let is_named = |header: &HeaderValue| {
        header.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
    };
    if !headers.get_all(SET_COOKIE).iter().any(is_named) {
        return;
    }
    let others: Vec<HeaderValue> =
        headers.get_all(SET_COOKIE).iter().filter(|header| !is_named(header)).cloned().collect();
    headers.remove(SET_COOKIE);
    for other in others {
        headers.append(SET_COOKIE, other);
    }
}
