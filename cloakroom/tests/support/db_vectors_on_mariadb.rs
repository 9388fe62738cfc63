//! The vectors of the db engine on MariaDB.

use cloakroom::storage::MysqlStorage;
use sqlx::{Connection, MySqlConnection, Row as _};

use super::*;

/// A table that is emptied before each vector.
struct OnMariaDb {
    url: String,
}

impl OnMariaDb {
    async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url).await.unwrap()
    }
}

/// A moment of a vector, as MySQL takes it: the vectors with an offset have that of UTC.
fn plain(moment: &str) -> String {
    moment.replace('T', " ").trim_end_matches("+00:00").to_owned()
}

impl Table for OnMariaDb {
    async fn put(&self, rows: &[Row]) {
        let mut connection = self.connect().await;
        for row in rows {
            // No row of MySQL has such a key.
            if row.key.chars().count() > 40 {
                continue;
            }
            let query = sqlx::query("INSERT INTO django_session VALUES (?, ?, ?)");
            let query = query.bind(&row.key).bind(&row.data).bind(plain(&row.expires));
            query.execute(&mut connection).await.unwrap();
        }
    }

    async fn rows(&self) -> Vec<Row> {
        let sql = "SELECT session_key, session_data, CAST(expire_date AS CHAR) FROM django_session \
                   ORDER BY CAST(session_key AS BINARY)";
        let rows = sqlx::query(sql).fetch_all(&mut self.connect().await).await.unwrap();
        let row = |row: &sqlx::mysql::MySqlRow| Row {
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
        plain(moment).trim_end_matches(".000000").to_owned()
    }
}

#[tokio::test]
async fn every_db_vector_holds_on_mariadb() {
    let Some(server) = mysql::shared().await else { return };
    let (_, database) = mysql::storage(server).await;
    let url = server.url(server.port(), &database);
    run(async |settings: &Settings| {
        let zone = settings.naive_time_zone().unwrap();
        let storage: MysqlStorage = mysql::options(server.port(), &database).time_zone(zone).open();
        let table = OnMariaDb { url: url.clone() };
        table.empty().await;
        (storage, table)
    })
    .await;
}
