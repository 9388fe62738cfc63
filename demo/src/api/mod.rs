//! The JSON interface. Handlers change the session; the layer saves it.

mod answer;
mod body;
mod session;
mod test_routes;
mod user;

use axum::Router;
use axum::routing::{any, get, post};
use cloakroom::SessionStore;

pub(crate) use answer::{error, session_error};
pub(crate) use user::SiteUsers;

/// A member may have any name, a slash or an action's name included: the method decides.
pub(crate) fn routes(store: SessionStore, users: Option<SiteUsers>, with_test_routes: bool) -> Router {
    let member = get(session::test_cookie_worked).post(session::act).put(session::set).delete(session::remove);
    let mut routes = Router::new()
        .route("/api/session", get(session::show).post(session::update))
        .route("/api/session/{*name}", member)
        .route("/api/untouched", any(untouched));
    if with_test_routes {
        routes = routes
            .route("/api/status/{code}", any(test_routes::status))
            .route("/api/slow_set/{*name}", post(test_routes::slow_set));
    }
    let routes = routes.with_state(store);
    match users {
        Some(users) => routes.merge(user::routes(users, with_test_routes)),
        None => routes,
    }
}

/// Does not look at the session.
async fn untouched() -> axum::response::Response {
    answer::json(axum::http::StatusCode::OK, r#"{"untouched": true}"#.to_owned())
}
