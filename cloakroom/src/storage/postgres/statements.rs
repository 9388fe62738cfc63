//! The statements on one table of sessions.
//!
//! The version of a session is the last 43 bytes of its data in UTF-8, where Django's signature stands; that of a
//! cache's value its SHA-256. They are compared as bytes: no collation and no encoding of the database has a say in it.

use super::template::{Template, quoted};
use crate::storage::Expect;
use crate::storage::layout::Layout;

/// The last 43 bytes. The last 43 characters hold them, and are quicker to convert than the whole.
const TAIL: &str = "convert_to(right(session_data, 43), 'UTF8')";

/// What a row is compared by.
fn version(layout: Layout) -> String {
    match layout {
        Layout::Sessions => format!("substring({TAIL} FROM greatest(octet_length({TAIL}) - 42, 1))"),
        Layout::Cache => "sha256(convert_to(value, 'UTF8'))".to_owned(),
    }
}

/// Microseconds since 1970, NULL for the infinities: what a simple query, which answers text, asks for.
fn micros(column: &str) -> String {
    format!("CASE WHEN isfinite({column}) THEN (extract(epoch FROM {column}) * 1000000)::bigint END")
}

#[derive(Debug)]
pub(super) struct Statements {
    pub(super) layout: Layout,
    /// The table's name, with its schema if it has one, for messages.
    pub(super) table: String,
    /// The same as SQL has it.
    pub(super) quoted: String,
    /// The types of the table's columns, without their lengths: a cast to a length would cut a text short.
    pub(super) types: Template,
    pub(super) read: Template,
    pub(super) present: Template,
    pub(super) insert: Template,
    /// In the place of what ended before a moment, too.
    pub(super) insert_over: Template,
    pub(super) replace: Conditional,
    /// Of arrays of keys, data, microseconds since 1970 and versions. Answers the keys of the rows it changed; those
    /// that others hold are left out.
    pub(super) replace_several: Template,
    pub(super) touch: Conditional,
    pub(super) remove: Conditional,
    pub(super) rename: Conditional,
    pub(super) scan: Template,
    /// Up to so many, and where they ended; the same from a moment on.
    pub(super) remove_expired: Template,
    pub(super) remove_expired_from: Template,
    /// A slice of what has ended, and where that ended; the same after a moment.
    pub(super) count_expired: Template,
    pub(super) count_expired_after: Template,
}

/// A statement on the row of a key: with that version, which is its last value, or with any.
#[derive(Debug)]
pub(super) struct Conditional {
    exact: Template,
    any: Template,
}

