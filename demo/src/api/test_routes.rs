//! Routes that only tests need: `DEMO_TEST_ROUTES=1`.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::{LazySession, SessionStore};

use super::answer::{Refused, described, json};
use super::body::{self, Body};

/// Sets a member, then answers the status.
pub(super) async fn status(Path(code): Path<String>, session: LazySession) -> Result<Response, Refused> {
    let code: u64 = code.parse().map_err(|_| Refused::no_such_address())?;
    let status = u16::try_from(code)
        .ok()
        .filter(|code| (200..=599).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| Refused::bad("the status must be from 200 to 599"))?;
    session.aset("status", &code).await?;
    if matches!(code, 204 | 304) {
        // These have no body.
        return Ok(status.into_response());
    }
    Ok(json(status, format!(r#"{{"status": {code}}}"#)))
}

/// Loads, waits, then sets one member: others can save in between.
pub(super) async fn slow_set(
    State(store): State<SessionStore>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    session: LazySession,
    body: Body,
) -> Result<Response, Refused> {
    let ms = query.get("ms").map_or("250", String::as_str);
    let ms = ms
        .parse::<u64>()
        .ok()
        .filter(|ms| *ms <= 60_000)
        .ok_or_else(|| Refused::bad("`ms` must be a whole number up to 60000"))?;
    let value = body::value(body)?;
    let session = session.load().await?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    session.set_json(&name, value);
    described(&store, &session)
}
