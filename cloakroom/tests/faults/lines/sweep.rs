//! Every fault with every kind of request.

use std::time::{Duration, Instant};

use cloakroom::SessionKey;
use test_servers::Fault;

use super::figures::Figures;
use super::long;
use super::places::{Place, TIMEOUT};
use super::requests::{KINDS, Kind, Request, patiently};
use crate::content::Content;

/// A write, a look at what became of it, the same at a cache in front, and much for a busy machine.
const IN_TIME: Duration = Duration::from_secs(15);

/// Which requests on the line meet a fault.
#[derive(Clone, Copy, Debug)]
enum When {
    /// The one after so many others.
    After(usize),
    /// So many.
    First(usize),
    Always,
}

struct Sweep<'p> {
    place: &'p Place,
    figures: Figures,
    ended: Vec<Request>,
    /// Sessions that nobody changes.
    bystanders: [(Content, SessionKey); 2],
}

pub async fn sweep(place: &Place) {
    let mut bystanders = [Content::new(), Content::new()].map(|content| (content, SessionKey::generate()));
    for (content, key) in &mut bystanders {
        *key = content.stored(&place.good).await;
    }
    let started = Instant::now();
    let mut sweep = Sweep { place, figures: Figures::default(), ended: Vec::new(), bystanders };
    for kind in KINDS {
        sweep.cuts(kind).await;
    }
    for _ in 0..if long() { 6 } else { 1 } {
        sweep.waits().await;
    }
    sweep.all_connections_serve().await;
    for request in &sweep.ended {
        assert!(request.is_ended(place).await, "{}: a logout was undone", place.name);
    }
    println!("{}, faults one by one: {:?} in {:?}", place.name, sweep.figures, started.elapsed());
}

impl Sweep<'_> {
    /// The line is closed before the request, or at some byte of the reply.
    async fn cuts(&mut self, kind: Kind) {
        // How long the reply is that will be cut.
        let request = Request::begin(self.place, kind).await;
        patiently(async || request.act().await).await;
        let length = self.place.proxy.reply_length();
        let (first, middle) = if long() { (80, 40) } else { (7, 3) };
        let mut at: Vec<usize> = (0..first.min(length)).collect();
        at.extend((1..middle).map(|part| length * part / middle).filter(|at| *at >= first));
        at.extend([length.saturating_sub(1), length]);
        let few = [0, length / 2];
        self.meet(&[kind], Fault::Refused, When::Always).await;
        for step in 0..if long() { 4 } else { 2 } {
            self.meet(&[kind], Fault::Refused, When::After(step)).await;
        }
        for bytes in at {
            self.meet(&[kind], Fault::Truncated(bytes), When::After(0)).await;
        }
        for bytes in if long() { (0..60).collect() } else { few.to_vec() } {
            self.meet(&[kind], Fault::Truncated(bytes), When::Always).await;
            for step in 1..if long() { 4 } else { 2 } {
                self.meet(&[kind], Fault::Truncated(bytes), When::After(step)).await;
            }
        }
    }

    /// The reply comes late, in drops, or never: for all kinds at once.
    async fn waits(&mut self) {
        for (fault, slow) in [
            (Fault::Delayed(TIMEOUT / 20), false),
            (Fault::Delayed(TIMEOUT * 2), true),
            (Fault::Swallowed, true),
            (Fault::Dripping(Duration::from_micros(100)), false),
            (Fault::Dripping(Duration::from_millis(10)), true),
        ] {
            self.meet(&KINDS, fault, When::Always).await;
            if slow && (long() || fault == Fault::Swallowed) {
                self.meet(&KINDS, fault, When::First(KINDS.len())).await;
            }
            if slow && long() {
                self.meet(&KINDS, fault, When::After(1)).await;
            }
        }
    }

    async fn meet(&mut self, kinds: &[Kind], fault: Fault, when: When) {
        let place = self.place;
        let mut requests = Vec::with_capacity(kinds.len());
        for kind in kinds {
            requests.push(Request::begin(place, *kind).await);
        }
        let mut count = 0;
        place.proxy.faults();
        place.proxy.meet(move || {
            count += 1;
            let now = match when {
                When::After(before) => count == before + 1,
                When::First(first) => count <= first,
                When::Always => true,
            };
            if now { fault } else { Fault::Nothing }
        });
        let started = Instant::now();
        let requests = requests.into_iter().map(|request| {
            tokio::spawn(async move {
                let answer = request.act().await;
                (request, answer)
            })
        });
        let mut answers = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            answers.push(request.await.unwrap());
        }
        assert!(started.elapsed() < IN_TIME, "{}: {fault:?} {when:?} took {:?}", place.name, started.elapsed());
        place.proxy.calm();
        self.figures.faults += place.proxy.faults();
        // A cut comes after the server's answer, or before it has the request at all.
        let answered = matches!(fault, Fault::Truncated(_) | Fault::Refused);
        for (request, answer) in answers {
            self.figures.count(&answer);
            request.judge(place, &answer, answered).await;
            if request.kind == Kind::Flush && answer.is_ok() {
                self.ended.push(request);
            }
        }
        for (content, key) in &self.bystanders {
            let session = patiently(async || place.site.session(Some(key)).load().await).await;
            assert_eq!(Content::of(&session).as_ref(), Some(content), "{}: {fault:?} {when:?}", place.name);
        }
    }
    /// As many requests as ever are served at once: no connection was lost to a fault.
    async fn all_connections_serve(&self) {
        let (place, wanted) = (self.place, self.place.connections);
        place.proxy.meet(|| Fault::Delayed(TIMEOUT / 2));
        let end = Instant::now() + 4 * IN_TIME;
        let mut most = 0;
        while most < wanted {
            assert!(Instant::now() < end, "{}: {most} of {wanted} connections serve", place.name);
            let requests: Vec<_> = (0..wanted)
                .map(|_| {
                    let site = place.site.clone();
                    // A key of nobody's: whichever the engine is, it has to ask what is at the end of the line.
                    tokio::spawn(async move { site.delete(&SessionKey::generate()).await })
                })
                .collect();
            while !requests.iter().all(tokio::task::JoinHandle::is_finished) {
                most = most.max(place.proxy.waiting());
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        place.proxy.calm();
    }
}
