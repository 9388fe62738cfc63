//! Two sessions side by side: a shop's visitors have one, its staff another, each with a cookie of its own.
//!
//! ```text
//! cargo run -p cloakroom --example two_cookies
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/basket/teapot
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/staff/login
//! curl -c jar -b jar http://127.0.0.1:3000/staff
//! ```

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use cloakroom::middleware::Sessions;
use cloakroom::{SameSite, Session, SessionError, SessionLayer, SessionStore, Settings};

const SHOP_COOKIE: &str = "shop_sessionid";
const STAFF_COOKIE: &str = "staff_sessionid";

/// Outside `/staff` there is one session, the visitor's.
async fn add(session: Session, Path(article): Path<String>) -> Result<String, SessionError> {
    let mut basket: Vec<String> = session.get_or("basket", Vec::new())?;
    basket.push(article);
    session.set("basket", &basket)?;
    Ok(format!("basket: {}\n", basket.join(", ")))
}

/// Under `/staff` there are two. `Session` is the session of the innermost layer, the staff's.
async fn staff_login(session: Session) -> Result<&'static str, SessionError> {
    session.cycle_key();
    session.set("name", "Grace")?;
    Ok("welcome\n")
}

/// `Sessions` has both, by the names of their cookies. They are not loaded yet: await the `a…` methods.
async fn staff(sessions: Sessions) -> Result<String, SessionError> {
    let (Some(staff), Some(shop)) = (sessions.get(STAFF_COOKIE), sessions.get(SHOP_COOKIE)) else {
        return Ok("a layer is missing\n".into());
    };
    let Some(name) = staff.aget::<String>("name").await? else { return Ok("staff only\n".into()) };
    let basket: Vec<String> = shop.aget_or("basket", Vec::new()).await?;
    Ok(format!("{name}, who shops here too: {} in the basket\n", basket.len()))
}

/// Ends the staff's session; the visitor's goes on.
async fn staff_logout(session: Session) -> &'static str {
    session.flush();
    "goodbye\n"
}

fn app(shop: SessionStore, staff_store: SessionStore) -> Router {
    let staff_routes = Router::new()
        .route("/", get(staff))
        .route("/login", post(staff_login))
        .route("/logout", post(staff_logout))
        .layer(SessionLayer::new(staff_store));
    Router::new().route("/basket/{article}", post(add)).nest("/staff", staff_routes).layer(SessionLayer::new(shop))
}

/// Two stores in two storages. In one storage a key would be good under either cookie: a visitor's session could
/// be sent as the staff's.
fn stores() -> Result<(SessionStore, SessionStore), cloakroom::SettingsError> {
    let shop = Settings::new().session_cookie_name(SHOP_COOKIE);
    let staff = Settings::new()
        .session_cookie_name(STAFF_COOKIE)
        // The browser sends this cookie to /staff only, never along from another site, and for half an hour at
        // most after the last change.
        .session_cookie_path("/staff")
        .session_cookie_samesite(SameSite::strict())
        .session_cookie_age(1_800);
    Ok((SessionStore::memory(shop)?, SessionStore::memory(staff)?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (shop, staff) = stores()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app(shop, staff)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use cloakroom::testing::{CookieJar, session_cookie};
    use http_body_util::BodyExt;
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    async fn send(app: &Router, jar: &mut CookieJar, method: &str, path: &str) -> String {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, jar.header());
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        jar.receive(response.headers());
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn each_session_has_its_own_life() {
        let (shop, staff) = stores().unwrap();
        let (app, mut jar) = (app(shop, staff), CookieJar::new());
        assert_eq!(send(&app, &mut jar, "POST", "/basket/teapot").await, "basket: teapot\n");
        assert_eq!(send(&app, &mut jar, "GET", "/staff").await, "staff only\n");
        send(&app, &mut jar, "POST", "/staff/login").await;
        assert!(jar.get(SHOP_COOKIE).is_some() && jar.get(STAFF_COOKIE).is_some());
        assert_eq!(send(&app, &mut jar, "GET", "/staff").await, "Grace, who shops here too: 1 in the basket\n");

        send(&app, &mut jar, "POST", "/staff/logout").await;
        assert_eq!(jar.get(STAFF_COOKIE), None);
        assert_eq!(send(&app, &mut jar, "POST", "/basket/kettle").await, "basket: teapot, kettle\n");
    }

    #[tokio::test]
    async fn a_visitors_key_is_no_staff_key() {
        let (shop, staff) = stores().unwrap();
        let cookie = session_cookie(&shop, &json!({"name": "Mallory"})).await.unwrap();
        let mut jar = CookieJar::with(&cookie.replace(SHOP_COOKIE, STAFF_COOKIE));
        assert_eq!(send(&app(shop, staff), &mut jar, "GET", "/staff").await, "staff only\n");
    }
}
