//! The dictionary, awaited.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Json;
use crate::error::SessionError;
use crate::session::lazy::LazySession;

impl LazySession {
    /// Awaits [`Session::get`](crate::Session::get).
    ///
    /// # Errors
    /// The session could not be loaded, or the member is something else.
    pub async fn aget<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.ready().await?.get(name)
    }

    /// Awaits [`Session::get_json`](crate::Session::get_json).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn aget_json(&self, name: &str) -> Result<Option<Json>, SessionError> {
        Ok(self.ready().await?.read().get_json(name))
    }

    /// Awaits [`Session::get_or`](crate::Session::get_or).
    ///
    /// # Errors
    /// The session could not be loaded, or the member is something else.
    pub async fn aget_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T, SessionError> {
        Ok(self.aget(name).await?.unwrap_or(default))
    }

    /// Awaits [`Session::item`](crate::Session::item).
    ///
    /// # Errors
    /// The session could not be loaded, there is no such member, or it is something else.
    pub async fn aitem<T: DeserializeOwned>(&self, name: &str) -> Result<T, SessionError> {
        self.ready().await?.item(name)
    }

    /// Awaits [`Session::set`](crate::Session::set).
    ///
    /// # Errors
    /// The session could not be loaded, or the value cannot be written as JSON.
    pub async fn aset<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), SessionError> {
        self.ready().await?.set(name, value)
    }

    /// Awaits [`Session::set_json`](crate::Session::set_json).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn aset_json(&self, name: &str, value: Json) -> Result<(), SessionError> {
        self.ready().await?.set_json(name, value);
        Ok(())
    }

    /// Awaits [`Session::del`](crate::Session::del).
    ///
    /// # Errors
    /// The session could not be loaded, or there is no such member.
    pub async fn adel(&self, name: &str) -> Result<(), SessionError> {
        self.ready().await?.del(name)
    }

    /// Awaits [`Session::pop`](crate::Session::pop).
    ///
    /// # Errors
    /// The session could not be loaded, or the member is something else.
    pub async fn apop<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.ready().await?.pop(name)
    }

    /// Awaits [`Session::pop_or`](crate::Session::pop_or).
    ///
    /// # Errors
    /// The session could not be loaded, or the member is something else.
    pub async fn apop_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T, SessionError> {
        Ok(self.apop(name).await?.unwrap_or(default))
    }

    /// Awaits [`Session::update`](crate::Session::update).
    ///
    /// # Errors
    /// The session could not be loaded, or the value is not written as a JSON object.
    pub async fn aupdate<T: Serialize + ?Sized>(&self, members: &T) -> Result<(), SessionError> {
        self.ready().await?.update(members)
    }

    /// Awaits [`Session::setdefault`](crate::Session::setdefault).
    ///
    /// # Errors
    /// The session could not be loaded, the member is something else, or `value` cannot be written as JSON.
    pub async fn asetdefault<T>(&self, name: &str, value: &T) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned,
    {
        self.ready().await?.setdefault(name, value)
    }

    /// Awaits [`Session::keys`](crate::Session::keys).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn akeys(&self) -> Result<Vec<String>, SessionError> {
        Ok(self.ready().await?.keys())
    }

    /// Awaits [`Session::values`](crate::Session::values).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn avalues(&self) -> Result<Vec<Json>, SessionError> {
        Ok(self.ready().await?.values())
    }

    /// Awaits [`Session::items`](crate::Session::items).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn aitems(&self) -> Result<Vec<(String, Json)>, SessionError> {
        Ok(self.ready().await?.items())
    }

    /// Awaits [`Session::has_key`](crate::Session::has_key).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn ahas_key(&self, name: &str) -> Result<bool, SessionError> {
        Ok(self.ready().await?.has_key(name))
    }
}
