//! Where users come from.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::error::UsersError;
use crate::Timestamp;

/// A user, as far as logins need to know.
///
/// ```
/// use std::borrow::Cow;
///
/// use cloakroom::auth::AuthUser;
///
/// struct Customer {
///     number: i64,
///     password: String,
///     closed: bool,
/// }
///
/// impl AuthUser for Customer {
///     fn id(&self) -> Cow<'_, str> {
///         self.number.to_string().into()
///     }
///
///     fn password(&self) -> &str {
///         &self.password
///     }
///
///     fn is_active(&self) -> bool {
///         !self.closed
///     }
/// }
/// ```
pub trait AuthUser: Send + Sync + 'static {
    /// The primary key as Django writes it into a session: `42`, or a UUID with its hyphens, in small letters.
    fn id(&self) -> Cow<'_, str>;

    /// The password field as it is stored, also one that Django marked unusable: a login is bound to it. (Django binds
    /// it to the text `None` where the column holds NULL.)
    fn password(&self) -> &str;

    /// Whether the user may be logged in; `true` unless told, as for Django's models without `is_active`.
    fn is_active(&self) -> bool {
        true
    }
}

/// Where users come from: `DatabaseUsers` reads Django's own table, and an application can do it in its
/// own way with plain `async fn`s.
///
/// ```
/// use std::collections::HashMap;
///
/// use cloakroom::Timestamp;
/// use cloakroom::auth::{User, Users, UsersError};
///
/// struct InMemory(HashMap<String, User>);
///
/// impl Users for InMemory {
///     type User = User;
///
///     async fn get(&self, id: &str) -> Result<Option<User>, UsersError> {
///         Ok(self.0.get(id).cloned())
///     }
/// }
/// ```
pub trait Users: Send + Sync + 'static {
    /// What a user is here.
    type User: AuthUser;

    /// The user of a primary key, which comes from a session and may be anything: `None` if there is none, also for what
    /// cannot be a primary key. Users who are not active are answered too.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<Self::User>, UsersError>> + Send;

    /// Keeps when a user was logged in: Django's `last_login`. `false` if the user is gone. Does nothing unless it is
    /// implemented.
    fn update_last_login(
        &self,
        user: &Self::User,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, UsersError>> + Send {
        let _ = (user, now);
        async { Ok(true) }
    }
}

/// So that an application can ask the same users itself.
impl<S: Users> Users for Arc<S> {
    type User = S::User;

    async fn get(&self, id: &str) -> Result<Option<Self::User>, UsersError> {
        S::get(self, id).await
    }

    async fn update_last_login(&self, user: &Self::User, now: Timestamp) -> Result<bool, UsersError> {
        S::update_last_login(self, user, now).await
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, UsersError>> + Send + 'a>>;

/// The object-safe twin.
pub(super) trait DynUsers<U>: Send + Sync {
    fn get<'a>(&'a self, id: &'a str) -> Boxed<'a, Option<U>>;
    fn update_last_login<'a>(&'a self, user: &'a U, now: Timestamp) -> Boxed<'a, bool>;
}

impl<S: Users> DynUsers<S::User> for S {
    fn get<'a>(&'a self, id: &'a str) -> Boxed<'a, Option<S::User>> {
        Box::pin(Users::get(self, id))
    }

    fn update_last_login<'a>(&'a self, user: &'a S::User, now: Timestamp) -> Boxed<'a, bool> {
        Box::pin(Users::update_last_login(self, user, now))
    }
}
