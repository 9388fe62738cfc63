//! Without axum: the layer around a plain tower service. A server would call it; here `main` sends it a few requests
//! itself.
//!
//! ```text
//! cargo run -p cloakroom --example tower_service
//! ```
//!
//! In another crate: `cloakroom = { …, default-features = false, features = ["tower"] }`. Errors of the layer itself
//! are answered with a text; where the service's body is not `From<String>`, `SessionLayer::on_error` says how.

use std::convert::Infallible;

use cloakroom::middleware::Sessions;
use cloakroom::{SessionError, SessionLayer, SessionStore, Settings};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response, StatusCode};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// The layer puts the request's session among its extensions. It is not loaded yet.
async fn count(request: &Request<String>) -> Result<u32, SessionError> {
    let Some(sessions) = request.extensions().get::<Sessions>() else { return Ok(0) };
    let session = sessions.innermost();
    let visits = session.aget_or("visits", 0).await? + 1;
    session.aset("visits", &visits).await?;
    Ok(visits)
}

async fn handle(request: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(match count(&request).await {
        Ok(visits) => Response::new(format!("visit {visits}")),
        // The error knows what a visitor may read, and with what status.
        Err(error) => {
            let mut response = Response::new(error.public_message());
            *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response
        }
    })
}

/// A server clones the service for each connection.
fn service(
    store: SessionStore,
) -> impl Service<Request<String>, Response = Response<String>, Error = Infallible, Future: Send> + Clone {
    ServiceBuilder::new().layer(SessionLayer::new(store)).service(service_fn(handle))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = service(SessionStore::memory(Settings::new())?);
    let mut cookie = String::new();
    for _ in 0..3 {
        let request = Request::get("/").header(COOKIE, &cookie).body(String::new())?;
        let response = service.clone().oneshot(request).await?;
        println!("{}", response.body());
        // What a browser sends back: the part before the first semicolon.
        if let Some(set) = response.headers().get(SET_COOKIE) {
            cookie = set.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cloakroom::testing::CookieJar;

    use super::*;

    #[test]
    fn the_example_runs() {
        super::main().unwrap();
    }

    #[tokio::test]
    async fn visits_are_counted() {
        let service = service(SessionStore::memory(Settings::new()).unwrap());
        let mut jar = CookieJar::new();
        for visit in ["visit 1", "visit 2", "visit 3"] {
            let request = Request::get("/").header(COOKIE, jar.header()).body(String::new()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            jar.receive(response.headers());
            assert_eq!(response.body(), visit);
        }
    }
}
