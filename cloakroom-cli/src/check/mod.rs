//! `cloakroom check`

mod cache;
mod deploy;
mod files;
mod rows;

pub(crate) use rows::hours;

use std::process::ExitCode;

use cloakroom::storage::DatabaseStorage;
use cloakroom::{EngineName, Settings};

use crate::database;
use crate::failure::Failure;
use crate::options::{Check, Place};
use crate::report::Report;

pub(crate) fn run(arguments: &Check, place: &Place) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    match database::settings(place) {
        Ok(settings) => {
            look(&mut report, &settings)?;
            if arguments.deploy {
                deploy::look(&mut report, &settings);
                cache::judge(&mut report, &settings)?;
            }
        }
        Err(failure) => report.failure("settings", failure),
    }
    report.print(arguments.json)?;
    Ok(report.exit_code(arguments.fail_level))
}

fn look(report: &mut Report, settings: &Settings) -> Result<(), Failure> {
    match settings.validate().and_then(|()| settings.engine_name().available()) {
        Ok(()) => report.ok("settings", "every value can be used"),
        Err(error) => report.failure("settings", error),
    }
    if settings.engine_name() == EngineName::Memory {
        report.ok("engine", "memory: sessions live and end with the site's own process");
        return Ok(());
    }
    report.ok("engine", settings.engine_name().as_str());
    if settings.engine_name() == EngineName::Cache {
        report.ok("secret", "not needed: whoever can write to the cache is trusted");
    } else {
        secret(report, settings);
    }
    match settings.engine_name() {
        EngineName::SignedCookies => {
            report.ok("sessions", "in the visitors' cookies: nothing is kept here that could be looked at");
            Ok(())
        }
        EngineName::File => files::look(report, settings),
        EngineName::Cache => cache::look(report, settings),
        engine => {
            match database::open(settings, false) {
                Ok(storage) => stored(report, settings, &storage)?,
                Err(failure) => report.failure("database", failure),
            }
            if engine.uses_cache() { cache::look(report, settings) } else { Ok(()) }
        }
    }
}

fn secret(report: &mut Report, settings: &Settings) {
    let given = ["SESSION_SIGNING_KEY", "SECRET_KEY_B64"].into_iter().find(|name| settings.is_set(name));
    let name = given.unwrap_or("SECRET_KEY");
    match settings.signing_keys(settings.salt()) {
        Ok((_, fallbacks)) if fallbacks.is_empty() => report.ok("secret", format!("{name} is set")),
        Ok((_, fallbacks)) => report.ok("secret", format!("{name} is set, with {} fallback(s)", fallbacks.len())),
        Err(error) => report.failure("secret", error),
    }
}

fn stored(report: &mut Report, settings: &Settings, storage: &DatabaseStorage) -> Result<(), Failure> {
    report.ok("database", database::name(settings, storage)?);
    if let DatabaseStorage::Sqlite(file) = storage {
        let mode = file.journal_mode();
        let remark = if mode == "wal" { "reads never wait for writes" } else { "a read may wait for a write" };
        report.ok("journal mode", format!("{mode}: {remark}"));
    }
    match database::wait(rows::sample(storage))? {
        Ok(sample) => {
            report.ok("table", settings.table());
            rows::judge(report, settings, &sample);
        }
        Err(error) => report.failure("table", error),
    }
    Ok(())
}
