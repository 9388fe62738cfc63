//! The vectors of the db engine on PostgreSQL.

use std::sync::Arc;

use cloakroom::storage::PostgresStorage;
use cloakroom::storage::postgres::PostgresOptions;
use sqlx::{Connection, PgConnection, Row as _};

use super::*;

/// A table that is emptied before each vector.
struct OnPostgres {
    url: String,
    zone: String,
}

impl OnPostgres {
    /// A connection of Django's: under `USE_TZ = False` it is in the time zone of the settings.
    async fn connect(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query("SELECT set_config('TimeZone', $1, false)")
            .bind(&self.zone)
            .execute(&mut connection)
            .await
            .unwrap();
        connection
    }
}

impl Table for OnPostgres {
    async fn put(&self, rows: &[Row]) {
        let mut connection = self.connect().await;
        for row in rows {
            // No row of PostgreSQL has such a key.
            if row.key.contains('\0') || row.key.chars().count() > 40 {
                continue;
            }
            let query = sqlx::query("INSERT INTO django_session VALUES ($1, $2, $3::text::timestamptz)");
            let query = query.bind(&row.key).bind(&row.data).bind(&row.expires);
            query.execute(&mut connection).await.unwrap();
        }
    }

    async fn rows(&self) -> Vec<Row> {
        let sql = "SELECT session_key, session_data, to_char(expire_date, 'YYYY-MM-DD HH24:MI:SS.US') \
                   FROM django_session ORDER BY session_key COLLATE \"C\"";
        let rows = sqlx::query(sql).fetch_all(&mut self.connect().await).await.unwrap();
        let row = |row: &sqlx::postgres::PgRow| Row {
            key: row.get(0),
            data: row.get(1),
            expires: row.get::<String, _>(2).trim_end_matches(".000000").to_owned(),
            types: vec!["text".into(); 3],
        };
        rows.iter().map(row).collect()
    }

    async fn empty(&self) {
        sqlx::query("DELETE FROM django_session").execute(&mut self.connect().await).await.unwrap();
    }

    fn shown(&self, moment: &str) -> String {
        moment.replace('T', " ").trim_end_matches("+00:00").trim_end_matches(".000000").to_owned()
    }
}

async fn every_vector(change: fn(PostgresOptions) -> PostgresOptions) {
    let Some(server) = postgres::Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let storage: PostgresStorage = change(server.options(&database)).open();
    let url = Arc::new(server.url(&database));
    run(async |settings: &Settings| {
        let zone = if settings.uses_tz() { "UTC" } else { settings.time_zone_name() };
        let table = OnPostgres { url: url.to_string(), zone: zone.to_owned() };
        table.empty().await;
        (storage.clone(), table)
    })
    .await;
}

#[tokio::test]
async fn every_db_vector_holds_on_postgresql() {
    every_vector(|options| options).await;
}

#[tokio::test]
async fn every_db_vector_holds_on_postgresql_by_simple_queries() {
    every_vector(|options| options.pgbouncer(true)).await;
}
