//! S7: a change of user.

use std::sync::Arc;

use cloakroom::auth::{Auth, AuthSession, User, Users, UsersError};
use cloakroom::{SessionKey, SessionStore};

use crate::engines::every_engine;
use crate::settings;

struct Anybody;

impl Users for Anybody {
    type User = User;

    async fn get(&self, id: &str) -> Result<Option<User>, UsersError> {
        Ok(Some(user(id)))
    }
}

fn user(id: &str) -> User {
    User::new(id, format!("md5$salt${id}"))
}

/// Logs a user in on a session; the key that it has then.
async fn log_in(store: &SessionStore, key: Option<&SessionKey>, id: &str, at_once: bool) -> SessionKey {
    let session = store.session(key).load().await.unwrap();
    let login: AuthSession = Auth::new(Anybody, store.settings()).unwrap().session(&session);
    if at_once {
        login.alogin(Arc::new(user(id))).await.unwrap();
    } else {
        login.login(user(id)).unwrap();
    }
    session.set(&format!("of {id}"), &true).unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

#[tokio::test]
async fn s07_a_change_of_user_without_a_logout_flushes_the_session_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(settings());
        for at_once in [true, false] {
            let ada = log_in(&store, None, "1", at_once).await;
            let bob = log_in(&store, Some(&ada), "2", at_once).await;
            let names = store.session(Some(&bob)).akeys().await.unwrap();
            let login = ["_auth_user_id", "_auth_user_backend", "_auth_user_hash", "of 2"];
            assert_eq!(names, login, "{}: another user's data passed on", place.name);
            assert!(bob != ada && store.session(Some(&ada)).aload().await.unwrap().is_empty(), "{}", place.name);
            // The same user stays where they are.
            assert_eq!(log_in(&store, Some(&bob), "2", at_once).await, bob, "{}", place.name);
        }
    }
}
