//! A site with a few users, who are counted when they are asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cloakroom::auth::{Auth, AuthSession, User, Users, UsersError};
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::SpyStorage;
use cloakroom::wire::{LoginHashKey, SecretKey};
use cloakroom::{Session, SessionKey, SessionStore, Settings, Timestamp};
use serde_json::{Value, json};

pub const MODEL_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

#[derive(Clone, Default)]
pub struct Known {
    pub users: Arc<Mutex<HashMap<String, User>>>,
    pub reads: Arc<AtomicUsize>,
    pub last_logins: Arc<Mutex<Vec<(String, Timestamp)>>>,
    pub broken: Arc<Mutex<bool>>,
}

impl Known {
    pub fn put(&self, user: User) {
        self.users.lock().unwrap().insert(user.id().to_owned(), user);
    }

    pub fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), UsersError> {
        if *self.broken.lock().unwrap() { Err(UsersError::new("connection refused")) } else { Ok(()) }
    }
}

impl Users for Known {
    type User = User;

    async fn get(&self, id: &str) -> Result<Option<User>, UsersError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.check()?;
        Ok(self.users.lock().unwrap().get(id).cloned())
    }

    async fn update_last_login(&self, user: &User, now: Timestamp) -> Result<bool, UsersError> {
        self.check()?;
        self.last_logins.lock().unwrap().push((user.id().to_owned(), now));
        Ok(self.users.lock().unwrap().contains_key(user.id()))
    }
}

pub struct Site {
    pub spy: SpyStorage<MemoryStorage>,
    pub store: SessionStore,
    pub users: Known,
    pub auth: Auth,
}

pub fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

pub fn ada() -> User {
    User::new("1", "md5$salt$ada")
}

pub fn bob() -> User {
    User::new("2", "md5$salt$bob")
}

/// The hash of a login under this secret.
pub fn hash(secret: &str, user: &User) -> String {
    LoginHashKey::derive(&SecretKey::new(secret).unwrap()).hash(user.password())
}

/// The members of a login of Django's.
pub fn login_of(user: &User) -> Value {
    json!({"_auth_user_id": user.id(), "_auth_user_backend": MODEL_BACKEND, "_auth_user_hash": hash("a secret", user)})
}

impl Site {
    pub fn new() -> Self {
        Self::with(settings())
    }

    /// With Ada and Bob.
    pub fn with(settings: Settings) -> Self {
        let (spy, users) = (SpyStorage::new(MemoryStorage::new()), Known::default());
        let store = SessionStore::db(spy.clone(), settings).unwrap();
        users.put(ada());
        users.put(bob());
        let auth = Auth::new(users.clone(), store.settings()).unwrap();
        Self { spy, store, users, auth }
    }

    /// The same sessions and users for a service with other settings.
    pub fn another(&self, settings: Settings) -> Self {
        let store = SessionStore::db(self.spy.clone(), settings).unwrap();
        let (spy, users) = (self.spy.clone(), self.users.clone());
        Self { auth: Auth::new(users.clone(), store.settings()).unwrap(), spy, users, store }
    }

    /// A stored session with these members.
    pub async fn stored(&self, members: &Value) -> SessionKey {
        let session = self.store.session(None).load().await.unwrap();
        session.update(members).unwrap();
        session.asave().await.unwrap();
        self.spy.reset();
        session.session_key().unwrap()
    }

    pub async fn load(&self, key: &SessionKey) -> Session {
        self.store.session(Some(key)).load().await.unwrap()
    }

    pub async fn login(&self, key: &SessionKey) -> AuthSession {
        self.auth.session(&self.load(key).await)
    }

    /// What is stored under a key now.
    pub async fn members(&self, key: &SessionKey) -> Value {
        let data = self.store.session(Some(key)).aload().await.unwrap();
        serde_json::from_str(&data.to_json()).unwrap()
    }
}

pub async fn id(login: &AuthSession) -> Option<String> {
    login.auser().await.unwrap().map(|user| user.id().to_owned())
}