impl Conditional {
    fn new(layout: Layout, pattern: &str, place: usize, table: &str) -> Self {
        let version = version(layout);
        Self {
            exact: Template::new(&format!("{pattern} AND {version} = ${place}"), table),
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
    pub(super) fn new(layout: Layout, schema: Option<&str>, table: &str, simple: bool) -> Self {
        let name = match schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(table),
        };
        let (key, data, expires) = (layout.key(), layout.data(), layout.expires());
        let found = if simple { micros(expires) } else { expires.to_owned() };
        let template = |pattern: &str| Template::new(pattern, &name);
        let conditional = |pattern: &str, version: usize| {
            Conditional::new(layout, &format!("{pattern} WHERE {key} = $1"), version, &name)
        };
        let latest = |column: &str| if simple { micros(&format!("max({column})")) } else { format!("max({column})") };
        // An array, so that the rows are chosen once. Rows that others hold are left for the next time. The second
        // condition is looked at again in a row that changed in between.
        let remove_expired = |from: &str| {
            format!(
                "WITH gone AS (DELETE FROM {{table}} WHERE {key} = ANY(ARRAY(SELECT {key} FROM {{table}} \
                 WHERE {expires} < $1 {from} ORDER BY {expires} LIMIT $2 FOR UPDATE SKIP LOCKED)) AND {expires} < $1 \
                 RETURNING {expires} AS ended) SELECT count(*)::bigint, {} FROM gone",
                latest("ended")
            )
        };
        let count_expired = |after: &str| {
            format!(
                "SELECT count(*)::bigint, {} FROM {{table}} WHERE {expires} < $1 {after} AND {expires} <= coalesce(\
                 (SELECT {expires} FROM {{table}} WHERE {expires} < $1 {after} ORDER BY {expires} LIMIT 1 OFFSET $2), $1)",
                latest(expires)
            )
        };
        Self {
            layout,
            table: schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}")),
            types: template(
                "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
                 WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            ),
            read: template(&format!("SELECT {data}, {found} FROM {{table}} WHERE {key} = $1")),
            present: template(&format!("SELECT {data} FROM {{table}} WHERE {key} = $1")),
            insert: template(&format!(
                "INSERT INTO {{table}} ({key}, {data}, {expires}) VALUES ($1, $2, $3) ON CONFLICT ({key}) DO NOTHING"
            )),
            insert_over: template(&format!(
                "INSERT INTO {{table}} AS kept ({key}, {data}, {expires}) VALUES ($1, $2, $3) ON CONFLICT ({key}) \
                 DO UPDATE SET {data} = excluded.{data}, {expires} = excluded.{expires} WHERE kept.{expires} < $4"
            )),
            replace: conditional(&format!("UPDATE {{table}} SET {data} = $2, {expires} = $3"), 4),
            replace_several: template(&format!(
                "WITH wanted AS (SELECT * FROM unnest($1, $2, $3, $4) AS wanted(name, data, expires, version)), \
                 held AS (SELECT kept.{key} AS name FROM {{table}} AS kept JOIN wanted ON kept.{key} = wanted.name \
                 WHERE {version} = wanted.version FOR NO KEY UPDATE OF kept SKIP LOCKED) \
                 UPDATE {{table}} AS kept SET {data} = wanted.data, \
                 {expires} = timestamptz 'epoch' + wanted.expires * interval '1 microsecond' \
                 FROM wanted JOIN held ON held.name = wanted.name \
                 WHERE kept.{key} = wanted.name AND {version} = wanted.version RETURNING kept.{key}",
                version = version(layout),
            )),
            touch: conditional(&format!("UPDATE {{table}} SET {expires} = $2"), 3),
            remove: conditional("DELETE FROM {table}", 2),
            rename: conditional(&format!("UPDATE {{table}} SET {key} = $2, {data} = $3, {expires} = $4"), 5),
            // In the order of the bytes, whatever the collation: the operators of Django's index for LIKE.
            scan: template(&match layout {
                Layout::Sessions => format!(
                    "SELECT session_key, octet_length(session_data)::bigint, {found}, encode({TAIL}, 'hex') \
                     FROM {{table}} WHERE session_key ~>~ $1 ORDER BY session_key USING ~<~ LIMIT $2"
                ),
                // In the order of the primary key: a cache's table has no other index on it.
                Layout::Cache => format!(
                    "SELECT cache_key, (length(rtrim(value, '=')) * 3 / 4)::bigint, {found}, encode({}, 'hex') \
                     FROM {{table}} WHERE cache_key > $1 AND starts_with(cache_key, $3) ORDER BY cache_key LIMIT $2",
                    version(layout)
                ),
            }),
            remove_expired: template(&remove_expired("")),
            remove_expired_from: template(&remove_expired(&format!("AND {expires} >= $3"))),
            count_expired: template(&count_expired("")),
            count_expired_after: template(&count_expired(&format!("AND {expires} > $3"))),
            quoted: name.clone(),
        }
    }

    pub(super) fn template(&self, pattern: &str) -> Template {
        Template::new(pattern, &self.quoted)
    }

    /// A statement on the row of a key, whose version, if it compares, is value number `version`.
    pub(super) fn conditional(&self, pattern: &str, version: usize, expect: Expect<'_>) -> Template {
        let conditional = Conditional::new(self.layout, pattern, version, &self.quoted);
        match expect {
            Expect::Version(_) => conditional.exact,
            Expect::Present | Expect::Anything => conditional.any,
        }
    }
}
