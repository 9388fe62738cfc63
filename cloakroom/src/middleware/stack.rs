use crate::session::LazySession;

/// The sessions of a request, one for each layer, the innermost first.
///
/// The layer puts it among the request's extensions; an axum handler can take it as an extractor. One
/// layer's session is what [`LazySession`] and [`Session`](crate::Session) extract; of several the
/// innermost. The others are found by the name of their cookie:
///
/// Give each layer's store a storage of its own, another table for example: in one storage a visitor's key would also
/// open a session in the other layer.
///
/// ```
/// use cloakroom::SessionError;
/// use cloakroom::middleware::Sessions;
///
/// async fn staff(sessions: Sessions) -> Result<String, SessionError> {
///     let visitor: Option<String> = sessions.innermost().aget("name").await?;
///     let Some(session) = sessions.get("staff_sessionid") else { return Ok("no such layer".into()) };
///     let staff = session.aget_or("name", String::from("nobody")).await?;
///     Ok(format!("{staff} helps {visitor:?}"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Sessions {
    innermost: LazySession,
    outer: Option<Box<Sessions>>,
}

impl Sessions {
    pub(super) fn new(session: LazySession, outer: Option<Sessions>) -> Self {
        Self { innermost: session, outer: outer.map(Box::new) }
    }

    /// The session of the innermost layer.
    #[must_use]
    pub fn innermost(&self) -> &LazySession {
        &self.innermost
    }

    /// The session whose cookie has this name; of several layers with one name the innermost.
    #[must_use]
    pub fn get(&self, cookie_name: &str) -> Option<&LazySession> {
        let mut next = Some(self);
        while let Some(sessions) = next {
            if sessions.innermost.cookie_name() == cookie_name {
                return Some(&sessions.innermost);
            }
            next = sessions.outer.as_deref();
        }
        None
    }
}
