//! `Cookie` headers, through the layer: of all of them the last cookie of the name counts, read as Python reads it, and
//! a cookie that follows hostile ones is still found.

use std::convert::Infallible;

use cloakroom::middleware::Sessions;
use cloakroom::{SessionKey, SessionLayer, SessionStore};
use http::header::COOKIE;
use http::{HeaderValue, Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::json::look_at;
use super::support::{at_now, block_on, key, settings};

const NAME: &[u8] = b"sessionid";

/// Each line is a header.
pub fn check(data: &[u8]) {
    let headers: Vec<_> = data.split(|byte| *byte == b'\n').flat_map(HeaderValue::from_bytes).collect();
    let bytes: Vec<&[u8]> = headers.iter().map(HeaderValue::as_bytes).collect();
    let expected = last_cookie(&bytes.join(&b';'));
    let expected = expected.and_then(|value| SessionKey::parse(std::str::from_utf8(&value).ok()?).ok());
    let in_memory = SessionStore::memory(settings()).expect("a store");
    assert_eq!(visit(&in_memory, &headers), expected);

    // Two more ways to send a good one behind them.
    let good = HeaderValue::try_from(format!("sessionid={}", key().as_str())).expect("a header");
    let mut more = headers.clone();
    more.push(good.clone());
    assert_eq!(visit(&in_memory, &more), Some(key()));
    let one = HeaderValue::from_bytes(&[&bytes.join(&b';'), good.as_bytes()].join(&b';')).expect("a header");
    assert_eq!(visit(&in_memory, &[one]), Some(key()));

    let signed = at_now(SessionStore::signed_cookies(settings()).expect("a store"));
    visit(&signed, &headers);
}

/// The key of the session that the handler is given.
fn visit(store: &SessionStore, headers: &[HeaderValue]) -> Option<SessionKey> {
    let handler = service_fn(|request: Request<()>| async move {
        let session = request.extensions().get::<Sessions>().expect("the layer's sessions").innermost().clone();
        let loaded = session.load().await.expect("no cookie is an error");
        look_at(&loaded.data());
        let mut response = Response::new(String::new());
        // What was asked for, before loading found nothing under it.
        response.extensions_mut().insert(Some(loaded.data().len()));
        Ok::<_, Infallible>(response)
    });
    let asked = service_fn(|request: Request<()>| async move {
        let key = request.extensions().get::<Sessions>().expect("the layer's sessions").innermost().session_key();
        let mut response = Response::new(String::new());
        response.extensions_mut().insert(key);
        Ok::<_, Infallible>(response)
    });
    let request = || {
        let mut request = Request::new(());
        for header in headers {
            request.headers_mut().append(COOKIE, header.clone());
        }
        request
    };
    let layer = SessionLayer::new(store.clone());
    let loaded = block_on(layer.layer(handler).oneshot(request())).expect("an answer");
    assert_eq!(loaded.status(), 200);
    let answer = block_on(layer.layer(asked).oneshot(request())).expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.extensions().get::<Option<SessionKey>>().cloned().flatten()
}

/// As `django.http.cookie.parse_cookie` does it, one step after the other.
fn last_cookie(header: &[u8]) -> Option<Vec<u8>> {
    header.split(|byte| *byte == b';').rev().find_map(|chunk| {
        let at = chunk.iter().position(|byte| *byte == b'=')?;
        (chunk[..at].trim_ascii() == NAME).then(|| unquote(chunk[at + 1..].trim_ascii()))
    })
}

/// As Python's `http.cookies._unquote`.
fn unquote(value: &[u8]) -> Vec<u8> {
    if value.len() < 2 || value[0] != b'"' || value[value.len() - 1] != b'"' {
        return value.to_vec();
    }
    let inner = &value[1..value.len() - 1];
    let (mut plain, mut at) = (Vec::new(), 0);
    while at < inner.len() {
        let number =
            inner.get(at + 1..at + 4).filter(|digits| matches!(digits, [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7']));
        match (inner[at], number, inner.get(at + 1)) {
            (b'\\', Some(digits), _) => {
                plain.push(digits.iter().fold(0, |number, digit| number << 3 | (digit - b'0')));
                at += 4;
            }
            (b'\\', None, Some(escaped)) => {
                plain.push(*escaped);
                at += 2;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    plain
}
