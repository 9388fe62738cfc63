//! A request whose future is dropped at every await: the session is whole, old or new; the next request succeeds at once,
//! a logout wins, and no connection is missing.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use cloakroom::{Session, SessionError, SessionKey, SessionLayer};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::places::{CONNECTIONS, Cache, Database, Place, Site};

const ACTS: [&str; 9] = ["load", "touch", "change", "save", "new", "cycle", "cycle_now", "flush", "flush_now"];
const OLD: &str = r#"{"a":1,"b":1}"#;
const NEW: &str = r#"{"a":2,"b":2}"#;

fn rounds() -> usize {
    if std::env::var_os("CLOAKROOM_LONG").is_some() { 20 } else { 1 }
}

/// What a request does; it notes when it is past its flush.
async fn act(
    Path(act): Path<String>,
    State(flushed): State<Arc<AtomicBool>>,
    session: Session,
) -> Result<String, SessionError> {
    let change = || session.set("a", &2).and_then(|()| session.set("b", &2));
    match act.as_str() {
        "touch" => session.asave().await?,
        "change" | "new" => change()?,
        "save" => {
            change()?;
            session.asave().await?;
        }
        "cycle" => session.cycle_key(),
        "cycle_now" => session.acycle_key().await?,
        "flush" => {
            session.flush();
            flushed.store(true, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        "flush_now" => {
            flushed.store(true, Ordering::SeqCst);
            session.aflush().await?;
        }
        "next" => session.set("next", &true)?,
        _ => {}
    }
    Ok(session.data().to_json())
}

fn request(act: &str, key: Option<&SessionKey>) -> Request<Body> {
    let request = Request::get(format!("/{act}"));
    let request = match key {
        Some(key) => request.header("cookie", format!("sessionid={}", key.as_str())),
        None => request,
    };
    request.body(Body::empty()).unwrap()
}

/// Polls a future so many times and drops it, unless it is done by then.
async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    if polls == 0 {
        return None;
    }
    let mut future = Box::pin(future);
    let mut polled = 0;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            polled += 1;
            if polled == polls { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn every_await(place: Place) {
    let Some(site) = Site::open(place).await else { return };
    site.line.yield_at_every_point();
    let flushed = Arc::new(AtomicBool::new(false));
    let app = Router::new().route("/{act}", get(act)).with_state(Arc::clone(&flushed));
    let app = app.layer(SessionLayer::new(site.store.clone()));
    // What the connections themselves need is there from now on.
    let warm = site.stored().await;
    site.store.session(Some(&warm)).aflush().await.unwrap();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (mut drops, mut ended) = (0, Vec::new());
    for (name, at_once) in ACTS.repeat(rounds()).into_iter().flat_map(|name| [(name, false), (name, true)]) {
        let mut polls = 0;
        loop {
            site.forget_keys();
            flushed.store(false, Ordering::SeqCst);
            let key = if name == "new" { None } else { Some(site.stored().await) };
            let done = dropped_after(polls, app.clone().oneshot(request(name, key.as_ref()))).await;
            let what = format!("{place:?}: {name} dropped after {polls} polls");
            if let Some(response) = &done {
                assert_eq!(response.as_ref().unwrap().status(), StatusCode::OK, "{what}");
            } else {
                drops += 1;
            }
            // What was begun and is still under way does not keep the next request waiting, nor a logout.
            let next = app.clone().oneshot(request("load", key.as_ref())).await.unwrap();
            assert_eq!(next.status(), StatusCode::OK, "{what}");
            if let (true, Some(key)) = (at_once, &key) {
                site.store.session(Some(key)).aflush().await.unwrap();
            }
            let metrics = tokio::runtime::Handle::current().metrics();
            eventually(&format!("{what}: a task was left behind"), async || metrics.num_alive_tasks() <= tasks).await;
            match &key {
                Some(key) if at_once => {
                    site.assert_gone(key).await;
                    let left = site.live_keys().await.len();
                    assert!(left <= usize::from(name.starts_with("cycle")), "{what}: {left} are back");
                }
                key => after(&site, &app, name, key.as_ref(), flushed.load(Ordering::SeqCst), &what).await,
            }
            // Also those of which the write is still in a queue: this comes after it. But a new session that nobody was told
            // of may be on its way to the server yet.
            let told = name != "new" || done.is_some();
            for key in site.issued_keys() {
                site.store.session(Some(&key)).aflush().await.unwrap();
                if told {
                    site.assert_gone(&key).await;
                    ended.push(key);
                }
            }
            if done.is_some() {
                break;
            }
            polls += 1;
        }
    }
    assert!(drops > CONNECTIONS, "{place:?}: {drops} drops");
    // Nothing that was still under way brings one back.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for key in &ended {
        site.assert_gone(key).await;
    }
    println!("{place:?}: {drops} requests dropped, {} sessions ended", ended.len());
}

/// What is there, and that everything goes on.
async fn after(site: &Site, app: &Router, name: &str, key: Option<&SessionKey>, flushed: bool, what: &str) {
    if flushed {
        let key = key.unwrap();
        return eventually(what, async || !site.store.exists(key).await.unwrap()).await;
    }
    // A change of key that was begun is carried out or not; the session has one key in the end.
    let least = usize::from(key.is_some());
    eventually(what, async || (least..=1).contains(&site.live_keys().await.len())).await;
    let live = site.live_keys().await;
    for key in &live {
        let members = site.settled_members(key).await;
        let expected: &[&str] = match name {
            "change" | "save" => &[OLD, NEW],
            "new" => &[NEW],
            _ => &[OLD],
        };
        assert!(expected.contains(&&*members), "{what}: {members}");
        if !name.starts_with("cycle") {
            let next = app.clone().oneshot(request("next", Some(key))).await.unwrap();
            assert_eq!(next.status(), StatusCode::OK, "{what}");
            assert!(site.members(key).await.contains("next"), "{what}");
        }
    }
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_in_a_database() {
    every_await(Place::Db(Database::Sqlite)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_on_postgresql() {
    every_await(Place::Db(Database::PostgreSql)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_on_mariadb() {
    every_await(Place::Db(Database::MariaDb)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_in_files() {
    every_await(Place::Files).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_in_memory() {
    every_await(Place::Cache(Cache::Memory)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_on_redis() {
    every_await(Place::Cache(Cache::Redis)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_on_memcached() {
    every_await(Place::Cache(Cache::Memcached)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_and_copy() {
    every_await(Place::CachedDb(Database::Sqlite, Cache::Memory)).await;
}

#[tokio::test]
async fn a_request_dropped_at_every_await_leaves_a_whole_session_and_copy_on_servers() {
    every_await(Place::CachedDb(Database::PostgreSql, Cache::Redis)).await;
}
