//! Logins over a session that is somebody's.

use cloakroom::auth::{Auth, User, Users, UsersError};

use crate::engines::every_engine;
use crate::settings;

struct Anybody;

impl Users for Anybody {
    type User = User;

    async fn get(&self, id: &str) -> Result<Option<User>, UsersError> {
        Ok(Some(User::new(id, "md5$salt$the same password")))
    }
}

#[tokio::test]
async fn p21_a_login_over_anothers_session_keeps_neither_key_nor_data() {
    for place in every_engine().await {
        let store = place.store(settings());
        let auth = Auth::new(Anybody, store.settings()).unwrap();
        let session = store.session(None).load().await.unwrap();
        session.set("cart", "Ada's").unwrap();
        auth.session(&session).alogin(User::new("1", "md5$salt$the same password")).await.unwrap();
        let first = session.session_key().unwrap();

        let session = store.session(Some(&first)).load().await.unwrap();
        assert_eq!(session.get::<String>("cart").unwrap().as_deref(), Some("Ada's"), "{}", place.name);
        auth.session(&session).alogin(User::new("2", "md5$salt$the same password")).await.unwrap();
        let second = session.session_key().unwrap();
        assert!(second != first && !store.exists(&first).await.unwrap(), "{}: the key lives on", place.name);
        let next = store.session(Some(&second)).load().await.unwrap();
        assert!(!next.contains("cart"), "{}: Bob got Ada's cart", place.name);
        assert_eq!(auth.session(&next).auser().await.unwrap().unwrap().id(), "2", "{}", place.name);
    }
}
