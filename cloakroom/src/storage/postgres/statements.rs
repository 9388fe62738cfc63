//! The statements on one table of sessions.
//!
//! The version of a row is the last 43 bytes of its data in UTF-8, where Django's signature stands, compared as
//! bytes: no collation and no encoding of the database has a say in it.

use super::template::{Template, quoted};
use crate::storage::Expect;

/// The last 43 bytes. The last 43 characters hold them, and are quicker to convert than the whole.
const TAIL: &str = "convert_to(right(session_data, 43), 'UTF8')";

/// Microseconds since 1970, NULL for the infinities: what a simple query, which answers text, asks for.
const MICROS: &str = "CASE WHEN isfinite(expire_date) THEN (extract(epoch FROM expire_date) * 1000000)::bigint END";

#[derive(Debug)]
pub(super) struct Statements {
    /// The table's name, with its schema if it has one, for messages.
    pub(super) table: String,
    /// The same as SQL has it.
    pub(super) quoted: String,
    /// The types of the table's columns, without their lengths: a cast to a length would cut a text short.
    pub(super) types: Template,
    pub(super) read: Template,
    pub(super) present: Template,
    pub(super) insert: Template,
    pub(super) replace: Conditional,
    pub(super) touch: Conditional,
    pub(super) remove: Conditional,
    pub(super) rename: Conditional,
    pub(super) scan: Template,
    pub(super) remove_expired: Template,
}

/// A statement on the row of a key: with that version, which is its last value, or with any.
#[derive(Debug)]
pub(super) struct Conditional {
    exact: Template,
    any: Template,
}

impl Conditional {
    fn new(pattern: &str, version: usize, table: &str) -> Self {
        let tail = format!("substring({TAIL} FROM greatest(octet_length({TAIL}) - 42, 1))");
        Self {
            exact: Template::new(&format!("{pattern} AND {tail} = ${version}"), table),
            any: Template::new(pattern, table),
        }
    }

    pub(super) fn expecting(&self, expect: Expect<'_>) -> &Template {
        match expect {
            Expect::Version(_) => &self.exact,
            Expect::Present | Expect::Anything => &self.any,
        }
    }
}

impl Statements {
    /// `simple`: for simple queries, which answer text.
    pub(super) fn new(schema: Option<&str>, table: &str, simple: bool) -> Self {
        let name = match schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(table),
        };
        let expires = if simple { MICROS } else { "expire_date" };
        let template = |pattern: &str| Template::new(pattern, &name);
        let conditional = |pattern: &str, version: usize| Conditional::new(pattern, version, &name);
        Self {
            table: schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}")),
            types: template(
                "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
                 WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            ),
            read: template(&format!("SELECT session_data, {expires} FROM {{table}} WHERE session_key = $1")),
            present: template("SELECT session_data FROM {table} WHERE session_key = $1"),
            insert: template(
                "INSERT INTO {table} (session_key, session_data, expire_date) VALUES ($1, $2, $3) \
                 ON CONFLICT (session_key) DO NOTHING",
            ),
            replace: conditional("UPDATE {table} SET session_data = $2, expire_date = $3 WHERE session_key = $1", 4),
            touch: conditional("UPDATE {table} SET expire_date = $2 WHERE session_key = $1", 3),
            remove: conditional("DELETE FROM {table} WHERE session_key = $1", 2),
            rename: conditional(
                "UPDATE {table} SET session_key = $2, session_data = $3, expire_date = $4 WHERE session_key = $1",
                5,
            ),
            // In the order of the bytes, whatever the collation: the operators of Django's index for LIKE.
            scan: template(&format!(
                "SELECT session_key, octet_length(session_data)::bigint, {expires}, encode({TAIL}, 'hex') \
                 FROM {{table}} WHERE session_key ~>~ $1 ORDER BY session_key USING ~<~ LIMIT $2"
            )),
            // An array, so that the rows are chosen once. Rows that others hold are left for the next time. The
            // second condition is looked at again in a row that changed in between.
            remove_expired: template(
                "DELETE FROM {table} WHERE session_key = ANY(ARRAY(SELECT session_key FROM {table} \
                 WHERE expire_date < $1 ORDER BY expire_date LIMIT $2 FOR UPDATE SKIP LOCKED)) AND expire_date < $1",
            ),
            quoted: name.clone(),
        }
    }

    pub(super) fn template(&self, pattern: &str) -> Template {
        Template::new(pattern, &self.quoted)
    }

    /// A statement on the row of a key, whose version, if it compares, is value number `version`.
    pub(super) fn conditional(&self, pattern: &str, version: usize, expect: Expect<'_>) -> Template {
        let conditional = Conditional::new(pattern, version, &self.quoted);
        match expect {
            Expect::Version(_) => conditional.exact,
            Expect::Present | Expect::Anything => conditional.any,
        }
    }
}
