//! Filling a place quickly, with sessions as the library encodes them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use cloakroom::{SessionKey, SessionStore, Timestamp};
use rusqlite::Connection;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};

use crate::Result;
use crate::place::{Kind, Place, database};
use crate::sessions::data;

/// Two weeks, as SESSION_COOKIE_AGE has it by default.
const AGE: f64 = 1_209_600.0;
/// How many rows go to a server at once.
const CHUNK: usize = 2_000;
/// How many sessions are saved side by side where there is no quicker way.
const AT_ONCE: usize = 256;

/// One row of `django_session`.
struct Row {
    key: SessionKey,
    data: String,
    /// As the databases read it: UTC, to the microsecond.
    expires: String,
}

/// Fills a place with `count` sessions, half of them expired if `expired` says so, and answers the keys of the live.
pub async fn fill(place: &Place, store: &SessionStore, count: usize, expired: bool) -> Result<Vec<SessionKey>> {
    let mut live = Vec::with_capacity(count);
    let mut rows = (0..count).map(|number| {
        // Saved at some moment of the last two weeks, or of the two before those.
        let is_live = !expired || number % 2 == 0;
        let ends = rand::random_range(60.0..AGE) * if is_live { 1.0 } else { -1.0 };
        let key = SessionKey::generate();
        if is_live {
            live.push(key.clone());
        }
        let expires = Timestamp::now().checked_add_seconds(ends).ok_or("a moment")?.as_micros() | 1;
        let expires = Timestamp::from_micros(expires).ok_or("a moment")?.to_string();
        let expires = expires.trim_end_matches("+00:00").replace('T', " ");
        Ok(Row { key, data: store.encode(&data(number as u64)?)?, expires })
    });
    match place.kind {
        Kind::Memory | Kind::Redis | Kind::Memcached => return saved(store, count).await,
        Kind::File => files(Path::new(&place.address), &mut rows)?,
        Kind::Sqlite | Kind::SqliteRollback => {
            migrate(place).await?;
            sqlite(Path::new(&place.address), &mut rows)?;
        }
        Kind::PostgreSql => {
            migrate(place).await?;
            postgresql(place, &mut rows).await?;
        }
        Kind::MariaDb => {
            migrate(place).await?;
            mariadb(place, &mut rows).await?;
        }
    }
    drop(rows);
    // What was written carelessly goes to the disk now, and not while others are timed.
    std::process::Command::new("sync").status()?;
    Ok(live)
}

async fn migrate(place: &Place) -> Result<()> {
    database(place.kind, &place.address)?.migrate().await?;
    Ok(())
}

/// By the library itself, many at a time.
async fn saved(store: &SessionStore, count: usize) -> Result<Vec<SessionKey>> {
    let mut tasks = tokio::task::JoinSet::new();
    for first in 0..AT_ONCE {
        let store = store.clone();
        tasks.spawn(async move {
            let mut keys = Vec::new();
            for number in (first..count).step_by(AT_ONCE) {
                let session = store.session(None).load().await?;
                for (name, value) in data(number as u64)?.items() {
                    session.set_json(&name, value);
                }
                session.asave().await?;
                keys.extend(session.session_key());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(keys)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(keys) = tasks.join_next().await {
        all.extend(keys??);
    }
    Ok(all)
}

fn files(folder: &Path, rows: &mut dyn Iterator<Item = Result<Row>>) -> Result<()> {
    for row in rows {
        let row = row?;
        let mut file = fs::File::create_new(folder.join(format!("sessionid{}", row.key.as_str())))?;
        file.write_all(row.data.as_bytes())?;
    }
    Ok(())
}

fn sqlite(path: &Path, rows: &mut dyn Iterator<Item = Result<Row>>) -> Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000")?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO django_session VALUES (?1, ?2, ?3)")?;
        for row in rows {
            let row = row?;
            insert.execute([row.key.as_str(), &row.data, &row.expires])?;
        }
    }
    transaction.commit()?;
    connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

async fn postgresql(place: &Place, rows: &mut dyn Iterator<Item = Result<Row>>) -> Result<()> {
    let mut connection = PgConnection::connect(&place.url().ok_or("a database")?).await?;
    let mut copy =
        connection.copy_in_raw("COPY django_session (session_key, session_data, expire_date) FROM STDIN").await?;
    let mut text = String::new();
    for row in rows {
        let row = row?;
        text.push_str(&format!("{}\t{}\t{}+00\n", row.key.as_str(), row.data, row.expires));
        if text.len() > 1 << 20 {
            copy.send(std::mem::take(&mut text).into_bytes()).await?;
        }
    }
    copy.send(text.into_bytes()).await?;
    copy.finish().await?;
    // As on a site that has been there for a while: statistics, and a visibility map.
    sqlx::raw_sql("VACUUM ANALYZE django_session").execute(&mut connection).await?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
    Ok(())
}

async fn mariadb(place: &Place, rows: &mut dyn Iterator<Item = Result<Row>>) -> Result<()> {
    let mut connection = MySqlConnection::connect(&place.url().ok_or("a database")?).await?;
    sqlx::raw_sql("SET unique_checks = 0; START TRANSACTION").execute(&mut connection).await?;
    loop {
        let mut values = String::new();
        for row in rows.take(CHUNK) {
            let row = row?;
            let comma = if values.is_empty() { "" } else { "," };
            values.push_str(&format!("{comma}('{}','{}','{}')", row.key.as_str(), row.data, row.expires));
        }
        if values.is_empty() {
            break;
        }
        let sql = format!("INSERT INTO django_session (session_key, session_data, expire_date) VALUES {values}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    sqlx::raw_sql("COMMIT; ANALYZE TABLE django_session").execute(&mut connection).await?;
    Ok(())
}
