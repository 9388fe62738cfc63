//! `cloakroom settings`

use cloakroom::{Entry, EntryValue, SettingSource};
use serde_json::{Value, json};

use crate::database;
use crate::failure::Failure;
use crate::options::{Place, SettingsArguments};
use crate::output::print;

pub(crate) fn run(arguments: &SettingsArguments, place: &Place) -> Result<(), Failure> {
    let settings = database::settings(place)?;
    let entries = settings.entries();
    if arguments.json {
        let members: serde_json::Map<_, _> = entries.iter().map(|entry| (entry.name.clone(), json(entry))).collect();
        print(&Value::Object(members).to_string())?;
    } else {
        print(&table(&entries))?;
    }
    // Shown first: who looks for a mistake wants to see all of them.
    Ok(settings.validate()?)
}

fn table(entries: &[Entry]) -> String {
    let cells: Vec<_> = entries.iter().map(|entry| (&entry.name, entry.value.to_string(), &entry.source)).collect();
    let names = cells.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    // One long value must not push the sources out of sight.
    let values = cells.iter().map(|(_, value, _)| value.chars().count()).filter(|width| *width <= 60).max();
    let values = values.unwrap_or_default();
    let line =
        |(name, value, source): &(&String, String, &SettingSource)| format!("{name:names$}  {value:values$}  {source}");
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn json(entry: &Entry) -> Value {
    let value = match &entry.value {
        EntryValue::Bool(truth) => json!(truth),
        // Whole numbers without a fraction, as Django has them.
        EntryValue::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => json!(*number as i64),
        EntryValue::Number(number) => json!(number),
        EntryValue::Text(text) => json!(text),
        EntryValue::Secrets(count) => json!({ "secrets": count }),
        _ => Value::Null,
    };
    json!({ "value": value, "source": source(&entry.source) })
}

fn source(source: &SettingSource) -> Value {
    match source {
        SettingSource::File { path, line } => json!({ "kind": "file", "path": path, "line": line }),
        SettingSource::DotEnv { path, line } => json!({ "kind": "dotenv", "path": path, "line": line }),
        SettingSource::Environment { variable } => json!({ "kind": "environment", "variable": variable }),
        SettingSource::Argument { option } => json!({ "kind": "option", "option": option }),
        SettingSource::Code => json!({ "kind": "code" }),
        _ => json!({ "kind": "default" }),
    }
}
