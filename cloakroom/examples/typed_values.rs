//! A typed value in the session: a shopping cart, with names and types said in one place.
//!
//! ```text
//! cargo run -p cloakroom --example typed_values
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/cart/teapot
//! curl -c jar -b jar http://127.0.0.1:3000/cart
//! ```

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};
use serde::{Deserialize, Serialize};

/// What the session holds under `cart`, as a JSON object. Django would find a dictionary there.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
// A field that is added later is missing from the carts stored before: give it its default then.
#[serde(default)]
struct Cart {
    items: Vec<Item>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    article: String,
    quantity: u32,
}

/// Typed access to the members this site keeps: no handler writes a name or a type itself.
trait ShopSession {
    fn cart(&self) -> Result<Cart, SessionError>;
    fn set_cart(&self, cart: &Cart) -> Result<(), SessionError>;
}

impl ShopSession for Session {
    fn cart(&self) -> Result<Cart, SessionError> {
        match self.get("cart") {
            Ok(cart) => Ok(cart.unwrap_or_default()),
            // Something else is stored there: an older version of the site kept a plain list, say. The error
            // names the member and both types, and the member stays as it is until it is set. Here a visitor
            // gets an empty cart instead of an error page; where more is at stake, pass the error on.
            Err(error @ SessionError::Type { .. }) => {
                eprintln!("{error}");
                Ok(Cart::default())
            }
            Err(error) => Err(error),
        }
    }

    fn set_cart(&self, cart: &Cart) -> Result<(), SessionError> {
        self.set("cart", cart)
    }
}

async fn show(session: Session) -> Result<Json<Cart>, SessionError> {
    Ok(Json(session.cart()?))
}

async fn add(session: Session, Path(article): Path<String>) -> Result<Json<Cart>, SessionError> {
    // A copy: the session changes when it is set again.
    let mut cart = session.cart()?;
    match cart.items.iter_mut().find(|item| item.article == article) {
        Some(item) => item.quantity += 1,
        None => cart.items.push(Item { article, quantity: 1 }),
    }
    session.set_cart(&cart)?;
    Ok(Json(cart))
}

fn app(store: SessionStore) -> Router {
    Router::new().route("/cart", get(show)).route("/cart/{article}", post(add)).layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SessionStore::memory(Settings::new())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use cloakroom::testing::{CookieJar, session_cookie};
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    async fn add_a_teapot(app: &Router, jar: &mut CookieJar) {
        let request = Request::post("/cart/teapot").header(header::COOKIE, jar.header()).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        jar.receive(response.headers());
    }

    #[tokio::test]
    async fn the_cart_is_filled() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let (app, mut jar) = (app(store.clone()), CookieJar::new());
        add_a_teapot(&app, &mut jar).await;
        add_a_teapot(&app, &mut jar).await;
        let session = jar.session(&store).load().await.unwrap();
        assert_eq!(session.cart().unwrap(), Cart { items: vec![Item { article: "teapot".into(), quantity: 2 }] });
    }

    #[tokio::test]
    async fn what_is_no_cart_counts_as_an_empty_one_and_stays_until_it_is_set() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let mut jar = CookieJar::with(&session_cookie(&store, &json!({"cart": ["teapot"]})).await.unwrap());
        let session = jar.session(&store).load().await.unwrap();
        let error = session.get::<Cart>("cart").unwrap_err();
        assert!(matches!(&error, SessionError::Type { name, .. } if name == "cart"), "{error}");
        assert_eq!(session.cart().unwrap(), Cart::default());
        assert_eq!(session.item::<Vec<String>>("cart").unwrap(), ["teapot"]);

        add_a_teapot(&app(store.clone()), &mut jar).await;
        assert_eq!(jar.session(&store).load().await.unwrap().cart().unwrap().items.len(), 1);
    }
}
