//! The `cloakroom` command: creates the session table and those of database caches, clears expired sessions, lists,
//! counts, shows and ends sessions, decodes stored session data, shows and checks the settings, derives signing keys,
//! compares with a Django site.
#![forbid(unsafe_code)]

mod check;
mod clearsessions;
mod createcachetable;
mod database;
mod decode;
mod delete;
mod derive_key;
mod doctor;
mod failure;
mod interrupt;
mod keys;
mod list;
mod migrate;
mod numbers;
mod options;
mod output;
mod pretty;
mod progress;
mod report;
mod sessions;
mod settings;
mod show;
mod stats;

use std::process::ExitCode;

use clap::Parser as _;

use options::{Command, Options};

/// 0: done. 1: not done, the reason is on standard error, or something is wrong, as the report says. 2 (by clap): the command line makes no sense.
fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_target(false)
        .init();
    let options = Options::parse();
    let place = &options.place;
    let done = |()| ExitCode::SUCCESS;
    let ended = match &options.command {
        Command::Migrate(arguments) => migrate::run(arguments, place).map(done),
        Command::Clearsessions(arguments) => clearsessions::run(arguments, place),
        Command::Createcachetable(arguments) => createcachetable::run(arguments, place).map(done),
        Command::List(arguments) => list::run(arguments, place).map(done),
        Command::Show(arguments) => show::run(arguments, place).map(done),
        Command::Delete(arguments) => delete::run(arguments, place),
        Command::Stats(arguments) => stats::run(arguments, place),
        Command::Decode(arguments) => decode::run(arguments, place).map(done),
        Command::Settings(arguments) => settings::run(arguments, place).map(done),
        Command::DeriveKey(arguments) => derive_key::run(arguments, place).map(done),
        Command::Check(arguments) => check::run(arguments, place),
        Command::Doctor(arguments) => doctor::run(arguments, place),
    };
    ended.unwrap_or_else(|failure| {
        eprintln!("cloakroom: {failure}");
        ExitCode::FAILURE
    })
}
