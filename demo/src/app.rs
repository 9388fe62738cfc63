//! The site: the page and the JSON interface, each behind a session layer that answers errors in its own form.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use cloakroom::SessionStore;
use cloakroom::middleware::SessionLayer;

use crate::api::SiteUsers;
use crate::{api, csrf, headers, page};

/// The largest body that is read.
const BODY_LIMIT: usize = 1024 * 1024;

pub(crate) fn router(store: SessionStore, users: Option<SiteUsers>, test_routes: bool) -> Router {
    let page = page::routes(store.clone()).layer(SessionLayer::new(store.clone()).on_error(page::session_error));
    let api = api::routes(store.clone(), users, test_routes);
    let api = api.layer(SessionLayer::new(store).on_error(api::session_error));
    Router::new()
        .merge(page)
        .merge(page::assets())
        .merge(api)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(csrf::refuse_cross_site))
        .layer(from_fn(headers::add))
}

async fn not_found(request: Request) -> Response {
    refusal(request.uri().path(), StatusCode::NOT_FOUND, "no such address")
}

/// An answer without a session, as JSON or as a page, by the address.
pub(crate) fn refusal(path: &str, status: StatusCode, what: &str) -> Response {
    if path.starts_with("/api/") { api::error(status, what) } else { page::error(status, what) }
}
