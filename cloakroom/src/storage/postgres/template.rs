//! Statements with places for values, sent in one of two ways: prepared, with the values beside it, or as one simple
//! query with the values in it.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use super::moment::Moment;
use crate::Timestamp;

/// A value for a place in a statement. Text holds no NUL: whoever takes it from outside sees to that.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Moment(Timestamp),
    Number(i64),
    Texts(&'a [&'a str]),
    Several(&'a [&'a [u8]]),
    Numbers(&'a [i64]),
}

/// A statement in whose text `$1`, `$2` … stand for values.
#[derive(Debug)]
pub(super) struct Template {
    sql: Arc<str>,
    /// The text between the places, and the number of the place that follows, from 0.
    pieces: Vec<(String, Option<usize>)>,
}

impl Template {
    /// `pattern` names the table as `{table}`; `table` is quoted already, and may hold anything, even `$1`.
    pub(super) fn new(pattern: &str, table: &str) -> Self {
        let mut pieces = Vec::new();
        let mut parts = pattern.split('$');
        let mut text = parts.next().unwrap_or_default();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let place = part[..digits].parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            pieces.push((text.replace("{table}", table), place));
            text = &part[digits..];
        }
        pieces.push((text.replace("{table}", table), None));
        let mut sql = String::new();
        for (text, place) in &pieces {
            sql.push_str(text);
            if let Some(place) = place {
                // Writing to a string cannot fail.
                let _ = write!(sql, "${}", place + 1);
            }
        }
        Self { sql: sql.into(), pieces }
    }

    /// The text to prepare.
    pub(super) fn sql(&self) -> Arc<str> {
        Arc::clone(&self.sql)
    }

    /// The text with the values in it, after `prefix`.
    pub(super) fn with_values(&self, prefix: &str, values: &[Value<'_>]) -> String {
        let mut sql = String::with_capacity(prefix.len() + self.sql.len() + 256);
        sql.push_str(prefix);
        for (text, place) in &self.pieces {
            sql.push_str(text);
            if let Some(value) = place.and_then(|place| values.get(place)) {
                value.write(&mut sql);
            }
        }
        sql
    }
}

impl Value<'_> {
    /// Writes it as a literal. What is not of a harmless alphabet goes as hexadecimal digits: no quote and no
    /// backslash can come in, whatever `standard_conforming_strings` says.
    fn write(self, sql: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Text(text) if text.bytes().all(is_harmless) => write!(sql, "'{text}'::text"),
            Self::Text(text) => {
                sql.push_str("convert_from(");
                hex(sql, text.as_bytes());
                sql.push_str(",'UTF8')");
                Ok(())
            }
            Self::Bytes(bytes) => {
                hex(sql, bytes);
                Ok(())
            }
            Self::Moment(moment) => write!(sql, "'{moment}'::timestamptz"),
            Self::Number(number) => write!(sql, "({number})::bigint"),
            Self::Texts(texts) => array(sql, texts.iter().map(|text| Value::Text(text)), "text"),
            Self::Several(several) => array(sql, several.iter().map(|bytes| Value::Bytes(bytes)), "bytea"),
            Self::Numbers(numbers) => array(sql, numbers.iter().map(|number| Value::Number(*number)), "bigint"),
        };
    }
}

fn array<'a>(sql: &mut String, values: impl Iterator<Item = Value<'a>>, of: &str) -> std::fmt::Result {
    sql.push_str("ARRAY[");
    for (at, value) in values.enumerate() {
        if at > 0 {
            sql.push(',');
        }
        value.write(sql);
    }
    write!(sql, "]::{of}[]")
}

fn hex(sql: &mut String, bytes: &[u8]) {
    sql.push_str("decode('");
    for byte in bytes {
        let _ = write!(sql, "{byte:02x}");
    }
    sql.push_str("','hex')");
}

/// The alphabets of session keys, of signed session data and of base64.
fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte)
}

/// The values beside a prepared statement.
pub(super) fn arguments(values: &[Value<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match *value {
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Moment(moment) => arguments.add(Moment(moment)),
            Value::Number(number) => arguments.add(number),
            Value::Texts(texts) => arguments.add(texts),
            Value::Several(several) => arguments.add(several),
            Value::Numbers(numbers) => arguments.add(numbers),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A name as an identifier in SQL. No name holds NUL, where a statement would end.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_have_any_name() {
        let template = Template::new("SELECT 1 FROM {table} WHERE a = $1 AND b < $2", &quoted("x\"; $1 {table}"));
        assert_eq!(&*template.sql(), "SELECT 1 FROM \"x\"\"; $1 {table}\" WHERE a = $1 AND b < $2");
        let sql = template.with_values("BEGIN;", &[Value::Text("key"), Value::Number(-1)]);
        assert_eq!(sql, "BEGIN;SELECT 1 FROM \"x\"\"; $1 {table}\" WHERE a = 'key'::text AND b < (-1)::bigint");
    }

    #[test]
    fn a_literal_cannot_be_left() {
        let template = Template::new("$1", "");
        for hostile in ["'", "a'; DROP TABLE b; --", "\\", "\\'", "é", "$1", "a b", "\n", "/*", "\u{ff07}"] {
            let sql = template.with_values("", &[Value::Text(hostile)]);
            let digits = sql.strip_prefix("convert_from(decode('").and_then(|sql| sql.strip_suffix("','hex'),'UTF8')"));
            let expected: String = hostile.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digits, Some(&*expected), "{hostile:?}: {sql}");
        }
        assert_eq!(template.with_values("", &[Value::Bytes(b"\x00'")]), "decode('0027','hex')");
        assert_eq!(template.with_values("", &[Value::Text("")]), "''::text");
        assert_eq!(
            template.with_values("", &[Value::Texts(&["a", "'"])]),
            "ARRAY['a'::text,convert_from(decode('27','hex'),'UTF8')]::text[]"
        );
        assert_eq!(template.with_values("", &[Value::Several(&[b"'"])]), "ARRAY[decode('27','hex')]::bytea[]");
        assert_eq!(template.with_values("", &[Value::Numbers(&[1, -2])]), "ARRAY[(1)::bigint,(-2)::bigint]::bigint[]");
        let moment = Value::Moment(Timestamp::from_micros(1_783_746_612_000_010).unwrap());
        assert_eq!(template.with_values("", &[moment]), "'2026-07-11T05:10:12.000010+00:00'::timestamptz");
    }
}
