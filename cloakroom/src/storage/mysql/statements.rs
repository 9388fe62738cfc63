//! The statements on one table of sessions.
//!
//! The version of a session is the last 43 bytes of its data, where Django's signature stands; that of a cache's value
//! its SHA-256. They are compared as bytes: the collation that MariaDB gives a table by default ignores case and trailing
//! blanks. So is the key, after the index has found it by the collation.

use std::sync::Arc;
use std::time::Duration;

use crate::storage::Expect;
use crate::storage::layout::Layout;

const TAIL: &str = "RIGHT(CAST(session_data AS BINARY), 43)";
/// A key in UTF-8, whatever the table and the connection have.
const KEY: &str = "CAST(CONVERT(session_key USING utf8mb4) AS BINARY)";
const CACHE_KEY: &str = "CAST(CONVERT(cache_key USING utf8mb4) AS BINARY)";

fn found(layout: Layout) -> &'static str {
    match layout {
        // Keys of sessions are ASCII, those of a cache need not be.
        Layout::Sessions => "WHERE session_key = ? AND CAST(session_key AS BINARY) = ?",
        Layout::Cache => "WHERE cache_key = ? AND CAST(CONVERT(cache_key USING utf8mb4) AS BINARY) = ?",
    }
}

/// What a row is compared by.
const fn version(layout: Layout) -> &'static str {
    match layout {
        Layout::Sessions => TAIL,
        Layout::Cache => "UNHEX(SHA2(CAST(value AS BINARY), 256))",
    }
}

#[derive(Debug)]
pub(super) struct Statements {
    pub(super) layout: Layout,
    /// What comes before each.
    pub(super) prefix: String,
    /// The table's name, for messages.
    pub(super) table: String,
    pub(super) read: Arc<str>,
    pub(super) present: Arc<str>,
    pub(super) insert: Write,
    /// Puts data in the place of what ended before a moment, the statement's last value.
    pub(super) take_over: Arc<str>,
    /// Puts data in the place of whatever there is.
    pub(super) put: Arc<str>,
    pub(super) replace: Conditional,
    pub(super) touch: Conditional,
    pub(super) remove: Conditional,
    pub(super) rename: Conditional,
    pub(super) first_page: Arc<str>,
    pub(super) next_page: Arc<str>,
    pub(super) remove_expired: Arc<str>,
    /// The same from a moment on.
    pub(super) remove_expired_from: Arc<str>,
    /// The moment of the last of so many, from a moment on.
    pub(super) end_of_batch: Arc<str>,
    /// A slice of what has ended after a moment, and where that ended.
    pub(super) count_expired: Arc<str>,
}

/// A statement on the row of a key, which its last two values are: with a version, which comes after them, or with any.
#[derive(Debug)]
pub(super) struct Conditional {
    exact: Write,
    any: Write,
}

impl Conditional {
    fn new(layout: Layout, statement: &str) -> Self {
        let (found, version) = (found(layout), version(layout));
        Self {
            exact: Write::new(&[statement, &format!(" {found} AND {version} = ?")]),
            any: Write::new(&[statement, &format!(" {found}")]),
        }
    }

    pub(super) fn expecting(&self, expect: Expect<'_>) -> &Write {
        match expect {
            Expect::Version(_) => &self.exact,
            Expect::Present | Expect::Anything => &self.any,
        }
    }
}

/// A statement, and the pieces between which the columns of the application's own go: of an UPDATE two, of an INSERT
/// three.
#[derive(Debug)]
pub(super) struct Write {
    whole: Arc<str>,
    pieces: Vec<String>,
}

impl Write {
    fn new(pieces: &[&str]) -> Self {
        Self { whole: pieces.concat().into(), pieces: pieces.iter().map(|&piece| piece.to_owned()).collect() }
    }

    pub(super) fn whole(&self) -> &Arc<str> {
        &self.whole
    }

    /// The statement with these columns, whose names are harmless; their values come after those of the pieces before
    /// them.
    pub(super) fn with(&self, names: &[&str]) -> Arc<str> {
        let each = |form: fn(&str) -> String| names.iter().map(|name| form(name)).collect::<String>();
        match &self.pieces[..] {
            [set, condition] => format!("{set}{}{condition}", each(|name| format!(", `{name}` = ?"))).into(),
            [columns, values, end] => {
                format!("{columns}{}{values}{}{end}", each(|name| format!(", `{name}`")), each(|_| ", ?".into())).into()
            }
            _ => Arc::clone(&self.whole),
        }
    }
}

