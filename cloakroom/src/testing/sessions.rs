//! What sessions promise, whatever engine keeps them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use crate::{EngineName, SessionData, SessionError, SessionKey, SessionStore};

/// How many tasks save one session at once.
const WRITERS: usize = 16;
/// How many times a logout races a save.
const RACES: usize = 50;

/// Proves that the sessions of an engine keep what cloakroom promises, in every engine that keeps them on the
/// server. Of `signed_cookies`, which keeps nothing there, the checks hold that say so.
///
/// `make` gives a store with nothing in it, a new one for each check. The checks:
///
/// | check | what it holds |
/// |---|---|
/// | what is saved is loaded | members, order and numbers to the letter; the expiry; also `signed_cookies` |
/// | an unknown key is never adopted | not by a change, a change of key, a must-create save |
/// | different members both survive | two requests, one session; the same for 16 tasks at once |
/// | clear removes what was not set after it | also what another request set meanwhile |
/// | a deleted session stays deleted | save, touch, change of key; and in 50 races with a logout |
/// | a changed key is dead | and its data live on under the new one |
/// | a flush ends the session | what is set afterwards goes to a new key; also `signed_cookies` |
/// | an ended session is not loaded | a past expiry, by seconds and by moment; also `signed_cookies` |
/// | a touch does not undo a new expiry | another request's `set_expiry` wins |
/// | a new session must be new | `CreateError` for one that is stored |
/// | clear_expired leaves the living | and what it removes is gone |
///
/// ```
/// use cloakroom::testing::session_contract;
/// use cloakroom::{SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// session_contract(async || SessionStore::memory(Settings::new()).unwrap()).await;
/// # }
/// ```
///
/// # Panics
/// When a check fails; the message says which.
pub async fn session_contract(make: impl AsyncFn() -> SessionStore) {
    let store = make().await;
    saved_is_loaded(&store).await;
    a_flush_ends_the_session(&make().await).await;
    ended_is_not_loaded(&make().await).await;
    if store.engine() == EngineName::SignedCookies {
        return;
    }
    unknown_keys_are_not_adopted(&make().await).await;
    different_members_survive(&make().await).await;
    many_tasks_lose_nothing(&make().await).await;
    clear_removes_what_was_not_set_after_it(&make().await).await;
    deleted_stays_deleted(&make().await).await;
    a_logout_wins_every_race(&make().await).await;
    a_changed_key_is_dead(&make().await).await;
    a_touch_does_not_undo_a_new_expiry(&make().await).await;
    new_must_be_new(&make().await).await;
    clear_expired_leaves_the_living(&make().await).await;
}

/// Fails with the check's name.
#[track_caller]
fn hold<T>(check: &str, result: Result<T, SessionError>) -> T {
    result.unwrap_or_else(|error| panic!("{check}: {error}"))
}

#[track_caller]
fn hold_that(check: &str, holds: bool) {
    assert!(holds, "it does not hold that {check}");
}

async fn stored(store: &SessionStore, json: &str) -> SessionKey {
    const CHECK: &str = "a session can be stored";
    let session = hold(CHECK, store.session(None).load().await);
    for (name, value) in hold(CHECK, SessionData::from_json(json)).items() {
        session.set_json(&name, value);
    }
    hold(CHECK, session.asave().await);
    session.session_key().unwrap_or_else(|| panic!("{CHECK}: it has no key"))
}

async fn members(store: &SessionStore, key: &SessionKey) -> String {
    hold("a session can be loaded", store.session(Some(key)).aload().await).to_json()
}

async fn saved_is_loaded(store: &SessionStore) {
    const CHECK: &str = "what is saved is loaded";
    let json = r#"{"z":1.0,"a":12345678901234567890123,"\u00e9":"\ud83d\ude00","n":NaN,"l":[1,{"m":null}]}"#;
    let key = stored(store, json).await;
    let session = hold(CHECK, store.session(Some(&key)).load().await);
    hold_that(CHECK, session.data().to_json() == json);
    hold(CHECK, session.set_expiry(100));
    hold(CHECK, session.asave().await);
    // Where the key is the data, it is another one by now.
    let key = session.session_key();
    hold_that(CHECK, hold(CHECK, store.session(key.as_ref()).aget_expiry_age().await) == 100.0);
}

