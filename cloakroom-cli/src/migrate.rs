//! `cloakroom migrate`

use cloakroom::storage::Migrated;
use cloakroom::storage::sqlite::migration_sql;

use crate::database;
use crate::failure::Failure;
use crate::options::{Migrate, Place};
use crate::output::print;

pub(crate) fn run(arguments: &Migrate, place: &Place) -> Result<(), Failure> {
    if arguments.sql {
        return print(&sql(arguments.json));
    }
    let storage = database::open(place, true)?;
    let done = database::wait(storage.migrate())??;
    if arguments.json {
        return print(&json(done));
    }
    print(&format!("{}: {}", storage.path().display(), told(done)))
}

fn sql(as_json: bool) -> String {
    let statements = migration_sql();
    if as_json {
        return serde_json::json!({ "sql": statements }).to_string();
    }
    format!("BEGIN;\n{};\nCOMMIT;", statements.join(";\n"))
}

fn json(done: Migrated) -> String {
    serde_json::json!({
        "changed": done.anything(),
        "created_table": done.created_table,
        "created_index": done.created_index,
        "recorded": done.recorded,
    })
    .to_string()
}

fn told(done: Migrated) -> String {
    let steps = [
        (done.created_table, "created the table django_session"),
        (done.created_index, "created its index on expire_date"),
        (done.recorded, "recorded the migration sessions.0001_initial"),
    ];
    let steps: Vec<_> = steps.into_iter().filter(|(done, _)| *done).map(|(_, step)| step).collect();
    if steps.is_empty() { "nothing to do".to_owned() } else { steps.join(", ") }
}
