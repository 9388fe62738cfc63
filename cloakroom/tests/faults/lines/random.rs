//! Many visitors at once, on a line that goes bad at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cloakroom::storage::StorageError;
use cloakroom::{KeySource, SessionError, SessionKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use test_servers::Fault;

use super::figures::Figures;
use super::long;
use super::places::{Place, TIMEOUT};
use crate::content::Content;

/// More than there are connections.
const VISITORS: u64 = 9;
/// So many faults are tried at least, however slow the machine.
const FAULTS: usize = 20;

/// The one that is told, or another each time.
fn seed() -> u64 {
    let told = std::env::var("CLOAKROOM_SEED").ok().and_then(|seed| seed.parse().ok());
    told.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64)
}

fn any_fault(random: &mut StdRng) -> Fault {
    match random.random_range(0..100) {
        0..70 => Fault::Nothing,
        70..76 => Fault::Refused,
        76..86 => Fault::Truncated(random.random_range(0..400)),
        86..92 => Fault::Delayed(Duration::from_millis(random.random_range(1..40))),
        92..94 => Fault::Delayed(TIMEOUT * 3 / 2),
        94..96 => Fault::Swallowed,
        _ => Fault::Dripping(Duration::from_micros(random.random_range(10..3_000))),
    }
}

pub async fn randomly(place: Arc<Place>) {
    let seed = seed();
    println!("{}: CLOAKROOM_SEED={seed}", place.name);
    let end = Instant::now() + Duration::from_secs(if long() { 60 } else { 3 });
    let mut random = StdRng::seed_from_u64(seed);
    place.proxy.faults();
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    place.proxy.meet(move || {
        let fault = any_fault(&mut random);
        count.fetch_add(usize::from(fault != Fault::Nothing), Ordering::SeqCst);
        fault
    });
    let visitors: Vec<_> = (0..VISITORS)
        .map(|number| {
            let random = StdRng::seed_from_u64(seed.wrapping_add(number + 1));
            let (mut visitor, tried) = (Visitor::new(Arc::clone(&place), random), Arc::clone(&tried));
            tokio::spawn(async move {
                while Instant::now() < end || tried.load(Ordering::SeqCst) < FAULTS {
                    visitor.request().await;
                }
                visitor
            })
        })
        .collect();
    let mut all = Vec::new();
    for visitor in visitors {
        all.push(visitor.await.unwrap());
    }
    place.proxy.calm();
    let mut figures = Figures { faults: place.proxy.faults(), ..Figures::default() };
    for visitor in &mut all {
        visitor.settle().await;
        figures.add(&visitor.figures);
    }
    println!("{}, at random: {figures:?}, impossible values: 0", place.name);
}

/// One who knows what may stand in the session.
struct Visitor {
    place: Arc<Place>,
    random: StdRng,
    figures: Figures,
    /// `None` until a session is known to be there.
    current: Option<Known>,
    /// Keys that are dead.
    ended: Vec<SessionKey>,
    /// Keys under which a session of somebody's may be, or none.
    unsure: Vec<(SessionKey, String)>,
}

/// What is known of a session.
struct Known {
    key: SessionKey,
    who: Content,
    /// The change that is there at least: it was acknowledged, or seen.
    least: u64,
    /// The last one that was tried.
    tried: u64,
    /// Under which keys it may be since a change of key whose outcome is not known.
    moved: Vec<SessionKey>,
}

impl Visitor {
    fn new(place: Arc<Place>, random: StdRng) -> Self {
        Self { place, random, figures: Figures::default(), current: None, ended: Vec::new(), unsure: Vec::new() }
    }

    fn count<T>(&mut self, answer: Result<T, SessionError>) -> Option<T> {
        self.figures.count(&answer);
        answer.ok()
    }

    async fn request(&mut self) {
        let Some(known) = self.current.take() else { return self.begin().await };
        match self.random.random_range(0..10) {
            0..3 => self.load(known).await,
            3..7 => self.save(known).await,
            7 => self.touch(known).await,
            8 => self.change_key(known).await,
            _ => self.flush(known).await,
        }
    }

    async fn begin(&mut self) {
        let (content, key) = (Content::new(), SessionKey::generate());
        let next = key.clone();
        let site = self.place.site.clone().with_key_source(KeySource::new(move || next.clone()));
        let session = site.session(None).load().await.unwrap();
        content.put(&session);
        if self.count(session.asave().await).is_some() {
            self.current = Some(Known { key, who: content, least: 0, tried: 0, moved: Vec::new() });
        } else {
            self.unsure.push((key, content.who));
        }
    }

