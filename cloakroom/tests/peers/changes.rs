//! Changes that were lost, or seen where there were none.

use std::sync::{Arc, Mutex};

use cloakroom::storage::{MemoryStorage, Storage};
use cloakroom::testing::{Fault, Operation};
use cloakroom::{Clock, Engine, LazySession, SessionStore, Timestamp};

use crate::engines::{every_engine, watched};
use crate::visits::{Answer, cookies, key_in, name, ok, request, set_to, site, stored, visit};
use crate::{settings, spied};
use tower::ServiceExt;

const MONTH: f64 = 2_592_000.0;

/// "Remember me": a life of its own that later requests know nothing of.
#[tokio::test]
async fn p04_a_custom_expiry_outlives_the_request() {
    let now = Arc::new(Mutex::new(Timestamp::from_seconds(1_800_000_000).unwrap()));
    let ticking = Arc::clone(&now);
    let clock = Clock::new(move || *ticking.lock().unwrap());
    let storage = MemoryStorage::with_clock(clock.clone());
    for save_every in [false, true] {
        let settings = settings().session_cookie_age(60).session_save_every_request(save_every);
        let store = SessionStore::new(Engine::db(storage.clone()), settings).unwrap().with_clock(clock.clone());
        let remember = |session: LazySession| async move {
            session.aset("name", "Ada").await?;
            session.aset_expiry(MONTH as i64).await
        };
        let mut key = key_in(&visit(&store, None, remember).await);
        let change = |session: LazySession| async move { session.aset("visits", &1).await };
        let touch = |session: LazySession| async move {
            session.load().await?.set_modified(true);
            Ok(())
        };
        let cycle = |session: LazySession| async move { session.acycle_key().await };
        for round in 0..3 {
            // Each a few days after the one before, long after the cookie age.
            for day in 0..3 {
                let moment = now.lock().unwrap().checked_add_seconds(MONTH / 4.0).unwrap();
                *now.lock().unwrap() = moment;
                let response = match day {
                    0 => visit(&store, Some(key.as_str()), change).await,
                    1 => visit(&store, Some(key.as_str()), touch).await,
                    _ => visit(&store, Some(key.as_str()), cycle).await,
                };
                let what = format!("round {round}, day {day}");
                let cookie = cookies(response.headers())[0];
                assert!(cookie.contains("; Max-Age=2592000;"), "{what}: {cookie}");
                key = key_in(&response);
                let ends = storage.read(key.as_str()).await.unwrap().unwrap().expires.unwrap();
                assert_eq!(ends, moment.checked_add_seconds(MONTH).unwrap(), "{what}");
                assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{what}");
            }
        }
        let late = now.lock().unwrap().checked_add_seconds(MONTH).unwrap();
        *now.lock().unwrap() = late;
        assert_eq!(name(&store, &key).await, None, "and it does end");
    }
}

#[tokio::test]
async fn p06_removing_what_is_not_there_is_no_change() {
    for engine in watched() {
        let store = engine.store(settings());
        let key = stored(&store).await;
        engine.take_calls();
        let response = visit(&store, Some(key.as_str()), |session: LazySession| async move {
            assert_eq!(session.apop::<u8>("absent").await?, None);
            assert_eq!(session.apop_or("absent", 7).await?, 7);
            assert!(session.adel("absent").await.is_err());
            let session = session.load().await?;
            assert_eq!(session.pop::<u8>("absent")?, None);
            assert!(session.del("absent").is_err() && session.delete_test_cookie().is_err());
            assert!(!session.modified());
            Ok(())
        });
        let response = response.await;
        assert_eq!((response.status().as_u16(), set_to(&response)), (200, None), "{}", engine.name);
        for calls in engine.take_calls() {
            assert_eq!(calls.total(), calls.read, "{}: something was written", engine.name);
        }
        // Nor does it make a session for who has none.
        let response = visit(&store, None, |session| async move { session.apop::<u8>("absent").await.map(drop) }).await;
        assert_eq!((set_to(&response), engine.total()), (None, 0), "{}", engine.name);
    }
}

type Change = fn(LazySession) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

