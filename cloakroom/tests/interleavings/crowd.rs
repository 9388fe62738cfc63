//! Many requests that change one session at once, each another member: all of it is kept, and each save asks the storage a
//! bounded number of times, however many there are.

use crate::places::{Cache, Database, Place, Site};

const CROWD: usize = 40;
/// A try that fails, a read, a try that does not; and one more, for those who come between.
const CALLS: usize = 4;

async fn saves_that_meet_go_one_after_another(place: Place) {
    let Some(site) = Site::open(place).await else { return };
    site.line.yield_at_every_point();
    let key = site.stored().await;
    let mut sessions = Vec::new();
    for at in 0..CROWD {
        let session = site.load(&key).await;
        session.set(&format!("member_{at}"), &at).unwrap();
        sessions.push(session);
    }
    let before = site.line.passed().len();
    let saves: Vec<_> =
        sessions.into_iter().map(|session| tokio::spawn(async move { session.asave().await })).collect();
    for save in saves {
        save.await.unwrap().unwrap();
    }
    // A point before and one after each call.
    let calls = (site.line.passed().len() - before) / 2;
    println!("{place:?}: {calls} calls for {CROWD} saves at once");
    assert!(calls <= CROWD * CALLS, "{place:?}: {calls} calls");
    let members = site.members(&key).await;
    for at in 0..CROWD {
        assert!(members.contains(&format!("\"member_{at}\":{at}")), "{place:?}: {members}");
    }
}

#[tokio::test]
async fn in_a_database() {
    saves_that_meet_go_one_after_another(Place::Db(Database::Sqlite)).await;
}

#[tokio::test]
async fn on_postgresql() {
    saves_that_meet_go_one_after_another(Place::Db(Database::PostgreSql)).await;
}

#[tokio::test]
async fn in_files() {
    saves_that_meet_go_one_after_another(Place::Files).await;
}

#[tokio::test]
async fn in_a_cache() {
    saves_that_meet_go_one_after_another(Place::Cache(Cache::Memory)).await;
}

#[tokio::test]
async fn on_redis() {
    saves_that_meet_go_one_after_another(Place::Cache(Cache::Redis)).await;
}
