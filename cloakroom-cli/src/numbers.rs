//! Numbers and moments for people.

use std::time::Duration;

use cloakroom::Timestamp;

/// A length of time as a clock shows it.
pub(crate) fn clock(time: Duration) -> String {
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

/// So many sessions.
pub(crate) fn sessions(number: u64) -> String {
    format!("{} session{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A moment to the second.
pub(crate) fn to_the_second(moment: Timestamp) -> String {
    Timestamp::from_seconds(moment.as_seconds()).unwrap_or(moment).to_string()
}

/// How far away an end is.
pub(crate) fn end_from(now: Timestamp, end: Timestamp) -> String {
    let seconds = end.micros_since(now) / 1_000_000;
    let (number, unit) = match seconds.unsigned_abs() {
        seconds if seconds >= 2 * 86_400 => (seconds / 86_400, "day"),
        seconds if seconds >= 2 * 3_600 => (seconds / 3_600, "hour"),
        seconds if seconds >= 120 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    let span = format!("{} {unit}{}", grouped(number), if number == 1 { "" } else { "s" });
    if end > now { format!("in {span}") } else { format!("expired {span} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_easy_to_read() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let clocks = [0.4, 61.0, 3_599.6, 90_061.0].map(|seconds| clock(Duration::from_secs_f64(seconds)));
        assert_eq!(clocks, ["0:00", "1:01", "1:00:00", "25:01:01"]);
        assert_eq!([0, 1, 2_000].map(sessions), ["0 sessions", "1 session", "2,000 sessions"]);
    }

    #[test]
    fn an_end_is_told_from_now() {
        let from_now = |seconds| end_from(Timestamp::UNIX_EPOCH, Timestamp::from_seconds(seconds).unwrap());
        assert_eq!(
            [1, 119, 120, 7_199].map(from_now),
            ["in 1 second", "in 119 seconds", "in 2 minutes", "in 119 minutes"]
        );
        assert_eq!([7_200, 1_209_600].map(from_now), ["in 2 hours", "in 14 days"]);
        assert_eq!([0, -86_400 * 3].map(from_now), ["expired 0 seconds ago", "expired 3 days ago"]);
    }
}
