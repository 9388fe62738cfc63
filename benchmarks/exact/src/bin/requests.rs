//! Requests to be counted under valgrind, or timed: `requests count|time LIBRARY SCENARIO MEMBERS`.
//!
//! `count` sends a thousand requests to warm up and a thousand inside `counting`, which is what callgrind counts; the
//! scenario `making` makes and drops as many requests and sends none. `time` prints the nanoseconds of a request, a line
//! for each of many samples.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use cloakroom_benchmarks_exact::{App, Use, Visit, with_site};
use tokio::runtime::{Builder, Runtime};

const REQUESTS: usize = 1_000;
const SAMPLES: usize = 40;

/// The frame that callgrind is told to count.
#[inline(never)]
fn counting(work: impl FnOnce()) {
    work();
}

struct Count<'r> {
    runtime: &'r Runtime,
    making: bool,
}

impl Use for Count<'_> {
    fn with(self, app: impl App, visit: &Visit) {
        if self.making {
            return counting(|| (0..REQUESTS).for_each(|_| drop(black_box(visit.request()))));
        }
        let warm = async {
            for _ in 0..REQUESTS {
                visit.check(&app).await;
            }
        };
        self.runtime.block_on(warm);
        counting(|| {
            self.runtime.block_on(async {
                for _ in 0..REQUESTS {
                    black_box(visit.pay(&app).await);
                }
            });
        });
    }
}

struct Time<'r>(&'r Runtime);

impl Use for Time<'_> {
    fn with(self, app: impl App, visit: &Visit) {
        self.0.block_on(async {
            for sample in 0..=SAMPLES {
                let began = Instant::now();
                for _ in 0..REQUESTS {
                    black_box(visit.pay(&app).await);
                }
                // The first one warms up.
                if sample > 0 {
                    println!("{}", began.elapsed().as_nanos() / REQUESTS as u128);
                }
            }
        });
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, library, scenario, members] = &arguments[..] else {
        eprintln!("usage: requests count|time LIBRARY SCENARIO MEMBERS");
        std::process::exit(2);
    };
    let members: usize = members.parse().unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    if mode == "count" {
        let user = Count { runtime: &runtime, making: scenario == "making" };
        with_site(&runtime, library, scenario, members, user);
    } else {
        with_site(&runtime, library, scenario, members, Time(&runtime));
    }
}
