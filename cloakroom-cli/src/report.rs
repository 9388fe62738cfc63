//! What a command found out: one line each, and the exit code of them all.

use std::borrow::Cow;
use std::process::ExitCode;

use crate::failure::Failure;
use crate::output::print;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Level {
    #[value(skip)]
    Ok,
    /// Warnings and errors
    Warning,
    /// Errors only
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

struct Finding {
    level: Level,
    id: Cow<'static, str>,
    message: String,
    remedy: Option<String>,
}

/// Findings in the order in which they were made.
#[derive(Default)]
pub(crate) struct Report(Vec<Finding>);

impl Report {
    pub(crate) fn ok(&mut self, id: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        self.add(Level::Ok, id, message, None);
    }

    pub(crate) fn warning(&mut self, id: impl Into<Cow<'static, str>>, message: impl Into<String>, remedy: &str) {
        self.add(Level::Warning, id, message, Some(remedy));
    }

    pub(crate) fn error(&mut self, id: impl Into<Cow<'static, str>>, message: impl Into<String>, remedy: &str) {
        self.add(Level::Error, id, message, Some(remedy));
    }

    /// An error whose message says what to do already.
    pub(crate) fn failure(&mut self, id: impl Into<Cow<'static, str>>, failure: impl Into<Failure>) {
        self.add(Level::Error, id, failure.into().to_string(), None);
    }

    fn add(
        &mut self,
        level: Level,
        id: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        remedy: Option<&str>,
    ) {
        self.0.push(Finding { level, id: id.into(), message: message.into(), remedy: remedy.map(str::to_owned) });
    }

    pub(crate) fn worst(&self) -> Level {
        self.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    pub(crate) fn exit_code(&self, fail_level: Level) -> ExitCode {
        if self.worst() >= fail_level { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn text(&self) -> String {
        let lines = self.0.iter().map(|finding| {
            let Finding { level, id, message, remedy } = finding;
            let remedy = remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
            // A file's name may hold a line break; a line is one finding all the same.
            format!("{:<7}  {id}: {message}{remedy}", level.name()).replace(['\n', '\r'], " ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let checks = self.0.iter().map(|finding| {
            serde_json::json!({
                "id": finding.id,
                "level": finding.level.name(),
                "message": finding.message,
                "remedy": finding.remedy,
            })
        });
        serde_json::json!({ "result": self.worst().name(), "checks": checks.collect::<Vec<_>>() })
    }

    pub(crate) fn print(&self, as_json: bool) -> Result<(), Failure> {
        print(&if as_json { self.json().to_string() } else { self.text() })
    }
}
