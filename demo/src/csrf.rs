//! Requests that change something must not come from another site.
//!
//! Browsers say where a request comes from, and pages cannot make them lie: `Sec-Fetch-Site` where it is sent,
//! otherwise `Origin`. What sends neither is no browser, and nobody's cookies can be borrowed with it.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// A middleware for all routes.
pub(crate) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    if is_safe(request.method()) || is_from_here(request.headers()) {
        return next.run(request).await;
    }
    let what = "This request came from another site and was refused.";
    crate::app::refusal(request.uri().path(), StatusCode::FORBIDDEN, what)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn is_from_here(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter().peekable();
    if sites.peek().is_some() {
        // `none`: the visitor's own doing, from the address bar for example.
        return sites.all(|site| site == "same-origin" || site == "none");
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok());
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            // The scheme is not compared: a proxy in front may speak HTTPS.
            origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, axum::http::HeaderValue::from_static(value));
        }
        is_from_here(&map)
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:8000");

    #[test]
    fn the_browser_says_where_a_request_comes_from() {
        assert!(allowed(&[HERE, ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[HERE, ("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", "", "Same-Origin, none"] {
            assert!(!allowed(&[HERE, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!allowed(&[HERE, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]));
        // The newer header decides.
        assert!(!allowed(&[HERE, ("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8000")]));
    }

    #[test]
    fn an_origin_must_be_this_host() {
        assert!(allowed(&[HERE, ("origin", "http://127.0.0.1:8000")]));
        assert!(allowed(&[("host", "Example.com"), ("origin", "https://example.com")]));
        for origin in ["http://127.0.0.1:8001", "http://127.0.0.1", "null", "", "http://evil.example", "127.0.0.1:8000"]
        {
            assert!(!allowed(&[HERE, ("origin", origin)]), "{origin}");
        }
        assert!(!allowed(&[("origin", "http://127.0.0.1:8000")]), "no host to compare with");
        assert!(!allowed(&[HERE, ("origin", "http://127.0.0.1:8000"), ("origin", "http://evil.example")]));
    }

    #[test]
    fn what_is_no_browser_is_let_in() {
        assert!(allowed(&[HERE]));
    }

    #[test]
    fn looking_is_never_refused() {
        assert!(is_safe(&Method::GET) && is_safe(&Method::HEAD));
        assert!(!is_safe(&Method::POST) && !is_safe(&Method::PUT) && !is_safe(&Method::DELETE));
    }
}
