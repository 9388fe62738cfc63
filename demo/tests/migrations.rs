//! The tables that Django's `migrate` makes and those that cloakroom makes, on each database and with each Django.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::Demo;
use support::django::Version::{self, Django42, Django52};
use support::place::{Engine, Place, pairs};

/// What tells two databases with the same tables from two that differ.
fn schema(place: &Place) -> String {
    let queries: &[&str] = match place.engine {
        Engine::Sqlite => &["SELECT name, sql FROM sqlite_master ORDER BY name"],
        Engine::MariaDb => &[
            "SHOW FULL TABLES",
            "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, column_type, \
             character_set_name, collation_name, column_key, extra FROM information_schema.columns \
             WHERE table_schema = DATABASE() ORDER BY 1, 3",
            "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type \
             FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1, 2, 3",
            "SELECT table_name, engine, row_format, table_collation FROM information_schema.tables \
             WHERE table_schema = DATABASE() ORDER BY 1",
        ],
        _ => &[
            "SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length, is_nullable, \
             column_default, collation_name, is_identity, identity_generation FROM information_schema.columns \
             WHERE table_schema = 'public' ORDER BY 1, 2",
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace ORDER BY 1",
            "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        ],
    };
    let mut found: Vec<String> = queries.iter().map(|sql| place.sql(sql)).collect();
    found.push(place.sql("SELECT app, name FROM django_migrations ORDER BY id"));
    assert!(found.iter().all(|part| part.contains("django_session") || part.contains("sessions")), "{found:#?}");
    found.join("\n")
}

/// Starts the demo, which migrates as cloakroom does, and stops it.
fn migrate_by_the_demo(place: &Place) {
    drop(Demo::start(&pairs(&place.variables(&[]))));
}

fn either_side_leaves_the_other_nothing_to_do(engine: Engine, django: Version) {
    let Some(place) = Place::new(engine, django) else { return };
    place.migrate();
    let before = schema(&place);
    migrate_by_the_demo(&place);
    assert_eq!(schema(&place), before, "the demo changed what Django had made");

    let place = Place::new(engine, django).unwrap();
    migrate_by_the_demo(&place);
    assert_eq!(schema(&place), before, "the demo makes other tables than Django");
    let said = place.manage(&["migrate"]);
    assert!(said.contains("No migrations to apply"), "{said}");
    let said = place.manage(&["makemigrations", "--check", "--dry-run"]);
    assert!(said.contains("No changes detected"), "{said}");
    let plan = place.manage(&["showmigrations"]);
    assert!(plan.contains("[X] 0001_initial"), "{plan}");
    assert_eq!(schema(&place), before);
}

macro_rules! rows {
    ($($name:ident: $engine:ident, $django:ident;)*) => {
        $(#[test]
        fn $name() {
            either_side_leaves_the_other_nothing_to_do(Engine::$engine, $django);
        })*
    };
}

rows! {
    sqlite_with_django_5_2: Sqlite, Django52;
    sqlite_with_django_4_2: Sqlite, Django42;
    postgresql_with_django_5_2: PostgreSql, Django52;
    postgresql_with_django_4_2: PostgreSql, Django42;
    mariadb_with_django_5_2: MariaDb, Django52;
    mariadb_with_django_4_2: MariaDb, Django42;
}

/// The vectors hold cloakroom's SQL to that of Django 5.2, so it is that of 4.2 too.
#[test]
fn both_djangos_make_the_table_by_the_same_statements() {
    for engine in [Engine::Sqlite, Engine::PostgreSql, Engine::MariaDb] {
        let said = [Django52, Django42].map(|django| {
            let place = Place::new(engine, django)?;
            Some(place.manage(&["sqlmigrate", "sessions", "0001"]))
        });
        let [Some(current), Some(older)] = said else { continue };
        assert!(current.contains("CREATE TABLE"), "{current}");
        assert_eq!(current, older, "{engine:?}");
    }
}
