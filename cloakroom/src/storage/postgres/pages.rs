//! Pages of rows, each by one statement.

use super::operations::name_of;
use super::template::Value;
use super::{PostgresStorage, rows};
use crate::storage::sql::Failure;
use crate::storage::{Cursor, Page, StorageError};

impl PostgresStorage {
    /// Of a cache's table, the rows whose keys begin with `under`, after a key.
    pub(in crate::storage) async fn cache_page(
        &self,
        under: &str,
        after: &str,
        limit: usize,
    ) -> Result<Page, StorageError> {
        self.page(after, Some(under), limit).await
    }

    /// One row more than is wanted is asked for: whether there is a next page.
    pub(super) async fn page(&self, after: &str, under: Option<&str>, limit: usize) -> Result<Page, StorageError> {
        let limit = limit.max(1);
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut values = vec![name_of(after)?, Value::Number(most)];
        if let Some(under) = under {
            values.push(name_of(under)?);
        }
        let mut found = self.0.rows(&self.0.statements.scan, &values).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let entries = found.iter().map(rows::entry).collect::<Result<Vec<_>, _>>().map_err(Failure::not_done)?;
        let next = entries.last().filter(|_| more).map(|entry| Cursor::new(&*entry.name));
        Ok(Page::new(entries, next))
    }
}
