//! How often each kind of request asks the storage: the floor that the design promises, counted.
#![allow(missing_docs, clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Calls, SpyStorage};
use cloakroom::{LazySession, Session, SessionError, SessionKey, SessionLayer, SessionStore, Settings};
use http::{Request, header};
use tower::ServiceExt;

struct Site {
    spy: SpyStorage<MemoryStorage>,
    store: SessionStore,
    key: SessionKey,
}

impl Site {
    /// With one stored session.
    async fn new(settings: Settings) -> Self {
        let spy = SpyStorage::new(MemoryStorage::new());
        let store = SessionStore::db(spy.clone(), settings.secret_key("a secret")).unwrap();
        let session = store.session(None).load().await.unwrap();
        session.set("name", "Ada").unwrap();
        session.asave().await.unwrap();
        spy.reset();
        Self { spy, key: session.session_key().unwrap(), store }
    }

    /// What a request costs, with the stored session's cookie.
    async fn visit<F>(&self, handler: impl Fn(LazySession) -> F + Clone + Send + Sync + 'static) -> Calls
    where
        F: Future<Output = Result<(), SessionError>> + Send + 'static,
    {
        self.visit_as(Some(self.key.as_str()), handler).await
    }

    async fn visit_as<F>(
        &self,
        key: Option<&str>,
        handler: impl Fn(LazySession) -> F + Clone + Send + Sync + 'static,
    ) -> Calls
    where
        F: Future<Output = Result<(), SessionError>> + Send + 'static,
    {
        let app = Router::new().fallback(any(handler)).layer(SessionLayer::new(self.store.clone()));
        let mut request = Request::new(Body::empty());
        if let Some(key) = key {
            request.headers_mut().insert(header::COOKIE, format!("sessionid={key}").parse().unwrap());
        }
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        self.spy.take_calls()
    }
}

/// Reads, inserts, replaces, touches, removes and renames.
fn counted(calls: &Calls) -> [usize; 6] {
    assert_eq!(calls.scan + calls.remove_expired, 0);
    [calls.read, calls.insert, calls.replace, calls.touch, calls.remove, calls.rename]
}

#[tokio::test]
async fn an_untouched_session_costs_nothing() {
    let site = Site::new(Settings::new()).await;
    assert_eq!(counted(&site.visit(|_: LazySession| async { Ok(()) }).await), [0; 6]);
    assert_eq!(counted(&site.visit_as(None, |_: LazySession| async { Ok(()) }).await), [0; 6]);
    assert_eq!(counted(&site.visit_as(Some("abc"), |_: LazySession| async { Ok(()) }).await), [0; 6]);
}

#[tokio::test]
async fn a_read_costs_one() {
    let site = Site::new(Settings::new()).await;
    let calls = site
        .visit(|session: LazySession| async move {
            assert_eq!(session.aget::<String>("name").await?.as_deref(), Some("Ada"));
            session.ahas_key("other").await.map(drop)
        })
        .await;
    assert_eq!(counted(&calls), [1, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_read_of_what_cannot_be_a_key_costs_nothing() {
    let site = Site::new(Settings::new()).await;
    for key in ["../../../../etc/passwd", "UPPERCASE-KEY", &"k".repeat(41)] {
        let calls = site.visit_as(Some(key), |session: LazySession| async move { session.akeys().await.map(drop) });
        assert_eq!(counted(&calls.await), [0; 6], "{key}");
    }
}

#[tokio::test]
async fn a_change_costs_two() {
    let site = Site::new(Settings::new()).await;
    let calls = site.visit(|session: LazySession| async move { session.aset("visits", &1).await });
    assert_eq!(counted(&calls.await), [1, 0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn a_new_session_costs_one() {
    let site = Site::new(Settings::new()).await;
    let calls = site.visit_as(None, |session: LazySession| async move { session.aset("visits", &1).await });
    assert_eq!(counted(&calls.await), [0, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_change_of_key_costs_two_recorded_or_at_once() {
    let site = Site::new(Settings::new()).await;
    let recorded = site.visit(|session: LazySession| async move {
        session.load().await?.cycle_key();
        Ok(())
    });
    assert_eq!(counted(&recorded.await), [1, 0, 0, 0, 0, 1]);

    let site = Site::new(Settings::new()).await;
    let at_once = site.visit(|session: LazySession| async move { session.acycle_key().await });
    assert_eq!(counted(&at_once.await), [1, 0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn a_login_with_a_change_costs_two() {
    let site = Site::new(Settings::new()).await;
    let calls = site.visit(|session: LazySession| async move {
        let session: Session = session.load().await?;
        session.cycle_key();
        session.set("user", &7)
    });
    assert_eq!(counted(&calls.await), [1, 0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn a_flush_costs_one() {
    let site = Site::new(Settings::new()).await;
    let calls = site.visit(|session: LazySession| async move { session.aflush().await });
    assert_eq!(counted(&calls.await), [0, 0, 0, 0, 1, 0]);
}

#[tokio::test]
async fn a_renewed_expiry_costs_two() {
    let site = Site::new(Settings::new().session_save_every_request(true)).await;
    let untouched = site.visit(|_: LazySession| async { Ok(()) });
    assert_eq!(counted(&untouched.await), [1, 0, 0, 1, 0, 0]);
    let read = site.visit(|session: LazySession| async move { session.akeys().await.map(drop) });
    assert_eq!(counted(&read.await), [1, 0, 0, 1, 0, 0]);
    let changed = site.visit(|session: LazySession| async move { session.aset("visits", &1).await });
    assert_eq!(counted(&changed.await), [1, 0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn what_was_saved_in_the_handler_is_not_saved_again() {
    let site = Site::new(Settings::new()).await;
    let calls = site.visit(|session: LazySession| async move {
        session.aset("visits", &1).await?;
        session.asave().await
    });
    assert_eq!(counted(&calls.await), [1, 0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn a_save_that_meets_another_costs_two_more() {
    let site = Site::new(Settings::new()).await;
    let (ours, theirs) = (site.store.session(Some(&site.key)), site.store.session(Some(&site.key)));
    ours.aset("ours", &1).await.unwrap();
    theirs.aset("theirs", &2).await.unwrap();
    theirs.asave().await.unwrap();
    site.spy.reset();
    ours.asave().await.unwrap();
    assert_eq!(counted(&site.spy.take_calls()), [1, 0, 2, 0, 0, 0]);
}
