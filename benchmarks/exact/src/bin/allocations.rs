//! Allocations a request, their number and their bytes: `allocations LIBRARY SCENARIO MEMBERS`.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use allocation_counter::measure;
use cloakroom_benchmarks_exact::{App, Use, Visit, with_site};
use tokio::runtime::{Builder, Runtime};

const REQUESTS: u64 = 1_000;

struct Count<'r>(&'r Runtime);

impl Use for Count<'_> {
    fn with(self, app: impl App, visit: &Visit) {
        let send = |requests: u64| {
            self.0.block_on(async {
                for _ in 0..requests {
                    black_box(visit.pay(&app).await);
                }
            });
        };
        send(REQUESTS);
        let all = measure(|| send(REQUESTS));
        // What the runtime itself takes to begin and end.
        let nothing = measure(|| send(0));
        let each = |all: u64, nothing: u64| (all - nothing) as f64 / REQUESTS as f64;
        println!("{:.2} {:.0}", each(all.count_total, nothing.count_total), each(all.bytes_total, nothing.bytes_total));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, scenario, members] = &arguments[..] else {
        eprintln!("usage: allocations LIBRARY SCENARIO MEMBERS");
        std::process::exit(2);
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    with_site(&runtime, library, scenario, members.parse().unwrap(), Count(&runtime));
}