    /// Reads the session over the bad line; `None` when nothing more can be done with it in this request.
    async fn open(&mut self, mut known: Known) -> Option<(Known, cloakroom::Session)> {
        let loaded = self.place.site.session(Some(&known.key)).load().await;
        let Some(session) = self.count(loaded) else {
            self.current = Some(known);
            return None;
        };
        let found = Content::of(&session);
        if known.judge(found.as_ref(), self.place.cache_in_front, &mut self.figures) {
            return Some((known, session));
        }
        // It has another key since.
        self.find(known).await;
        None
    }

    /// After a change of key that was done though it was answered with an error: the session must be under one of the keys.
    async fn find(&mut self, mut known: Known) {
        for key in std::mem::take(&mut known.moved) {
            if let Some(found) = Content::under(&self.place.kept, &key).await {
                assert!(known.judge(Some(&found), false, &mut self.figures));
                known.key = key;
                self.current = Some(known);
                return;
            }
        }
        panic!("{}: {:?} is lost", self.place.name, known.who);
    }

    async fn load(&mut self, known: Known) {
        if let Some((known, _)) = self.open(known).await {
            self.current = Some(known);
        }
    }

    async fn save(&mut self, known: Known) {
        let Some((mut known, session)) = self.open(known).await else { return };
        known.tried += 1;
        known.who.changed(known.tried).put(&session);
        match session.asave().await {
            // Moved, by a change of key that was done after all.
            Err(SessionError::UpdateError) if !known.moved.is_empty() => return self.find(known).await,
            answer => {
                if self.count(answer).is_some() {
                    known.least = known.tried;
                }
            }
        }
        self.current = Some(known);
    }

    async fn touch(&mut self, known: Known) {
        let Some((known, session)) = self.open(known).await else { return };
        match session.asave().await {
            Err(SessionError::UpdateError) if !known.moved.is_empty() => return self.find(known).await,
            answer => self.count(answer),
        };
        self.current = Some(known);
    }

    async fn change_key(&mut self, known: Known) {
        let Some((mut known, _)) = self.open(known).await else { return };
        let fresh = SessionKey::generate();
        let next = fresh.clone();
        let site = self.place.site.clone().with_key_source(KeySource::new(move || next.clone()));
        let changed = site.session(Some(&known.key)).acycle_key().await;
        match &changed {
            Ok(()) => self.ended.push(std::mem::replace(&mut known.key, fresh)),
            Err(SessionError::Storage(StorageError::NotDone(_) | StorageError::OutcomeUnknown(_))) => {
                known.moved.push(fresh.clone());
                self.unsure.push((fresh, known.who.who.clone()));
            }
            Err(SessionError::UpdateError) if !known.moved.is_empty() => return self.find(known).await,
            Err(_) => {}
        }
        self.count(changed);
        self.current = Some(known);
    }

    async fn flush(&mut self, known: Known) {
        let flushed = self.place.site.session(Some(&known.key)).aflush().await;
        if self.count(flushed).is_some() {
            self.ended.push(known.key);
        } else {
            self.unsure.push((known.key, known.who.who));
        }
    }

    /// Over a good line, when all is over.
    async fn settle(&mut self) {
        let place = Arc::clone(&self.place);
        if let Some(mut known) = self.current.take() {
            let found = Content::under(&place.kept, &known.key).await;
            if known.judge(found.as_ref(), false, &mut self.figures) {
                self.current = Some(known);
            } else {
                self.find(known).await;
            }
        }
        for key in &self.ended {
            assert!(Content::under(&place.kept, key).await.is_none(), "{}: a logout was undone", place.name);
            assert!(Content::under(&place.good, key).await.is_none(), "{}: an ended session is served", place.name);
        }
        for (key, who) in &self.unsure {
            if let Some(found) = Content::under(&place.kept, key).await {
                assert_eq!(found.who, *who, "{}", place.name);
            }
        }
    }
}

impl Known {
    /// Whether the session is where it was thought to be. What is found must be possible.
    fn judge(&mut self, found: Option<&Content>, copies_may_be_old: bool, figures: &mut Figures) -> bool {
        let Some(found) = found else {
            assert!(!self.moved.is_empty(), "{:?} is lost", self.who);
            return false;
        };
        assert_eq!(found.who, self.who.who, "another's session");
        assert!(found.change <= self.tried, "{found:?}, where {} was the last", self.tried);
        if found.change < self.least && copies_may_be_old {
            figures.old_copies += 1;
        } else {
            assert!(found.change >= self.least, "{found:?}, where {} was acknowledged or seen", self.least);
            self.least = found.change;
        }
        true
    }
}
