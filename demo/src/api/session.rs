//! `/api/session` and what is below it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use cloakroom::{Expiry, ExpiryOptions, Json, LazySession, Session, SessionError, SessionStore};

use super::answer::{Refused, described, json};
use super::body::{self, Body};

type Answer = Result<Response, Refused>;

pub(super) async fn show(State(store): State<SessionStore>, session: LazySession) -> Answer {
    described(&store, &session.load().await?)
}

pub(super) async fn update(State(store): State<SessionStore>, session: LazySession, body: Body) -> Answer {
    let members = body::object(body)?;
    let session = session.load().await?;
    for (name, value) in members.items() {
        session.set_json(&name, value);
    }
    // An update counts as a change even if it brings nothing.
    session.set_modified(true);
    described(&store, &session)
}

pub(super) async fn set(
    State(store): State<SessionStore>,
    Path(name): Path<String>,
    session: LazySession,
    body: Body,
) -> Answer {
    let value = body::value(body)?;
    let session = session.load().await?;
    session.set_json(&name, value);
    described(&store, &session)
}

pub(super) async fn remove(
    State(store): State<SessionStore>,
    Path(name): Path<String>,
    session: LazySession,
) -> Answer {
    let session = session.load().await?;
    session.del(&name)?;
    described(&store, &session)
}

pub(super) async fn test_cookie_worked(Path(name): Path<String>, session: LazySession) -> Answer {
    if name != "test_cookie_worked" {
        return Err(Refused::no_such_address());
    }
    let worked = session.atest_cookie_worked().await?;
    Ok(json(StatusCode::OK, format!(r#"{{"test_cookie_worked": {worked}}}"#)))
}

pub(super) async fn act(
    State(store): State<SessionStore>,
    Path(action): Path<String>,
    session: LazySession,
    body: Body,
) -> Answer {
    let expiry = match action.as_str() {
        "set_expiry" => Some(expiry(body)?),
        "flush" | "cycle_key" | "clear" | "set_test_cookie" | "delete_test_cookie" => None,
        _ => return Err(Refused::no_such_address()),
    };
    let session = session.load().await?;
    match (action.as_str(), expiry) {
        (_, Some(expiry)) => set_expiry(&session, expiry)?,
        ("flush", _) => session.flush(),
        ("cycle_key", _) => session.cycle_key(),
        ("clear", _) => session.clear(),
        ("set_test_cookie", _) => session.set_test_cookie(),
        _ => session.delete_test_cookie().map_err(|error| match error {
            SessionError::KeyError { .. } => Refused::new(StatusCode::NOT_FOUND, "the session has no test cookie"),
            error => error.into(),
        })?,
    }
    described(&store, &session)
}

fn expiry(body: Body) -> Result<Expiry, Refused> {
    let object = body::object(body)?;
    let members: Vec<(String, Json)> = object.items().collect();
    match members.as_slice() {
        [] => Ok(Expiry::Default),
        [(name, value)] if name == "seconds" => match (value.to::<i64>(), value.to::<f64>()) {
            (Ok(seconds), _) => Ok(seconds.into()),
            (_, Ok(seconds)) => Ok(seconds.into()),
            _ => Err(Refused::bad("`seconds` must be a number")),
        },
        [(name, value)] if name == "at" => value
            .to::<String>()
            .ok()
            .and_then(|at| Expiry::from_iso(&at).ok())
            .ok_or_else(|| Refused::bad("`at` must be a date and time in ISO 8601")),
        _ => Err(Refused::bad("give `seconds`, `at` or an empty object")),
    }
}

/// Refuses what no date can hold before it is in the session.
fn set_expiry(session: &Session, expiry: Expiry) -> Result<(), Refused> {
    let options = ExpiryOptions::new().expiry(expiry.clone());
    let set = session.get_expiry_date_with(&options).and_then(|_| session.set_expiry(expiry));
    set.map_err(|error| match error {
        SessionError::Expiry(problem) => Refused::bad(problem.to_string()),
        error => error.into(),
    })
}