impl Statements {
    /// `prefix` comes before each.
    pub(super) fn new(layout: Layout, table: &str, prefix: &str) -> Self {
        let name = quoted(table);
        let (key, data, expires, found) = (layout.key(), layout.data(), layout.expires(), found(layout));
        let read_expires = format!("CAST({expires} AS CHAR)");
        let page =
            |columns: String| format!("{prefix}SELECT {columns}, {read_expires}, {} FROM {name}", version(layout));
        let conditional = |statement: String| Conditional::new(layout, &format!("{prefix}{statement}"));
        let insert = format!("{prefix}INSERT INTO {name} ({data}, {expires}, {key}");
        Self {
            layout,
            prefix: prefix.to_owned(),
            table: table.to_owned(),
            read: format!("{prefix}SELECT CAST({data} AS BINARY), {read_expires} FROM {name} {found}").into(),
            present: format!("{prefix}SELECT 1 FROM {name} {found}").into(),
            take_over: format!("{prefix}UPDATE {name} SET {data} = ?, {expires} = ? {found} AND {expires} < ?").into(),
            put: format!(
                "{insert}) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE {data} = VALUES({data}), {expires} = VALUES({expires})"
            )
            .into(),
            insert: Write::new(&[&insert, ") VALUES (?, ?, ?", ")"]),
            replace: conditional(format!("UPDATE {name} SET {data} = ?, {expires} = ?")),
            touch: conditional(format!("UPDATE {name} SET {expires} = ?")),
            remove: conditional(format!("DELETE FROM {name}")),
            rename: conditional(format!("UPDATE {name} SET {key} = ?, {data} = ?, {expires} = ?")),
            // In the order of the primary key: no two keys are equal in its collation, whichever it is.
            first_page: format!("{} ORDER BY {key} LIMIT ?", page(format!("{KEY}, LENGTH({data})"))).into(),
            next_page: match layout {
                Layout::Sessions => {
                    format!("{} WHERE {key} > ? ORDER BY {key} LIMIT ?", page(format!("{KEY}, LENGTH({data})")))
                }
                // A cache's table holds other entries too: those of a prefix are listed.
                Layout::Cache => format!(
                    "{} WHERE {key} > ? AND LEFT({CACHE_KEY}, LENGTH(?)) = CAST(? AS BINARY) ORDER BY {key} LIMIT ?",
                    page(format!("{CACHE_KEY}, LENGTH(TRIM(TRAILING '=' FROM {data})) * 3 DIV 4"))
                ),
            }
            .into(),
            // A complete order, so that a replica that repeats the statement removes the same rows.
            remove_expired: format!("{prefix}DELETE FROM {name} WHERE {expires} < ? ORDER BY {expires}, {key} LIMIT ?")
                .into(),
            remove_expired_from: format!(
                "{prefix}DELETE FROM {name} WHERE {expires} < ? AND {expires} >= ? ORDER BY {expires}, {key} LIMIT ?"
            )
            .into(),
            end_of_batch: format!(
                "{prefix}SELECT {read_expires} FROM {name} WHERE {expires} < ? AND {expires} >= ? \
                 ORDER BY {expires} LIMIT 1 OFFSET ?"
            )
            .into(),
            count_expired: format!(
                "{prefix}SELECT COUNT(*), CAST(MAX({expires}) AS CHAR) FROM {name} \
                 WHERE {expires} < ? AND {expires} > ? AND {expires} <= COALESCE((SELECT {expires} FROM {name} \
                 WHERE {expires} < ? AND {expires} > ? ORDER BY {expires} LIMIT 1 OFFSET ?), ?)"
            )
            .into(),
        }
    }
}

/// A name as an identifier in SQL, under any `sql_mode`. No name holds NUL, where a statement would end.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``").replace('\0', ""))
}

/// How the server is told to end a statement somewhat before it is given up here, so that it does not take effect
/// after that. Locks are waited for in whole seconds; the rest MariaDB alone knows, to whom the comment speaks.
pub(super) struct Ends {
    locks: u64,
    statement: f64,
}

impl Ends {
    pub(super) fn before(timeout: Duration) -> Self {
        Self {
            locks: (timeout - timeout / 4).as_secs().max(1),
            statement: (timeout - timeout / 8).as_secs_f64().max(0.001),
        }
    }

    /// For a connection.
    pub(super) fn for_session(&self) -> String {
        let Self { locks, statement } = self;
        format!(
            "SET SESSION innodb_lock_wait_timeout = {locks}, lock_wait_timeout = {locks} \
             /*M!100101 , max_statement_time = {statement:.3} */"
        )
    }

    /// Before a statement, on a connection that is not ours to set up: nothing is cut short there either.
    pub(super) fn for_statement(&self) -> String {
        let Self { locks, statement } = self;
        format!(
            "/*M!100102 SET STATEMENT sql_mode = 'STRICT_ALL_TABLES', max_statement_time = {statement:.3}, innodb_lock_wait_timeout = {locks}, \
             lock_wait_timeout = {locks} FOR */ "
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_have_any_name() {
        assert_eq!(quoted("django_session"), "`django_session`");
        assert_eq!(quoted("a`; DROP TABLE b; --\0?"), "`a``; DROP TABLE b; --?`");
    }

    #[test]
    fn columns_go_where_their_values_are_bound() {
        let statements = Statements::new(Layout::Sessions, "t", "");
        let sql = statements.insert.with(&["a", "b"]);
        assert_eq!(&*sql, "INSERT INTO `t` (session_data, expire_date, session_key, `a`, `b`) VALUES (?, ?, ?, ?, ?)");
        let sql = statements.replace.expecting(Expect::Present).with(&["a"]);
        assert_eq!(
            &*sql,
            format!("UPDATE `t` SET session_data = ?, expire_date = ?, `a` = ? {}", found(Layout::Sessions))
        );
        for write in [&statements.insert, statements.rename.expecting(Expect::Anything)] {
            assert_eq!(&write.with(&[]), write.whole());
        }
    }

    #[test]
    fn the_server_gives_up_first() {
        let ends = Ends::before(Duration::from_millis(2_400));
        assert_eq!((ends.locks, ends.statement), (1, 2.1));
        assert_eq!(Ends::before(Duration::from_secs(20)).locks, 15);
        assert!(Ends::before(Duration::ZERO).for_session().contains("max_statement_time = 0.001"), "0 means for ever");
    }
}
