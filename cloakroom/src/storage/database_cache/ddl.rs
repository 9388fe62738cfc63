//! The statements of Django's `createcachetable`, to the byte: SQLite keeps their text.

use crate::DatabaseKind;

/// How a database writes names and types.
pub(super) struct Words {
    quote: char,
    text: &'static str,
    moment: &'static str,
}

const SQLITE: Words = Words { quote: '"', text: "text", moment: "datetime" };
const POSTGRES: Words = Words { quote: '"', text: "text", moment: "timestamp with time zone" };
const MYSQL: Words = Words { quote: '`', text: "longtext", moment: "datetime(6)" };

/// The words of a database; `None` for one that this library has nothing to do with.
pub(super) const fn words(kind: DatabaseKind) -> Option<&'static Words> {
    match kind {
        DatabaseKind::Sqlite => Some(&SQLITE),
        DatabaseKind::PostgreSql => Some(&POSTGRES),
        DatabaseKind::MySql => Some(&MYSQL),
        DatabaseKind::Other => None,
    }
}

/// The table, in a schema if one is named, and its index.
pub(super) fn create(words: &Words, schema: Option<&str>, table: &str) -> [String; 2] {
    let Words { quote, text, moment } = words;
    let quoted = |name: &str| {
        let doubled = name.replace(*quote, &format!("{quote}{quote}")).replace('\0', "");
        format!("{quote}{doubled}{quote}")
    };
    let name = match schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
        None => quoted(table),
    };
    let [key, value, expires] = ["cache_key", "value", "expires"].map(quoted);
    let index = quoted(&format!("{table}_expires"));
    [
        format!(
            "CREATE TABLE {name} (\n    {key} varchar(255) NOT NULL PRIMARY KEY,\n    {value} {text} NOT NULL,\n    \
             {expires} {moment} NOT NULL\n)"
        ),
        format!("CREATE INDEX {index} ON {name} ({expires})"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_own_words() {
        let [table, index] = create(&MYSQL, None, "cache`table");
        assert_eq!(
            table,
            "CREATE TABLE `cache``table` (\n    `cache_key` varchar(255) NOT NULL PRIMARY KEY,\n    `value` longtext NOT \
             NULL,\n    `expires` datetime(6) NOT NULL\n)"
        );
        assert_eq!(index, "CREATE INDEX `cache``table_expires` ON `cache``table` (`expires`)");
        let [table, index] = create(&POSTGRES, Some("shop"), "cached");
        assert!(table.starts_with("CREATE TABLE \"shop\".\"cached\" ("), "{table}");
        assert_eq!(index, "CREATE INDEX \"cached_expires\" ON \"shop\".\"cached\" (\"expires\")");
        assert!(create(&SQLITE, None, "cached")[0].contains("\"expires\" datetime NOT NULL"));
    }
}
