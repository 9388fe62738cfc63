//! The orders that matter, one after the other and in the middle of each other's steps.

use std::future::Future;
use std::pin::Pin;

use cloakroom::testing::Operation;
use cloakroom::{Session, SessionError, SessionKey};

use crate::paused::{At, Point, When};
use crate::places::Site;

/// Before or after a call to where the session is kept.
const fn before(operation: Operation) -> Point {
    (When::Before, At::Kept, operation)
}

const fn after(operation: Operation) -> Point {
    (When::After, At::Kept, operation)
}

fn is_refused(result: &Result<(), SessionError>) -> bool {
    matches!(result, Err(SessionError::UpdateError))
}

type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Has another request save a member.
fn saves(session: Session, name: &'static str) -> impl FnOnce() -> Doing + Send + 'static {
    move || {
        Box::pin(async move {
            session.set(name, &2).unwrap();
            session.asave().await.unwrap();
        })
    }
}

/// Has another request log out.
fn logs_out(site: &Site, key: &SessionKey) -> impl FnOnce() -> Doing + Send + use<> {
    let session = site.store.session(Some(key));
    move || Box::pin(async move { session.aflush().await.unwrap() })
}

pub(crate) async fn load_load_save_save_keeps_both_changes(site: &Site) {
    let key = site.stored().await;
    let (one, two) = (site.load(&key).await, site.load(&key).await);
    one.set("a", &2).unwrap();
    two.set("b", &3).unwrap();
    two.set("c", &4).unwrap();
    one.asave().await.unwrap();
    two.asave().await.unwrap();
    assert_eq!(site.members(&key).await, r#"{"a":2,"b":3,"c":4}"#);
    // The later one knows what the earlier one did, and goes on from there.
    assert_eq!(two.get::<u8>("a").unwrap(), Some(2));
    two.del("a").unwrap();
    two.asave().await.unwrap();
    assert_eq!(site.members(&key).await, r#"{"b":3,"c":4}"#);
}

pub(crate) async fn load_logout_save_stays_logged_out(site: &Site) {
    let key = site.stored().await;
    let slow = site.load(&key).await;
    logs_out(site, &key)().await;
    slow.set("a", &2).unwrap();
    assert!(is_refused(&slow.asave().await));
    site.assert_gone(&key).await;
    // The logout comes when the save is about to write.
    let key = site.stored().await;
    let slow = site.load(&key).await;
    slow.set("a", &2).unwrap();
    site.line.stop_at(before(Operation::Replace), 0, logs_out(site, &key));
    assert!(is_refused(&slow.asave().await) && site.line.was_reached());
    site.assert_gone(&key).await;
}

/// The reader has the session in its hands when the visitor logs out: what it puts back into a cache, or saves, does not
/// bring it back.
pub(crate) async fn miss_logout_refill_stays_logged_out(site: &Site) {
    let points: &[Point] = if site.has_front() {
        &[
            (When::After, At::Front, Operation::Read),
            (When::After, At::Front, Operation::Insert),
            after(Operation::Read),
            (When::After, At::Front, Operation::Replace),
        ]
    } else {
        &[after(Operation::Read)]
    };
    for point in points {
        let key = site.stored().await;
        site.evict(&key).await;
        site.line.stop_at(*point, 0, logs_out(site, &key));
        let reader = site.load(&key).await;
        assert!(site.line.was_reached(), "{point:?}");
        site.assert_gone(&key).await;
        reader.set("a", &2).unwrap();
        let saved = reader.asave().await;
        // What saw nothing at all starts a session of its own.
        assert!(is_refused(&saved) || reader.session_key() != Some(key.clone()), "{point:?}");
        site.assert_gone(&key).await;
    }
}

pub(crate) async fn rotate_save_does_not_keep_the_old_key_alive(site: &Site) {
    let key = site.stored().await;
    let (login, other) = (site.load(&key).await, site.load(&key).await);
    login.set("user", &7).unwrap();
    login.acycle_key().await.unwrap();
    let new = login.session_key().unwrap();
    other.set("b", &6).unwrap();
    assert!(is_refused(&other.asave().await));
    site.assert_gone(&key).await;
    assert_eq!(site.members(&new).await, r#"{"a":1,"b":1,"user":7}"#);

    // The key changes when the save is about to write.
    let key = site.stored().await;
    let (login, other) = (site.load(&key).await, site.load(&key).await);
    other.set("b", &6).unwrap();
    let handle = login.clone();
    site.line.stop_at(before(Operation::Replace), 0, move || async move { handle.acycle_key().await.unwrap() });
    assert!(is_refused(&other.asave().await) && site.line.was_reached());
    site.assert_gone(&key).await;
    assert_eq!(site.members(&login.session_key().unwrap()).await, r#"{"a":1,"b":1}"#);
}

pub(crate) async fn a_change_of_key_takes_the_changes_of_others_along(site: &Site) {
    let key = site.stored().await;
    let (login, other) = (site.load(&key).await, site.load(&key).await);
    saves(other, "b")().await;
    login.set("user", &7).unwrap();
    login.acycle_key().await.unwrap();
    assert_eq!(site.members(&login.session_key().unwrap()).await, r#"{"a":1,"b":2,"user":7}"#);
    site.assert_gone(&key).await;
}

pub(crate) async fn touch_set_expiry_keeps_the_new_expiry(site: &Site) {
    for in_the_middle in [false, true] {
        let key = site.stored().await;
        let (reader, writer) = (site.load(&key).await, site.load(&key).await);
        let shorten = move || async move {
            writer.set_expiry(60).unwrap();
            writer.asave().await.unwrap();
        };
        if in_the_middle {
            site.line.stop_at(before(site.touches_by()), 0, shorten);
        } else {
            shorten().await;
        }
        // Nothing changed here: only the expiry would move, to what this handle believes it to be.
        reader.asave().await.unwrap();
        assert!(site.line.was_reached());
        let seen = site.load(&key).await;
        assert_eq!(seen.get_expiry_age().unwrap(), 60.0);
        assert_eq!(reader.get_expiry_age().unwrap(), 60.0);
        site.assert_ends_within(&key, 61.0).await;
    }
}

pub(crate) async fn touch_delete_does_not_bring_the_session_back(site: &Site) {
    let key = site.stored().await;
    let reader = site.load(&key).await;
    site.store.delete(&key).await.unwrap();
    assert!(is_refused(&reader.asave().await));
    site.assert_gone(&key).await;
    let key = site.stored().await;
    let reader = site.load(&key).await;
    site.line.stop_at(before(site.touches_by()), 0, logs_out(site, &key));
    assert!(is_refused(&reader.asave().await) && site.line.was_reached());
    site.assert_gone(&key).await;
}

pub(crate) async fn clear_set_removes_what_came_before_and_not_what_comes_after(site: &Site) {
    for in_the_middle in [false, true] {
        let key = site.stored().await;
        let (clearing, setting) = (site.load(&key).await, site.load(&key).await);
        if in_the_middle {
            site.line.stop_at(before(Operation::Replace), 0, saves(setting.clone(), "c"));
        } else {
            saves(setting.clone(), "c")().await;
        }
        clearing.clear();
        clearing.set("after", &1).unwrap();
        clearing.asave().await.unwrap();
        assert!(site.line.was_reached());
        assert_eq!(site.members(&key).await, r#"{"after":1}"#);
        setting.set("c", &2).unwrap();
        setting.asave().await.unwrap();
        assert_eq!(site.members(&key).await, r#"{"after":1,"c":2}"#);
    }
}

/// What another request does between the read with which a save merges and its second try.
pub(crate) async fn between_the_tries_of_a_save_nothing_is_lost_or_brought_back(site: &Site) {
    // Another save: it is merged as well, with the third try.
    let key = site.stored().await;
    let (ours, first, second) = (site.load(&key).await, site.load(&key).await, site.load(&key).await);
    saves(first, "first")().await;
    ours.set("ours", &2).unwrap();
    site.line.stop_at(after(Operation::Read), 0, saves(second, "second"));
    ours.asave().await.unwrap();
    assert!(site.line.was_reached());
    let session = site.load(&key).await;
    assert!(["first", "second", "ours"].iter().all(|name| session.has_key(name)), "{}", site.members(&key).await);

    // A logout: it wins.
    let (ours, other) = (site.load(&key).await, site.load(&key).await);
    saves(other, "third")().await;
    ours.set("ours", &3).unwrap();
    site.line.stop_at(after(Operation::Read), 0, logs_out(site, &key));
    assert!(is_refused(&ours.asave().await) && site.line.was_reached());
    site.assert_gone(&key).await;

    // A change of key: what was saved before goes along, and the old key stays dead.
    let key = site.stored().await;
    let (ours, other, login) = (site.load(&key).await, site.load(&key).await, site.load(&key).await);
    saves(other, "first")().await;
    ours.set("ours", &3).unwrap();
    let handle = login.clone();
    site.line.stop_at(after(Operation::Read), 0, move || async move { handle.acycle_key().await.unwrap() });
    assert!(is_refused(&ours.asave().await) && site.line.was_reached());
    site.assert_gone(&key).await;
    assert_eq!(site.members(&login.session_key().unwrap()).await, r#"{"a":1,"b":1,"first":2}"#);
}

/// Between the new entry and the end of the old one.
pub(crate) async fn between_the_steps_of_a_change_of_key_nothing_is_lost_or_brought_back(site: &Site) {
    site.forget_keys();
    let (key, point) = (site.stored().await, before(Operation::Remove));
    let (login, other) = (site.load(&key).await, site.load(&key).await);
    login.set("user", &7).unwrap();
    site.line.stop_at(point, 0, saves(other, "b"));
    login.acycle_key().await.unwrap();
    if !site.line.was_reached() {
        // It is one step here.
        return site.assert_gone(&key).await;
    }
    site.assert_gone(&key).await;
    let new = login.session_key().unwrap();
    assert_eq!(site.members(&new).await, r#"{"a":1,"b":2,"user":7}"#);
    assert_eq!(site.live_keys().await, [new], "the undone try left its entry");

    // A logout under the old key: the new one goes too.
    site.forget_keys();
    let key = site.stored().await;
    let login = site.load(&key).await;
    site.line.stop_at(point, 0, logs_out(site, &key));
    assert!(is_refused(&login.acycle_key().await) && site.line.was_reached());
    site.assert_gone(&key).await;
    assert!(site.live_keys().await.is_empty(), "{:?}: a session is left under the new key", site.place);

    // Another change of key: one of the two wins, whole.
    let key = site.stored().await;
    let (login, other) = (site.load(&key).await, site.load(&key).await);
    let handle = other.clone();
    site.line.stop_at(point, 0, move || async move { handle.acycle_key().await.unwrap() });
    assert!(is_refused(&login.acycle_key().await) && site.line.was_reached());
    site.assert_gone(&key).await;
    assert_eq!(site.live_keys().await, [other.session_key().unwrap()]);
}

/// Between the write to the database and the one to the cache in front of it.
pub(crate) async fn between_database_and_cache_no_old_copy_stays(site: &Site) {
    if !site.has_front() {
        return;
    }
    let point = after(Operation::Replace);
    for evicted in [false, true] {
        // Another save.
        let key = site.stored().await;
        let (slow, quick) = (site.load(&key).await, site.load(&key).await);
        if evicted {
            site.evict(&key).await;
        }
        slow.set("a", &2).unwrap();
        let store = site.store.clone();
        let again = key.clone();
        site.line.stop_at(point, 0, move || async move {
            quick.set("b", &2).unwrap();
            quick.asave().await.unwrap();
            // And somebody who reads.
            store.session(Some(&again)).aload().await.unwrap();
        });
        slow.asave().await.unwrap();
        assert!(site.line.was_reached());
        assert_eq!(site.members(&key).await, r#"{"a":2,"b":2}"#, "evicted: {evicted}");

        // A logout.
        let slow = site.load(&key).await;
        if evicted {
            site.evict(&key).await;
        }
        slow.set("a", &3).unwrap();
        site.line.stop_at(point, 0, logs_out(site, &key));
        slow.asave().await.unwrap();
        assert!(site.line.was_reached());
        site.assert_gone(&key).await;

        // A change of key.
        let key = site.stored().await;
        let (slow, login) = (site.load(&key).await, site.load(&key).await);
        if evicted {
            site.evict(&key).await;
        }
        slow.set("a", &4).unwrap();
        let handle = login.clone();
        site.line.stop_at(point, 0, move || async move { handle.acycle_key().await.unwrap() });
        slow.asave().await.unwrap();
        assert!(site.line.was_reached());
        site.assert_gone(&key).await;
        assert_eq!(site.members(&login.session_key().unwrap()).await, r#"{"a":4,"b":1}"#);
    }
    // While a logout is between its marker and the end of the row, somebody reads and somebody saves.
    let key = site.stored().await;
    let (store, again) = (site.store.clone(), key.clone());
    site.line.stop_at(before(Operation::Remove), 0, move || async move {
        let other = store.session(Some(&again)).load().await.unwrap();
        other.set("a", &2).unwrap();
        other.asave().await.unwrap();
    });
    site.store.session(Some(&key)).aflush().await.unwrap();
    assert!(site.line.was_reached());
    site.assert_gone(&key).await;
}
