//! Who is logged in on the Django site: `DEMO_USERS=1`. Logging in without a password is for tests alone.

use std::collections::HashMap;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cloakroom::auth::{Auth, AuthError, AuthLayer, AuthSession, CurrentUser, DatabaseUsers, Users};
use cloakroom::wire::json::escape;

use super::answer::{Refused, json};

/// The users of the Django site, and what checks their logins.
pub(crate) struct SiteUsers {
    pub(crate) auth: Auth,
    pub(crate) users: std::sync::Arc<DatabaseUsers>,
}

pub(super) fn routes(site: SiteUsers, with_test_routes: bool) -> Router {
    let mut routes = Router::new().route("/api/user", get(user)).route("/api/logout", post(logout));
    if with_test_routes {
        let users = std::sync::Arc::clone(&site.users);
        let again = std::sync::Arc::clone(&site.users);
        routes = routes
            .route("/api/only_users", get(only_users))
            .route("/api/login", post(move |auth, query| login(users, auth, query)))
            .route("/api/password_changed", post(move |auth| password_changed(again, auth)));
    }
    routes.layer(AuthLayer::new(site.auth))
}

fn told(user: Option<&str>) -> Response {
    let user = user.map_or("null".to_owned(), |user| format!(r#""{}""#, escape(user)));
    json(StatusCode::OK, format!(r#"{{"user": {user}}}"#))
}

async fn user(user: Option<CurrentUser>) -> Response {
    told(user.as_ref().map(|user| user.id()))
}

async fn only_users(user: CurrentUser) -> Response {
    told(Some(user.id()))
}

async fn logout(auth: AuthSession) -> Result<Response, AuthError> {
    auth.alogout().await?;
    Ok(told(None))
}

/// Logs in whom the address names: `?id=1`, with `&recorded=1` by the synchronous method.
async fn login(
    users: std::sync::Arc<DatabaseUsers>,
    auth: AuthSession,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Response> {
    let id = query.get("id").map_or("", String::as_str);
    let failed = |error: AuthError| error.into_response();
    let Some(user) = users.get(id).await.map_err(|error| failed(error.into()))? else {
        return Err(Refused::new(StatusCode::NOT_FOUND, "no such user").into_response());
    };
    if query.contains_key("recorded") {
        auth.login(user).map_err(failed)?;
    } else {
        auth.alogin(user).await.map_err(failed)?;
    }
    Ok(told(auth.user().map_err(failed)?.as_ref().map(|user| user.id())))
}

/// Waits until the user's password field is another, then keeps this session logged in. `last_login` tells that it waits.
async fn password_changed(users: std::sync::Arc<DatabaseUsers>, auth: AuthSession) -> Result<Response, AuthError> {
    let Some(user) = auth.auser().await? else { return Ok(told(None)) };
    users.update_last_login(&user, cloakroom::Timestamp::now()).await?;
    loop {
        match users.get(user.id()).await? {
            Some(now) if now.password() == user.password() => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Some(now) => {
                auth.aupdate_session_auth_hash(now).await?;
                return Ok(told(Some(user.id())));
            }
            None => return Ok(told(None)),
        }
    }
}
