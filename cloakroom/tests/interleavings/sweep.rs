//! Every operation in the middle of every other: one stops at its first point, at its second and so on, and the other one
//! is carried out there.

use std::sync::{Arc, Mutex};

use cloakroom::{Session, SessionError, SessionKey};

use crate::paused::{Point, When};
use crate::places::Site;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Load,
    Save,
    Touch,
    SetExpiry,
    Clear,
    CycleKey,
    Flush,
}

const ACTS: [Act; 7] = [Act::Load, Act::Save, Act::Touch, Act::SetExpiry, Act::Clear, Act::CycleKey, Act::Flush];

/// What came of it, and what a reader saw.
type Came = Result<Option<String>, SessionError>;

/// One request after its load, except where the load is what it does.
struct Request {
    act: Act,
    session: Session,
    name: &'static str,
}

impl Request {
    async fn new(site: &Site, key: &SessionKey, act: Act, name: &'static str) -> Self {
        Self { act, session: site.load(key).await, name }
    }

    async fn carry_out(&self, site: &cloakroom::SessionStore, key: &SessionKey) -> Came {
        let session = &self.session;
        match self.act {
            Act::Load => return Ok(Some(site.session(Some(key)).aload().await?.to_json())),
            Act::Save => session.set(self.name, &2)?,
            Act::Touch => {}
            Act::SetExpiry => session.set_expiry(60)?,
            Act::Clear => {
                session.clear();
                session.set(self.name, &2)?;
            }
            Act::CycleKey => return session.acycle_key().await.map(|()| None),
            Act::Flush => return site.session(Some(key)).aflush().await.map(|()| None),
        }
        session.asave().await.map(|()| None)
    }
}

pub(crate) async fn everything(site: &Site) {
    let mut orders = 0;
    for first in ACTS {
        for second in ACTS {
            let mut point = 0;
            while one(site, first, second, point).await {
                point += 1;
            }
            orders += point + 1;
        }
    }
    println!("{:?}: {orders} orders of two requests", site.place);
}

/// The second request at a point of the first, or after it if there is no such point: that is answered.
async fn one(site: &Site, first: Act, second: Act, point: usize) -> bool {
    site.forget_keys();
    let key = site.stored().await;
    if first == Act::Load {
        site.evict(&key).await;
    }
    let (ours, theirs) =
        (Request::new(site, &key, first, "ours").await, Arc::new(Request::new(site, &key, second, "theirs").await));
    if first == Act::Load {
        // So that it finds nothing, and fills the cache.
        site.evict(&key).await;
    }
    let came: Arc<Mutex<Option<Came>>> = Arc::default();
    let hook = {
        let (theirs, came, store, key) = (Arc::clone(&theirs), Arc::clone(&came), site.store.clone(), key.clone());
        move || async move {
            let done = theirs.carry_out(&store, &key).await;
            *came.lock().unwrap() = Some(done);
        }
    };
    let mut left = point;
    let here = move |(when, ..): Point| {
        let here = when == When::Before && left == 0;
        left -= usize::from(when == When::Before && left > 0);
        here
    };
    site.line.stop(here, hook.clone());
    let our_result = ours.carry_out(&site.store, &key).await;
    let reached = site.line.was_reached();
    if !reached {
        hook().await;
    }
    let their_result = came.lock().unwrap().take().unwrap();
    let what = format!("{:?}: {second:?} at point {point} of {first:?}: {our_result:?}, {their_result:?}", site.place);
    check(site, &key, [(&ours, &our_result), (&theirs, &their_result)], &what).await;
    reached
}

async fn check(site: &Site, key: &SessionKey, requests: [(&Request, &Came); 2], what: &str) {
    let does = |act| requests.iter().any(|(request, _)| request.act == act);
    for (request, came) in requests {
        assert!(matches!(came, Ok(_) | Err(SessionError::UpdateError)), "{what}");
        let may_be_refused =
            !matches!(request.act, Act::Load | Act::Flush) && (does(Act::Flush) || does(Act::CycleKey));
        assert!(may_be_refused || came.is_ok(), "{what}");
        if let Ok(Some(seen)) = came {
            assert!(seen == "{}" || seen.starts_with(r#"{"a":1,"b":1"#) || seen.contains(":2"), "{what}");
        }
    }
    let live = site.live_keys().await;
    if does(Act::Flush) || does(Act::CycleKey) {
        site.assert_gone(key).await;
    }
    // The keys under which the session may live on: the old one, or that of a change of key which was carried out.
    let mut expected: Vec<SessionKey> = Vec::new();
    for (request, came) in requests {
        if request.act == Act::CycleKey && came.is_ok() {
            expected.push(request.session.session_key().unwrap());
        }
    }
    assert!(expected.len() <= 1, "{what}: two sessions of one");
    if !does(Act::Flush) && !does(Act::CycleKey) {
        expected.push(key.clone());
    }
    assert_eq!(live.len(), expected.len(), "{what}: live are {live:?}");
    let Some(at) = expected.first() else {
        assert!(does(Act::Flush), "{what}: lost");
        return;
    };
    assert_eq!(live[0], *at, "{what}");
    let members = site.members(at).await;
    let session = site.load(at).await;
    let cleared = does(Act::Clear) && requests.iter().any(|(request, came)| request.act == Act::Clear && came.is_ok());
    assert!(cleared != session.has_key("a"), "{what}: {members}");
    for (request, came) in requests {
        match request.act {
            // A clear removes what another set before it.
            Act::Save if !does(Act::Clear) => {
                assert_eq!(session.has_key(request.name), came.is_ok(), "{what}: {members}");
            }
            Act::SetExpiry if !does(Act::Clear) && came.is_ok() => {
                assert_eq!(session.get_expiry_age().unwrap(), 60.0, "{what}: {members}");
                site.assert_ends_within(at, 61.0).await;
            }
            Act::Clear if came.is_ok() && !requests.iter().all(|(request, _)| request.act == Act::Clear) => {
                assert!(session.has_key(request.name), "{what}: {members}");
            }
            _ => {}
        }
    }
}
