//! Pages of rows, each by one statement.

use std::sync::Arc;

use super::columns::Value;
use super::{MysqlStorage, rows};
use crate::storage::{Cursor, Page, StorageError};

impl MysqlStorage {
    /// Of a cache's table, the rows whose keys begin with `under`, after a key.
    pub(in crate::storage) async fn cache_page(
        &self,
        under: &str,
        after: &str,
        limit: usize,
    ) -> Result<Page, StorageError> {
        let values = [Value::Text(after), Value::Text(under), Value::Text(under)];
        self.page(&self.0.statements.next_page, &values, limit).await
    }

    /// One row more than is wanted is asked for: whether there is a next page.
    pub(super) async fn page(&self, sql: &Arc<str>, values: &[Value<'_>], limit: usize) -> Result<Page, StorageError> {
        let (handle, limit) = (&*self.0, limit.max(1));
        let most = Value::Number(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        let mut found = handle.rows(sql, &[values, &[most]].concat()).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let entries: Vec<_> = found.iter().filter_map(|row| rows::entry(row, &handle.dates)).collect();
        let next = entries.last().filter(|_| more).map(|entry| Cursor::new(&*entry.name));
        Ok(Page::new(entries, next))
    }
}
