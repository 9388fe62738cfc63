//! How cloakroom behaves as its sessions become many: the time of a load and a save, the memory they take, and how long
//! a writer waits while half of them are cleared away. `run` starts it; the README says what the figures mean.

mod arguments;
mod child;
mod clearing;
mod fill;
mod memory;
mod place;
mod report;
mod sessions;
mod speed;

use std::error::Error;

use arguments::{Arguments, Part};
use report::Report;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--child", child)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return child::run(child);
    }
    let arguments = Arguments::parse(&arguments)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut report = Report::default();
    for part in &arguments.parts {
        match part {
            Part::Memory => memory::measure(&arguments, &mut report)?,
            Part::Speed => speed::measure(&arguments, &runtime, &mut report)?,
            Part::Clearing => clearing::measure(&arguments, &runtime, &mut report)?,
        }
    }
    if let Some(path) = &arguments.out {
        report.write(path)?;
    }
    report.print(arguments.count);
    Ok(())
}
