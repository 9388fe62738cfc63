//! `cloakroom createcachetable`

use cloakroom::storage::DatabaseCacheStorage;
use cloakroom::storage::database_cache::create_table_sql;
use cloakroom::{CacheKind, Settings};
use serde_json::{Map, Value};

use crate::database;
use crate::failure::Failure;
use crate::options::{Createcachetable, Place};
use crate::output::print;

pub(crate) fn run(arguments: &Createcachetable, place: &Place) -> Result<(), Failure> {
    if arguments.dry_run {
        return print(&dry_run(&database::settings(place)?, arguments)?);
    }
    let settings = database::settings_to_write(place)?;
    let tables = tables(&settings, arguments)?;
    let (mut told, mut answers) = (Vec::new(), Map::new());
    if !tables.is_empty() {
        let storage = database::open(&settings, true)?;
        let database = database::name(&settings, &storage)?;
        for table in tables {
            let created = database::wait(DatabaseCacheStorage::new(&storage, &table).create_table())??;
            let what = if created { "created the cache table" } else { "there is already a table" };
            told.push(format!("{database}: {what} {table}"));
            answers.insert(table, Value::Bool(created));
        }
    }
    if arguments.json {
        return print(&serde_json::json!({ "created": answers }).to_string());
    }
    if told.is_empty() {
        told.push("nothing to do: none of the CACHES is a database cache, and no table was named".to_owned());
    }
    print(&told.join("\n"))
}

/// The tables that were named, or those of all database caches.
fn tables(settings: &Settings, arguments: &Createcachetable) -> Result<Vec<String>, Failure> {
    if !arguments.tables.is_empty() {
        return Ok(arguments.tables.clone());
    }
    let mut tables: Vec<String> = Vec::new();
    for cache in settings.caches()?.values().filter(|cache| cache.kind() == CacheKind::Database) {
        for table in cache.locations().iter().filter(|table| !table.is_empty()) {
            // Several caches may share one.
            if !tables.contains(table) {
                tables.push(table.clone());
            }
        }
    }
    Ok(tables)
}

fn dry_run(settings: &Settings, arguments: &Createcachetable) -> Result<String, Failure> {
    let kind = database::kind(settings)?;
    let mut statements = Vec::new();
    for table in tables(settings, arguments)? {
        let sql = create_table_sql(kind, settings.schema(), &table);
        statements.extend(sql.ok_or_else(|| database::no_statements(kind))?);
    }
    if arguments.json {
        return Ok(serde_json::json!({ "sql": statements }).to_string());
    }
    Ok(statements.iter().map(|sql| format!("{sql};")).collect::<Vec<_>>().join("\n"))
}
