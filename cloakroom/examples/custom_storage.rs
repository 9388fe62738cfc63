//! A storage of one's own: what it takes, and how it is proved.
//!
//! Run it with `cargo run -p cloakroom --example custom_storage --features testing`.
//!
//! This one keeps its entries in a map behind a lock, as a client of some database would keep them there. The
//! methods are plain `async fn`s; what matters is that each is *one* step: look, compare and write under the
//! same lock, in the same statement or in the same script, never in two.

use std::collections::BTreeMap;
use std::ops::Bound;

use cloakroom::Timestamp;
use cloakroom::storage::{
    Capabilities, Cursor, Entry, Expect, Insert, New, Page, Remove, Replace, Storage, StorageError, Stored, Touch,
    Version,
};
use cloakroom::testing::StorageContract;
use tokio::sync::Mutex;

#[derive(Default)]
struct MapStorage {
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    by_name: BTreeMap<String, Row>,
    /// Each write takes the next number: that is the version the next writer compares with.
    writes: u64,
}

struct Row {
    data: Vec<u8>,
    expires: Timestamp,
    version: Version,
}

impl Rows {
    fn row(&mut self, new: New<'_>) -> Row {
        self.writes += 1;
        Row { data: new.data.to_vec(), expires: new.expires, version: Version::from_counter(self.writes) }
    }
}

impl Storage for MapStorage {
    // Expired or not: whoever asks compares the expiry with a clock of their own.
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let rows = self.rows.lock().await;
        Ok(rows.by_name.get(name).map(|row| Stored::new(row.data.clone(), Some(row.expires), row.version)))
    }

    // A name that is taken is an answer, not an error: errors are for a storage that could not be asked.
    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let mut rows = self.rows.lock().await;
        if rows.by_name.contains_key(name) {
            return Ok(Insert::Exists);
        }
        let row = rows.row(new);
        let version = row.version;
        rows.by_name.insert(name.to_owned(), row);
        Ok(Insert::Inserted(version))
    }

    // Never creates: a session that was deleted meanwhile stays deleted.
    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let mut rows = self.rows.lock().await;
        match rows.by_name.get(name) {
            None => return Ok(Replace::Missing),
            Some(row) if !expect.accepts(&row.version) => return Ok(Replace::Changed),
            Some(_) => {}
        }
        let row = rows.row(new);
        let version = row.version;
        rows.by_name.insert(name.to_owned(), row);
        Ok(Replace::Replaced(version))
    }

    // Moves the expiry only: the version stays, or every touch would make other requests read again.
    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let mut rows = self.rows.lock().await;
        Ok(match rows.by_name.get_mut(name) {
            None => Touch::Missing,
            Some(row) if !expect.accepts(&row.version) => Touch::Changed,
            Some(row) => {
                row.expires = until;
                Touch::Touched
            }
        })
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let mut rows = self.rows.lock().await;
        Ok(match rows.by_name.get(name) {
            None => Remove::Missing,
            Some(row) if !expect.accepts(&row.version) => Remove::Changed,
            Some(_) => {
                rows.by_name.remove(name);
                Remove::Removed
            }
        })
    }

    // `rename` and `remove_expired` have defaults that are made of the operations here. Pages are optional too;
    // without them nobody can list or clear what is stored.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        let rows = self.rows.lock().await;
        let start = after.map_or(Bound::Unbounded, |cursor| Bound::Excluded(cursor.position()));
        let mut rest = rows.by_name.range::<str, _>((start, Bound::Unbounded));
        let entries: Vec<Entry> = rest
            .by_ref()
            .take(limit.max(1))
            .map(|(name, row)| Entry::new(name, row.data.len() as u64, Some(row.expires), row.version))
            .collect();
        let next = match (rest.next(), entries.last()) {
            (Some(_), Some(last)) => Some(Cursor::new(&*last.name)),
            _ => None,
        };
        Ok(Page::new(entries, next))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().scan()
    }
}

#[tokio::main]
async fn main() {
    // An empty storage for each check. A storage that rounds the expiry or refuses large entries says so here.
    StorageContract::new().largest(100_000).run(async || MapStorage::default()).await;
    println!("MapStorage keeps the contract.");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_storage_keeps_the_contract() {
        super::main();
    }
}
