//! The page: one view of the session, and a form for each thing a session can do.

mod act;
mod forms;
mod html;
mod notice;
mod view;
mod words;

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use cloakroom::{LazySession, SessionError, SessionStore};

use act::{Done, Problem};
use forms::Fields;
use notice::Notice;
use view::View;

pub(crate) fn routes(store: SessionStore) -> Router {
    Router::new().route("/", get(show)).route("/do/{action}", post(act)).with_state(store)
}

pub(crate) fn assets() -> Router {
    Router::new().route("/style.css", get(style))
}

async fn style() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, (header::CACHE_CONTROL, "no-cache")], include_str!("style.css"))
}

#[derive(serde::Deserialize)]
struct ShowQuery {
    #[serde(default)]
    done: String,
}

/// Shows the session and creates none.
async fn show(
    State(store): State<SessionStore>,
    query: Result<Query<ShowQuery>, QueryRejection>,
    session: LazySession,
) -> Result<Response, Answered> {
    let session = session.load().await?;
    // Only the notices that are known: nothing from the address gets onto the page.
    let notice = query.ok().and_then(|Query(query)| Notice::by_id(&query.done)).map(Notice::text);
    Ok(page(StatusCode::OK, html::page(&View::of(&store, &session), notice, None, &Fields::default())))
}

/// Carries out one form, then leads back to the page; a form that makes no sense is shown again.
async fn act(
    State(store): State<SessionStore>,
    Path(action): Path<String>,
    session: LazySession,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Answered> {
    let Form(fields) = match fields {
        Ok(fields) => fields,
        Err(rejection) => return Ok(error(rejection.status(), &rejection.body_text())),
    };
    let session = session.load().await?;
    match act::carry_out(&store, &session, &action, &fields).await {
        Ok(Done(notice)) => {
            // A session whose end nobody can tell must not be saved: it could not be shown again.
            if let Err(SessionError::Expiry(problem)) = session.get_expiry_date() {
                session.set_modified(false);
                return Ok(error(StatusCode::BAD_REQUEST, &format!("Nothing was changed: {problem}.")));
            }
            Ok(Redirect::to(&format!("/?done={}", notice.id())).into_response())
        }
        Err(Problem::Unknown) => Ok(error(StatusCode::NOT_FOUND, "no such address")),
        Err(Problem::Typed(problem)) => {
            let view = View::of(&store, &session);
            Ok(page(StatusCode::BAD_REQUEST, html::page(&view, None, Some((&action, &problem)), &fields)))
        }
        Err(Problem::Session(failed)) => Err(failed.into()),
    }
}

/// A session error, as a page.
struct Answered(SessionError);

impl From<SessionError> for Answered {
    fn from(error: SessionError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        tracing::error!(error = %crate::failure::Failure::from(&self.0), "a session could not be handled");
        session_error(&self.0)
    }
}

/// For the layer, which has logged the error.
pub(crate) fn session_error(failed: &SessionError) -> Response {
    let status = StatusCode::from_u16(failed.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    error(status, &failed.public_message())
}

pub(crate) fn error(status: StatusCode, what: &str) -> Response {
    page(status, html::error(status, what))
}

fn page(status: StatusCode, html: String) -> Response {
    let mut response = (status, Html(html)).into_response();
    // It shows session data: no cache may keep it, not even the browser's.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
