//! Why an option of a database or cache cannot be honoured.

#[cfg(any(feature = "memcached", feature = "mysql", feature = "postgres", feature = "redis"))]
use std::time::Duration;

use super::environ::OptionValue;

/// Why an option is refused. Values are not shown: some are secrets.
pub(super) struct Refusal {
    pub(super) problem: String,
    pub(super) remedy: String,
}

impl Refusal {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// A number, which a URL or an option file may hold as text.
pub(super) fn number(value: &OptionValue) -> Result<f64, Refusal> {
    let number = value.as_number().or_else(|| value.as_text()?.trim().parse().ok());
    number.filter(|number| number.is_finite()).ok_or_else(|| Refusal::new("is no number", "use a number"))
}

/// A length of time.
#[cfg(any(feature = "memcached", feature = "mysql", feature = "postgres", feature = "redis"))]
pub(super) fn duration(seconds: f64) -> Result<Duration, Refusal> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Refusal::new("is no length of time in seconds", "use a number from 0 up"))
}
