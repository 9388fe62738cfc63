//! How far the clean-up is, on standard error: a bar on a terminal, now and then a line elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use cloakroom::ClearingProgress;
use serde_json::json;

const BAR: usize = 30;
/// How often a bar is drawn, and how often a line is written.
const REDRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(5);

enum Form {
    Bar,
    Lines,
    Json,
}

pub(crate) struct Shown {
    form: Form,
    last: ClearingProgress,
    /// When it was shown.
    at: Duration,
    drawn: bool,
}

impl Shown {
    pub(crate) fn new(json: bool) -> Self {
        let form = match json {
            true => Form::Json,
            false if std::io::stderr().is_terminal() => Form::Bar,
            false => Form::Lines,
        };
        Self { form, last: ClearingProgress::default(), at: Duration::ZERO, drawn: false }
    }

    /// How many were removed so far.
    pub(crate) fn removed(&self) -> u64 {
        self.last.removed
    }

    /// How long it has been at it.
    pub(crate) fn seconds(&self) -> f64 {
        self.last.elapsed.as_secs_f64()
    }

    pub(crate) fn show(&mut self, progress: &ClearingProgress) {
        self.last = *progress;
        let every = if matches!(self.form, Form::Bar) { REDRAW } else { LINE };
        if progress.elapsed < self.at + every {
            return;
        }
        self.at = progress.elapsed;
        let mut out = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        let _ = match self.form {
            Form::Bar => write!(out, "\r\x1b[K{}{}", bar(progress), line(progress)).and_then(|()| out.flush()),
            Form::Lines => writeln!(out, "{}", line(progress)),
            Form::Json => writeln!(out, "{}", object(progress)),
        };
        self.drawn = true;
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if self.drawn && matches!(self.form, Form::Bar) {
            eprint!("\r\x1b[K");
        }
    }
}

fn bar(progress: &ClearingProgress) -> String {
    let Some(expired) = progress.expired.filter(|expired| *expired > 0) else { return String::new() };
    let share = (progress.removed as f64 / expired as f64).min(1.0);
    let full = (share * BAR as f64) as usize;
    format!("[{}{}] {:>3.0} %  ", "#".repeat(full), "-".repeat(BAR - full), (share * 100.0).floor())
}

fn line(progress: &ClearingProgress) -> String {
    let mut line = format!("{} removed", grouped(progress.removed));
    if let Some(expired) = progress.expired {
        line = format!("{} of {} removed", grouped(progress.removed), grouped(expired));
    }
    if progress.read > 0 {
        line.push_str(&format!(", {} read", grouped(progress.read)));
    }
    line.push_str(&format!(", {} a second", grouped(progress.rate() as u64)));
    if let Some(left) = progress.left() {
        line.push_str(&format!(", {} left", clock(left)));
    }
    line
}

fn object(progress: &ClearingProgress) -> serde_json::Value {
    json!({
        "removed": progress.removed,
        "expired": progress.expired,
        "read": progress.read,
        "rate": progress.rate().round(),
        "seconds": progress.elapsed.as_secs_f64().round(),
        "left": progress.left().map(|left| left.as_secs_f64().round()),
    })
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_easy_to_read() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let clocks = [0.4, 61.0, 3_599.6, 90_061.0].map(|seconds| clock(Duration::from_secs_f64(seconds)));
        assert_eq!(clocks, ["0:00", "1:01", "1:00:00", "25:01:01"]);
    }
}
