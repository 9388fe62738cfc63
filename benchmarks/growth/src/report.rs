//! The figures: as JSON, in the shape that all parts of the benchmarks share, and as a table against what is to be
//! reached.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Result;
use crate::place::{Place, Server};

/// One bar of a chart.
pub struct Row {
    group: String,
    scenario: String,
    library: String,
    unit: &'static str,
    value: f64,
    low: f64,
    high: f64,
}

impl Row {
    /// The median of some values, and how far they lie apart.
    pub fn of(group: &str, scenario: &str, library: &str, unit: &'static str, values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        let value = median(&mut sorted);
        Self {
            group: group.to_owned(),
            scenario: scenario.to_owned(),
            library: library.to_owned(),
            unit,
            value,
            low: sorted.first().copied().unwrap_or(value),
            high: sorted.last().copied().unwrap_or(value),
        }
    }
}

/// The median; sorts the values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    versions: BTreeMap<String, String>,
}

impl Report {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Notes which version of its server a place has.
    pub fn note_server(&mut self, place: &Place) -> Result<()> {
        let name = place.kind.name().split(' ').next().unwrap_or_default();
        if self.versions.contains_key(name) {
            return Ok(());
        }
        let version = match &place.server {
            Server::None if name == "SQLite" => rusqlite::version().to_owned(),
            Server::None => return Ok(()),
            Server::PostgreSql(server) => server.psql("postgres", "SHOW server_version"),
            Server::MariaDb(server) => server.query("", "SELECT version()").trim().to_owned(),
            Server::Redis { .. } => said_by("redis-server", &["--version"]),
            Server::Memcached { .. } => said_by("memcached", &["--version"]),
        };
        self.versions.insert(name.to_owned(), version);
        Ok(())
    }

    /// Writes the figures. Rows of groups that were not measured this time stay.
    pub fn write(&self, path: &Path) -> Result<()> {
        let before: Value = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let measured = |row: &&Value| {
            !self.rows.iter().any(|new| {
                row["group"] == *new.group && row["scenario"] == *new.scenario && row["library"] == *new.library
            })
        };
        let mut rows: Vec<Value> = before["rows"].as_array().into_iter().flatten().filter(measured).cloned().collect();
        rows.extend(self.rows.iter().map(|row| {
            let (value, low, high) = (rounded(row.value), rounded(row.low), rounded(row.high));
            json!({"group": row.group, "scenario": row.scenario, "library": row.library, "unit": row.unit, "value": value, "low": low, "high": high})
        }));
        let mut machine = machine();
        for (name, version) in before["machine"]["versions"].as_object().into_iter().flatten() {
            machine["versions"][name] = version.clone();
        }
        for (name, version) in &self.versions {
            machine["versions"][name] = json!(version);
        }
        let now = cloakroom::Timestamp::now().to_string();
        let lines: Vec<String> = rows.iter().map(|row| format!("    {row}")).collect();
        let text = format!(
            "{{\n  \"measured\": {},\n  \"machine\": {machine},\n  \"rows\": [\n{}\n  ]\n}}\n",
            json!(now.get(..10)),
            lines.join(",\n")
        );
        fs::create_dir_all(path.parent().ok_or("a folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// All figures, and what of them is to be reached.
    pub fn print(&self, count: usize) {
        let mut groups: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !groups.contains(&&*row.group) {
                groups.push(&row.group);
            }
        }
        for group in groups {
            println!("\n{group}");
            for row in self.rows.iter().filter(|row| row.group == group) {
                let (value, low, high) = (rounded(row.value), rounded(row.low), rounded(row.high));
                println!("  {:<32} {:<24} {value:>10} {} ({low} to {high})", row.scenario, row.library, row.unit);
            }
        }
        println!("\n{:<72} {:>10} {:>10}", "to be reached", "at most", "measured");
        for row in self.rows.iter().filter(|row| row.library == "cloakroom") {
            let Some(most) = reach(row, count) else { continue };
            let verdict = if row.value <= most { "reached" } else { "MISSED" };
            let what = format!("{}, {}", row.group, row.scenario);
            println!("{what:<72} {most:>10} {:>10} {} {verdict}", rounded(row.value), row.unit);
        }
    }
}

/// What is to be reached, at most.
fn reach(row: &Row, count: usize) -> Option<f64> {
    let millions = count as f64 / 1e6;
    match (row.group.as_str(), row.scenario.as_str()) {
        (group, _) if group.starts_with("Time of") && group.contains("many against few") => Some(1.3),
        (group, "all live") if group.starts_with("Memory") => Some(600.0 * millions),
        (group, scenario) if group.starts_with("Longest wait of a writer") => match scenario {
            "SQLite WAL" | "SQLite rollback" => Some(50.0),
            "PostgreSQL" => Some(20.0),
            _ => None,
        },
        _ => None,
    }
}

/// To three digits that mean something.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powf(2.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}

fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut versions = json!({ "rustc": said_by("rustc", &["--version"]) });
    if let Some(python) = std::env::var_os("CLOAKROOM_PYTHON").and_then(|path| path.into_string().ok()) {
        versions["Django"] = json!(said_by(&python, &["-m", "django", "--version"]));
        versions["Python"] = json!(said_by(&python, &["--version"]));
    }
    json!({
        "cpu": model.trim_start_matches([' ', '\t', ':']),
        "cores": cores,
        "kernel": kernel.trim(),
        "versions": versions,
    })
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
