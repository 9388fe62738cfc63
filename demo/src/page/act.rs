//! Carrying out one form.

use cloakroom::wire::json::unescape;
use cloakroom::{Expiry, ExpiryOptions, Json, Session, SessionData, SessionError, SessionStore};

use super::forms::Fields;
use super::notice::Notice;

/// What was done.
pub(super) struct Done(pub(super) Notice);

/// Why it was not.
pub(super) enum Problem {
    /// The visitor can mend it: in words.
    Typed(String),
    /// There is no such form.
    Unknown,
    Session(SessionError),
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            // These are about what the visitor asked for, and say so.
            SessionError::KeyError { .. } | SessionError::Type { .. } | SessionError::CreateError => {
                Self::Typed(capitalised(&error.to_string()))
            }
            SessionError::Expiry(problem) => Self::Typed(capitalised(&problem.to_string())),
            error => Self::Session(error),
        }
    }
}

pub(super) async fn carry_out(
    store: &SessionStore,
    session: &Session,
    action: &str,
    fields: &Fields,
) -> Result<Done, Problem> {
    let notice = match action {
        "set" => {
            session.set_json(name(fields)?, value(fields)?);
            Notice::Set
        }
        "setdefault" => setdefault(session, name(fields)?, value(fields)?),
        "update" => update(session, &fields.members)?,
        "delete" => {
            session.del(&member(fields)?)?;
            Notice::Deleted
        }
        "pop" => {
            let name = member(fields)?;
            // What it holds does not matter here, so any JSON will do.
            session.get_json(&name).ok_or(SessionError::KeyError { name: name.clone() })?;
            session.del(&name)?;
            Notice::Popped
        }
        "visit" => {
            let visits = session.get_or("visits", 0_u64)?;
            session.set("visits", &visits.saturating_add(1))?;
            Notice::Counted
        }
        "clear" => {
            session.clear();
            Notice::Cleared
        }
        "flush" => {
            session.flush();
            Notice::Flushed
        }
        "cycle_key" => {
            session.cycle_key();
            Notice::Cycled
        }
        "expire_after" => set_expiry(session, seconds(&fields.seconds)?)?,
        "expire_at" => set_expiry(session, moment(&fields.at)?)?,
        "expire_at_browser_close" => set_expiry(session, 0.into())?,
        "expire_by_policy" => {
            session.set_expiry(Expiry::Default)?;
            Notice::GlobalExpiry
        }
        "set_test_cookie" => {
            session.set_test_cookie();
            Notice::TestCookieSet
        }
        "delete_test_cookie" => {
            session.delete_test_cookie()?;
            Notice::TestCookieDeleted
        }
        other => storage(store, session, other).await?,
    };
    Ok(Done(notice))
}

/// What asks the storage at once.
async fn storage(store: &SessionStore, session: &Session, action: &str) -> Result<Notice, Problem> {
    match action {
        "save" => {
            // Beforehand, so that the cookie follows without a second save.
            session.set_modified(true);
            session.asave().await?;
            Ok(Notice::Saved)
        }
        "create" => {
            session.acreate().await?;
            Ok(Notice::Created)
        }
        "load" => {
            session.aload().await?;
            let is_there = match session.session_key() {
                Some(key) => session.aexists(&key).await?,
                None => false,
            };
            Ok(if is_there { Notice::Stored } else { Notice::NotStored })
        }
        "remove" => {
            session.adelete().await?;
            Ok(Notice::Removed)
        }
        "mark_modified" => {
            session.set_modified(true);
            Ok(Notice::Marked)
        }
        "clear_expired" => {
            store.clear_expired().await?;
            Ok(Notice::Swept)
        }
        _ => Err(Problem::Unknown),
    }
}

fn setdefault(session: &Session, name: &str, value: Json) -> Notice {
    if session.has_key(name) {
        return Notice::DefaultKept;
    }
    session.set_json(name, value);
    Notice::DefaultSet
}

fn update(session: &Session, members: &str) -> Result<Notice, Problem> {
    let json = parse(members)?;
    let members = SessionData::from_json(json.as_str())
        .map_err(|_| Problem::Typed("The members must be one JSON object, such as {\"colour\": \"green\"}.".into()))?;
    for (name, value) in members.items() {
        session.set_json(&name, value);
    }
    session.set_modified(true);
    Ok(Notice::Updated)
}

fn set_expiry(session: &Session, expiry: Expiry) -> Result<Notice, Problem> {
    // Refuses what no date can hold before it is in the session.
    session.get_expiry_date_with(&ExpiryOptions::new().expiry(expiry.clone()))?;
    session.set_expiry(expiry)?;
    Ok(Notice::Expiry)
}

fn seconds(typed: &str) -> Result<Expiry, Problem> {
    let typed = typed.trim();
    match (typed.parse::<i64>(), typed.parse::<f64>()) {
        (Ok(seconds), _) => Ok(seconds.into()),
        (_, Ok(seconds)) if seconds.is_finite() => Ok(seconds.into()),
        _ => Err(Problem::Typed("The seconds must be a number, such as 300.".into())),
    }
}

fn moment(typed: &str) -> Result<Expiry, Problem> {
    Expiry::from_iso(typed.trim()).map_err(|_| {
        Problem::Typed("The moment must be a date and time in ISO 8601, such as 2030-01-17T11:36:34+01:00.".into())
    })
}

fn name(fields: &Fields) -> Result<&str, Problem> {
    if fields.name.is_empty() { Err(Problem::Typed("Give the member a name.".into())) } else { Ok(&fields.name) }
}

fn value(fields: &Fields) -> Result<Json, Problem> {
    if fields.kind == "text" {
        return Json::from_value(&fields.value).map_err(|problem| Problem::Typed(capitalised(&problem.to_string())));
    }
    parse(&fields.value)
}

fn parse(typed: &str) -> Result<Json, Problem> {
    Json::parse(typed).map_err(|problem| {
        let hint = if typed.trim_start().starts_with(['{', '[', '"']) { "" } else { " Text needs double quotes." };
        Problem::Typed(format!("This cannot be read as JSON: {problem}.{hint}"))
    })
}

fn member(fields: &Fields) -> Result<String, Problem> {
    match unescape(&fields.member) {
        Ok(name) => Ok(name.into_owned()),
        Err(_) => Err(Problem::Typed("There is no member of this name.".into())),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect::<String>() + ".").unwrap_or_default()
}