async fn unknown_keys_are_not_adopted(store: &SessionStore) {
    const CHECK: &str = "an unknown key is never adopted";
    for way in 0..4 {
        let planted = SessionKey::generate();
        let session = store.session(Some(&planted));
        match way {
            0 => {
                hold(CHECK, session.aset("a", &1).await);
                hold(CHECK, session.asave().await);
            }
            1 => hold(CHECK, session.acycle_key().await),
            2 => hold(CHECK, session.asave_must_create().await),
            _ => hold_that(CHECK, matches!(session.asave().await, Err(SessionError::UpdateError))),
        }
        hold_that(CHECK, !hold(CHECK, store.exists(&planted).await) && session.session_key() != Some(planted));
    }
}

async fn different_members_survive(store: &SessionStore) {
    const CHECK: &str = "different members both survive";
    let key = stored(store, r#"{"a":1,"b":1,"c":1}"#).await;
    let one = hold(CHECK, store.session(Some(&key)).load().await);
    let two = hold(CHECK, store.session(Some(&key)).load().await);
    hold(CHECK, one.set("a", &2));
    hold(CHECK, two.set("b", &2));
    hold(CHECK, two.del("c"));
    hold(CHECK, one.asave().await);
    hold(CHECK, two.asave().await);
    hold_that(CHECK, members(store, &key).await == r#"{"a":2,"b":2}"#);
}

async fn many_tasks_lose_nothing(store: &SessionStore) {
    const CHECK: &str = "sixteen tasks at once lose nothing";
    let key = stored(store, "{}").await;
    let start = Arc::new(Barrier::new(WRITERS));
    let tasks: Vec<_> = (0..WRITERS)
        .map(|at| {
            let (store, key, start) = (store.clone(), key.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                let session = store.session(Some(&key)).load().await?;
                start.wait().await;
                session.set(&format!("task {at}"), &at)?;
                session.asave().await
            })
        })
        .collect();
    for task in tasks {
        hold(CHECK, task.await.unwrap_or_else(|error| panic!("{CHECK}: {error}")));
    }
    let data = hold(CHECK, store.session(Some(&key)).aload().await);
    hold_that(CHECK, (0..WRITERS).all(|at| data.contains(&format!("task {at}"))));
}

async fn clear_removes_what_was_not_set_after_it(store: &SessionStore) {
    const CHECK: &str = "clear removes what was not set after it";
    let key = stored(store, r#"{"a":1}"#).await;
    let clearing = hold(CHECK, store.session(Some(&key)).load().await);
    let other = store.session(Some(&key));
    hold(CHECK, other.aset("b", &1).await);
    hold(CHECK, other.asave().await);
    clearing.clear();
    hold(CHECK, clearing.set("c", &1));
    hold(CHECK, clearing.asave().await);
    hold_that(CHECK, members(store, &key).await == r#"{"c":1}"#);
}

async fn deleted_stays_deleted(store: &SessionStore) {
    const CHECK: &str = "a deleted session stays deleted";
    for way in 0..3 {
        let key = stored(store, r#"{"a":1}"#).await;
        let session = hold(CHECK, store.session(Some(&key)).load().await);
        hold(CHECK, store.session(Some(&key)).aflush().await);
        let saved = match way {
            0 => {
                hold(CHECK, session.set("a", &2));
                session.asave().await
            }
            1 => session.asave().await,
            _ => session.acycle_key().await,
        };
        hold_that(CHECK, matches!(saved, Err(SessionError::UpdateError)));
        hold_that(CHECK, !hold(CHECK, store.exists(&key).await));
    }
}

async fn a_logout_wins_every_race(store: &SessionStore) {
    const CHECK: &str = "a logout wins every race";
    for _ in 0..RACES {
        let key = stored(store, r#"{"a":1}"#).await;
        let session = hold(CHECK, store.session(Some(&key)).load().await);
        let start = Arc::new(Barrier::new(2));
        let (leaving, theirs) = (store.session(Some(&key)), Arc::clone(&start));
        let logout = tokio::spawn(async move {
            theirs.wait().await;
            leaving.aflush().await
        });
        start.wait().await;
        hold(CHECK, session.set("a", &2));
        let saved = session.asave().await;
        hold_that(CHECK, matches!(saved, Ok(()) | Err(SessionError::UpdateError)));
        hold(CHECK, logout.await.unwrap_or_else(|error| panic!("{CHECK}: {error}")));
        hold_that(CHECK, !hold(CHECK, store.exists(&key).await));
    }
}

async fn a_changed_key_is_dead(store: &SessionStore) {
    const CHECK: &str = "a changed key is dead";
    let key = stored(store, r#"{"a":1}"#).await;
    let session = store.session(Some(&key));
    hold(CHECK, session.acycle_key().await);
    hold_that(CHECK, !hold(CHECK, store.exists(&key).await));
    let new = session.session_key().unwrap_or_else(|| panic!("{CHECK}: there is no new one"));
    hold_that(CHECK, new != key && members(store, &new).await == r#"{"a":1}"#);
}

async fn a_flush_ends_the_session(store: &SessionStore) {
    const CHECK: &str = "a flush ends the session";
    let key = stored(store, r#"{"a":1}"#).await;
    let session = hold(CHECK, store.session(Some(&key)).load().await);
    session.flush();
    hold_that(CHECK, session.is_empty());
    hold(CHECK, session.set("b", &1));
    hold(CHECK, session.asave().await);
    hold_that(CHECK, !hold(CHECK, store.exists(&key).await));
    let new = session.session_key().unwrap_or_else(|| panic!("{CHECK}: there is no new one"));
    hold_that(CHECK, new != key && members(store, &new).await == r#"{"b":1}"#);
}

async fn ended_is_not_loaded(store: &SessionStore) {
    const CHECK: &str = "an ended session is not loaded";
    for by_moment in [false, true] {
        let session = hold(CHECK, store.session(None).load().await);
        hold(CHECK, session.set("a", &1));
        let ended = if by_moment { session.set_expiry(Duration::ZERO) } else { session.set_expiry(-1) };
        hold(CHECK, ended);
        hold(CHECK, session.asave().await);
        let again = store.session(session.session_key().as_ref());
        hold_that(CHECK, hold(CHECK, again.aload().await).is_empty() && again.session_key().is_none());
    }
}

async fn a_touch_does_not_undo_a_new_expiry(store: &SessionStore) {
    const CHECK: &str = "a touch does not undo a new expiry";
    let key = stored(store, r#"{"a":1}"#).await;
    let reading = hold(CHECK, store.session(Some(&key)).load().await);
    let other = store.session(Some(&key));
    hold(CHECK, other.aset_expiry(60).await);
    hold(CHECK, other.asave().await);
    hold(CHECK, reading.asave().await);
    hold_that(CHECK, hold(CHECK, store.session(Some(&key)).aget_expiry_age().await) == 60.0);
}

async fn new_must_be_new(store: &SessionStore) {
    const CHECK: &str = "a new session must be new";
    let key = stored(store, r#"{"a":1}"#).await;
    let session = store.session(Some(&key));
    hold_that(CHECK, matches!(session.asave_must_create().await, Err(SessionError::CreateError)));
    hold_that(CHECK, members(store, &key).await == r#"{"a":1}"#);
}

async fn clear_expired_leaves_the_living(store: &SessionStore) {
    const CHECK: &str = "clear_expired leaves the living";
    let living = stored(store, r#"{"a":1}"#).await;
    let ended = hold(CHECK, store.session(None).load().await);
    hold(CHECK, ended.set_expiry(-60));
    hold(CHECK, ended.asave().await);
    let key = ended.session_key().unwrap_or_else(|| panic!("{CHECK}: there is no key"));
    hold(CHECK, store.clear_expired().await);
    hold_that(CHECK, !hold(CHECK, store.exists(&key).await) && hold(CHECK, store.exists(&living).await));
}
