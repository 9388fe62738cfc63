//! Durations and moments in words.

use cloakroom::Timestamp;

const UNITS: [(u64, &str); 6] =
    [(31_536_000, "year"), (604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];

/// The two largest units of a number of seconds.
pub(super) fn duration(seconds: f64) -> String {
    let mut rest = seconds.abs() as u64;
    let mut words = Vec::new();
    for (length, unit) in UNITS {
        let count = rest / length;
        if count > 0 {
            words.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
            rest %= length;
        }
        // A second unit says something only right below the first: no "1 year, 3 seconds".
        if words.len() == 2 || (words.len() == 1 && count == 0) {
            break;
        }
    }
    if words.is_empty() { "less than a second".to_owned() } else { words.join(", ") }
}

/// Date and time to the second, in UTC.
pub(super) fn moment(moment: Timestamp) -> String {
    let iso = moment.to_string();
    let second = iso.get(..19).unwrap_or(&iso);
    format!("{} UTC", second.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, words) in [
            (0.5, "less than a second"),
            (1.0, "1 second"),
            (300.0, "5 minutes"),
            (90_061.0, "1 day, 1 hour"),
            (86_399.0, "23 hours, 59 minutes"),
            (86_403.0, "1 day"),
            (1_209_600.0, "2 weeks"),
            (-60.0, "1 minute"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn moments_leave_out_the_fraction() {
        let some = Timestamp::from_micros(1_831_700_317_500_000).expect("a moment");
        assert_eq!(moment(some), "2028-01-17 05:38:37 UTC");
    }
}
