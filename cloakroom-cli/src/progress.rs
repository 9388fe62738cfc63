//! How far something is, on standard error: a bar on a terminal, now and then a line elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::Value;

const BAR: usize = 30;
/// How often a bar is drawn, and how often a line is written.
const REDRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(5);

enum Form {
    Bar,
    Lines,
    Json,
}

/// What can be shown of how far something is.
pub(crate) trait Progress: Copy + Default {
    fn elapsed(&self) -> Duration;

    /// How much of the whole is done, between 0 and 1.
    fn share(&self) -> Option<f64>;

    fn line(&self) -> String;

    fn object(&self) -> Value;
}

pub(crate) struct Shown<P> {
    form: Form,
    last: P,
    /// When it was shown.
    at: Duration,
    drawn: bool,
}

impl<P: Progress> Shown<P> {
    pub(crate) fn new(json: bool) -> Self {
        let form = match json {
            true => Form::Json,
            false if std::io::stderr().is_terminal() => Form::Bar,
            false => Form::Lines,
        };
        Self { form, last: P::default(), at: Duration::ZERO, drawn: false }
    }

    /// How far it was when it was last heard of, shown or not.
    pub(crate) fn last(&self) -> &P {
        &self.last
    }

    /// How long it has been at it.
    pub(crate) fn seconds(&self) -> f64 {
        self.last.elapsed().as_secs_f64()
    }

    pub(crate) fn show(&mut self, progress: &P) {
        self.last = *progress;
        let every = if matches!(self.form, Form::Bar) { REDRAW } else { LINE };
        if progress.elapsed() < self.at + every {
            return;
        }
        self.at = progress.elapsed();
        let mut out = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        let _ = match self.form {
            Form::Bar => write!(out, "\r\x1b[K{}{}", bar(progress), progress.line()).and_then(|()| out.flush()),
            Form::Lines => writeln!(out, "{}", progress.line()),
            Form::Json => writeln!(out, "{}", progress.object()),
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

fn bar(progress: &impl Progress) -> String {
    let Some(share) = progress.share() else { return String::new() };
    let share = share.min(1.0);
    let full = (share * BAR as f64) as usize;
    format!("[{}{}] {:>3.0} %  ", "#".repeat(full), "-".repeat(BAR - full), (share * 100.0).floor())
}
