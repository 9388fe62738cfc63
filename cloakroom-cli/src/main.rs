//! The `cloakroom` command: creates the session table, clears expired sessions, decodes stored
//! session data, shows the settings, derives signing keys.
#![forbid(unsafe_code)]

mod clearsessions;
mod database;
mod decode;
mod derive_key;
mod failure;
mod migrate;
mod options;
mod output;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use options::{Command, Options};

/// 0: done. 1: not done, the reason is on standard error. 2 (by clap): the command line makes no sense.
fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_target(false)
        .init();
    let options = Options::parse();
    let done = match &options.command {
        Command::Migrate(arguments) => migrate::run(arguments, &options.place),
        Command::Clearsessions(arguments) => clearsessions::run(arguments, &options.place),
        Command::Decode(arguments) => decode::run(arguments, &options.place),
        Command::Settings(arguments) => settings::run(arguments, &options.place),
        Command::DeriveKey(arguments) => derive_key::run(arguments, &options.place),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cloakroom: {failure}");
            ExitCode::FAILURE
        }
    }
}
