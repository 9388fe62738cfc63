//! `cloakroom migrate`

use cloakroom::DatabaseKind;
use cloakroom::storage::{Migrated, mysql, postgres, sqlite};

use crate::database;
use crate::failure::Failure;
use crate::options::{Migrate, Place};
use crate::output::print;

pub(crate) fn run(arguments: &Migrate, place: &Place) -> Result<(), Failure> {
    if arguments.sql {
        let kind = database::kind(&database::settings(place)?)?;
        return print(&sql(kind, arguments.json)?);
    }
    let settings = database::settings_to_write(place)?;
    if !settings.engine_name().uses_database() {
        return Err(database::needs_no_table(settings.engine_name()));
    }
    let storage = database::open(&settings, true)?;
    let done = database::wait(storage.migrate())??;
    if arguments.json {
        return print(&json(done));
    }
    print(&format!("{}: {}", database::name(&settings, &storage)?, told(done)))
}

fn sql(kind: DatabaseKind, as_json: bool) -> Result<String, Failure> {
    let statements = match kind {
        DatabaseKind::Sqlite => sqlite::migration_sql().to_vec(),
        DatabaseKind::PostgreSql => postgres::migration_sql().to_vec(),
        DatabaseKind::MySql => mysql::migration_sql().to_vec(),
        kind => return Err(database::no_statements(kind)),
    };
    if as_json {
        return Ok(serde_json::json!({ "sql": statements }).to_string());
    }
    let statements = statements.join(";\n");
    // MySQL ends a transaction at each statement that changes a table.
    Ok(if kind == DatabaseKind::MySql { format!("{statements};") } else { format!("BEGIN;\n{statements};\nCOMMIT;") })
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
