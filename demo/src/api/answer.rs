//! Answers in JSON: a described session, or an error.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloakroom::wire::json::{escape, to_string};
use cloakroom::{Session, SessionError, SessionStore, Timestamp};

/// Why a request was not done.
pub(super) struct Refused {
    status: StatusCode,
    message: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn no_such_address() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no such address")
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        if let SessionError::KeyError { .. } = error {
            return Self::new(StatusCode::NOT_FOUND, error.to_string());
        }
        tracing::error!(error = %crate::failure::Failure::from(&error), "a session could not be handled");
        Self::new(status_of(&error), error.public_message())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        error(self.status, &self.message)
    }
}

fn status_of(error: &SessionError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(crate) fn error(status: StatusCode, message: &str) -> Response {
    json(status, format!(r#"{{"error": "{}"}}"#, escape(message)))
}

/// For the layer, which has logged the error.
pub(crate) fn session_error(failed: &SessionError) -> Response {
    error(status_of(failed), &failed.public_message())
}

pub(super) fn json(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The session after the request's work. The members go out as they are kept.
pub(super) fn described(store: &SessionStore, session: &Session) -> Result<Response, Refused> {
    let members = session.items();
    let members: Vec<String> = members.iter().map(|(name, value)| format!(r#""{}": {value}"#, escape(name))).collect();
    let age = seconds(session.get_expiry_age()?);
    let date = iso_date(store, session, session.get_expiry_date()?)?;
    let at_close = session.get_expire_at_browser_close()?;
    // The flags come last: looking at the data has set `accessed`.
    let text = format!(
        r#"{{"data": {{{}}}, "accessed": {}, "modified": {}, "expiry_age": {age}, "expiry_date": "{date}", "expire_at_browser_close": {at_close}, "engine": "{}"}}"#,
        members.join(", "),
        session.accessed(),
        session.modified(),
        store.engine(),
    );
    Ok(json(StatusCode::OK, text))
}

/// An integer where it is whole.
fn seconds(age: f64) -> String {
    if age.fract() == 0.0 && age.abs() < 1e15 {
        return format!("{age:.0}");
    }
    to_string(&age).unwrap_or_default()
}

/// As Python's `isoformat` of what Django's `get_expiry_date` answers: a moment that was set keeps the offset it
/// was set with, any other is in UTC, or without `USE_TZ` in naive local time.
fn iso_date(store: &SessionStore, session: &Session, date: Timestamp) -> Result<String, SessionError> {
    let kept = session.get_json("_session_expiry").map(|json| json.as_str().to_owned()).unwrap_or_default();
    if let Some(moment) = kept.strip_prefix('"').and_then(|kept| kept.strip_suffix('"'))
        && moment.contains('T')
    {
        return Ok(moment.to_owned());
    }
    // The time zone was checked when the settings were.
    let Ok(Some(zone)) = store.settings().naive_time_zone() else { return Ok(date.to_string()) };
    let local = zone.to_datetime(date.into());
    Ok(if date.subsec_micros() == 0 { format!("{local:.0}") } else { format!("{local:.6}") })
}
