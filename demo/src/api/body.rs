//! Request bodies: Python's JSON.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use cloakroom::{Json, SessionData};

use super::answer::Refused;

/// The body, or why it could not be read.
pub(super) type Body = Result<Bytes, BytesRejection>;

pub(super) fn value(body: Body) -> Result<Json, Refused> {
    let bytes = body.map_err(|rejection| Refused::new(rejection.status(), rejection.body_text()))?;
    let not_json = |problem: &dyn std::fmt::Display| Refused::bad(format!("the body is not JSON: {problem}"));
    let text = std::str::from_utf8(&bytes).map_err(|problem| not_json(&problem))?;
    // Python passes over a byte order mark as well.
    Json::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|problem| not_json(&problem))
}

pub(super) fn object(body: Body) -> Result<SessionData, Refused> {
    SessionData::from_json(value(body)?.as_str()).map_err(|_| Refused::bad("the body must be a JSON object"))
}
