//! Requests of every kind, each on a session of its own, and what may be found after them.

use std::time::Instant;

use cloakroom::storage::StorageError;
use cloakroom::{KeySource, Session, SessionError, SessionKey, SessionStore};

use super::places::{Place, TIMEOUT};
use crate::content::Content;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Load,
    Save,
    New,
    ChangeKey,
    Flush,
    Touch,
}

pub const KINDS: [Kind; 6] = [Kind::Load, Kind::Save, Kind::New, Kind::ChangeKey, Kind::Flush, Kind::Touch];

/// One request, under way.
pub struct Request {
    pub kind: Kind,
    content: Content,
    key: SessionKey,
    /// The key that it gives when it needs a new one.
    fresh: SessionKey,
    site: SessionStore,
    session: Session,
}

impl Request {
    /// A session is stored and, over a line that is still good, loaded.
    pub async fn begin(place: &Place, kind: Kind) -> Self {
        let (content, fresh) = (Content::new(), SessionKey::generate());
        let key = content.stored(&place.good).await;
        let next = fresh.clone();
        let site = place.site.clone().with_key_source(KeySource::new(move || next.clone()));
        let own = if kind == Kind::New { None } else { Some(&key) };
        let session = patiently(async || site.session(own).load().await).await;
        Self { kind, content, key, fresh, site, session }
    }

    pub async fn act(&self) -> Result<(), SessionError> {
        match self.kind {
            Kind::Load => {
                let loaded = self.site.session(Some(&self.key)).load().await?;
                assert_eq!(Content::of(&loaded).as_ref(), Some(&self.content), "another's answer, or none");
                Ok(())
            }
            Kind::Save | Kind::New => {
                self.content.changed(1).put(&self.session);
                self.session.asave().await
            }
            Kind::ChangeKey => self.session.acycle_key().await,
            Kind::Flush => self.session.aflush().await,
            Kind::Touch => self.session.asave().await,
        }
    }

    /// Looks at what became of it over a good line. Where the server had answered before the line was cut,
    /// `NotDone` is the truth.
    pub async fn judge(&self, place: &Place, answer: &Result<(), SessionError>, answered: bool) {
        let (old, new) = (Some(self.content.clone()), Some(self.content.changed(1)));
        let found = Content::under(&place.kept, &self.key).await;
        let fresh = Content::under(&place.kept, &self.fresh).await;
        let seen = Content::under(&place.good, &self.key).await;
        let what = format!("{}: {:?} answered {answer:?}: {found:?}, {fresh:?}, {seen:?}", place.name, self.kind);
        let not_done = matches!(answer, Err(SessionError::Storage(StorageError::NotDone(_))));
        let certain = match (answer, not_done && answered) {
            (Ok(()), _) => Some(true),
            (Err(_), true) => Some(false),
            (Err(_), false) => None,
        };
        let right = match (self.kind, certain) {
            (Kind::Load | Kind::Touch, _) => found == old && fresh.is_none(),
            (Kind::Save, Some(true)) => found == new,
            (Kind::Save, Some(false)) => found == old,
            (Kind::Save, None) => found == old || found == new,
            (Kind::New, Some(true)) => fresh == new,
            (Kind::New, Some(false)) => fresh.is_none(),
            (Kind::New, None) => fresh.is_none() || fresh == new,
            (Kind::ChangeKey, Some(true)) => found.is_none() && fresh == old,
            // A storage of two steps may leave both; none has lost it.
            (Kind::ChangeKey, _) => {
                [&found, &fresh].into_iter().all(|one| one.is_none() || *one == old)
                    && (found.is_some() || fresh.is_some())
            }
            (Kind::Flush, Some(true)) => found.is_none() && fresh.is_none(),
            // The row goes even if its copy does not.
            (Kind::Flush, _) => found.is_none() || found == old,
        };
        assert!(right, "{what}");
        // Nobody is served a session that was ended or moved away. A copy that could not be replaced may be old.
        let ended = matches!(self.kind, Kind::Flush | Kind::ChangeKey) && answer.is_ok();
        assert!(if ended { seen.is_none() } else { seen == found || (place.cache_in_front && seen == old) }, "{what}");

        // The next requests are answered, and build upon what there is.
        let Some(content) = found else { return };
        let session = patiently(async || place.site.session(Some(&self.key)).load().await).await;
        assert_eq!(Content::of(&session).map(|content| content.who), Some(content.who), "{what}");
        session.set("more", "a line that is good").unwrap();
        patiently(async || session.asave().await).await;
        let session = place.kept.session(Some(&self.key)).load().await.unwrap();
        session.del("more").unwrap();
        assert_eq!(Content::of(&session), if content.change == 0 { old } else { new }, "{what}");
    }

    /// After everything: what was ended stays ended.
    pub async fn is_ended(&self, place: &Place) -> bool {
        !place.kept.exists(&self.key).await.unwrap() && Content::under(&place.good, &self.key).await.is_none()
    }
}

/// What must be done at once over a good line. A machine that is so busy that the time-out strikes may try again.
pub async fn patiently<T>(request: impl AsyncFn() -> Result<T, SessionError>) -> T {
    for _ in 0..9 {
        let started = Instant::now();
        match request().await {
            Ok(answer) => return answer,
            Err(error) => assert!(started.elapsed() >= TIMEOUT * 9 / 10, "{error:?}"),
        }
    }
    request().await.unwrap()
}