#[tokio::test]
async fn p09_an_update_alone_and_a_removal_alone_are_saved() {
    let changes: [(&str, Change, &str); 9] = [
        ("aupdate", |s| Box::pin(async move { s.aupdate(&serde_json::json!({"a": 2})).await }), r#"{"a":2,"b":1}"#),
        ("apop", |s| Box::pin(async move { s.apop::<u8>("a").await.map(drop) }), r#"{"b":1}"#),
        ("adel", |s| Box::pin(async move { s.adel("a").await }), r#"{"b":1}"#),
        ("asetdefault", |s| Box::pin(async move { s.asetdefault("c", &1).await.map(drop) }), r#"{"a":1,"b":1,"c":1}"#),
        ("set", |s| Box::pin(async move { s.load().await?.set("a", &2) }), r#"{"a":2,"b":1}"#),
        (
            "update",
            |s| Box::pin(async move { s.load().await?.update(&serde_json::json!({"a": 2})) }),
            r#"{"a":2,"b":1}"#,
        ),
        ("pop", |s| Box::pin(async move { s.load().await?.pop::<u8>("a").map(drop) }), r#"{"b":1}"#),
        ("del", |s| Box::pin(async move { s.load().await?.del("a") }), r#"{"b":1}"#),
        (
            "clear",
            |s| {
                Box::pin(async move {
                    s.load().await?.clear();
                    Ok(())
                })
            },
            "{}",
        ),
    ];
    for place in every_engine().await {
        let store = place.store(settings());
        for (change, handler, left) in changes {
            let session = store.session(None).load().await.unwrap();
            session.update(&serde_json::json!({"a": 1, "b": 1})).unwrap();
            session.asave().await.unwrap();
            let key = session.session_key().unwrap();
            let response = visit(&store, Some(key.as_str()), handler).await;
            assert_eq!(set_to(&response).as_deref(), Some(key.as_str()), "{change} on {}", place.name);
            let kept = store.session(Some(&key)).aload().await.unwrap().to_json();
            assert_eq!(kept, left, "{change} on {} was lost", place.name);
        }
    }
}

/// What a site does that takes an error for a new visitor: it makes a session and saves it.
async fn greet(session: LazySession) -> Answer {
    if session.aget::<String>("name").await?.is_none() {
        session.aset("name", "a stranger").await?;
    }
    Ok(())
}

#[tokio::test]
async fn p10_a_storage_error_on_load_is_no_missing_session() {
    for fault in [Fault::NotDone, Fault::LostRequest] {
        let (spy, store) = spied();
        let key = stored(&store).await;
        let before = spy.inner().read(key.as_str()).await.unwrap().unwrap();
        spy.reset();
        spy.fail_next(Operation::Read, fault);
        let response = visit(&store, Some(key.as_str()), greet).await;
        assert_eq!((response.status().as_u16(), set_to(&response)), (500, None));
        assert_eq!((spy.calls().read, spy.total()), (1, 1));
        assert_eq!(spy.inner().read(key.as_str()).await.unwrap().unwrap(), before, "it was overwritten");
    }
}

/// The table is away for a moment, as during a migration.
#[tokio::test]
async fn p10_a_table_that_is_away_is_no_missing_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    type Run = Box<dyn Fn(&str)>;
    let mut sites: Vec<(String, Run)> = Vec::new();
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    sites.push((format!("sqlite:///{}", path.display()), Box::new(move |sql| sqlite.execute_batch(sql).unwrap())));
    #[cfg(feature = "postgres")]
    if let Some(server) = tokio::task::spawn_blocking(test_servers::PostgreSql::shared).await.unwrap() {
        let database = server.new_database();
        sites.push((database.url, Box::new(move |sql| drop(server.psql(&database.name, sql)))));
    }
    #[cfg(feature = "mysql")]
    if let Some(server) = tokio::task::spawn_blocking(test_servers::MariaDb::shared).await.unwrap() {
        let database = server.new_database();
        sites.push((database.url, Box::new(move |sql| drop(server.query(&database.name, sql)))));
    }
    for (url, run) in sites {
        let store = SessionStore::open_or_create(settings().database_url(&url)).await.unwrap();
        let key = stored(&store).await;
        run("ALTER TABLE django_session RENAME TO away");
        let app = site(&store, greet);
        let response = app.clone().oneshot(request(&store, Some(key.as_str()))).await.unwrap();
        assert_eq!((response.status().as_u16(), set_to(&response)), (500, None), "{url:.6}");
        // Nor is a page shown as to a stranger, and the cookie stays.
        let read = |session: LazySession| async move { session.akeys().await.map(drop) };
        let response = visit(&store, Some(key.as_str()), read).await;
        assert_eq!((response.status().as_u16(), set_to(&response)), (500, None), "{url:.6}");
        run("ALTER TABLE away RENAME TO django_session");
        let response = app.oneshot(request(&store, Some(key.as_str()))).await.unwrap();
        assert_eq!((response.status().as_u16(), set_to(&response)), (200, None), "{url:.6}");
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{url:.6}: it was overwritten");
        assert_eq!(visit(&store, Some(key.as_str()), ok).await.status(), 200);
    }
}
