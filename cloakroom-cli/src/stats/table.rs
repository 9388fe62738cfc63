//! A count for people.

use cloakroom::Counted;

use crate::numbers::grouped;

pub(super) fn table(counted: &Counted) -> String {
    let (bytes, ends) = (&counted.bytes, &counted.ends);
    let mut rows = vec![
        ("sessions", Some(counted.sessions), how(counted)),
        ("  live", Some(counted.live), share_of(counted.live, counted.sessions)),
        ("  expired", Some(counted.expired), share_of(counted.expired, counted.sessions)),
    ];
    if counted.unknown > 0 {
        rows.push(("  unknown", Some(counted.unknown), "cannot be read, or never end by themselves".to_owned()));
    }
    let seen = if counted.margin.is_some() { "of those looked at" } else { "" };
    rows.extend([
        ("bytes", Some(bytes.total), size(bytes.total)),
        ("  median", Some(bytes.median), String::new()),
        ("  95 % at most", Some(bytes.percentile_95), String::new()),
        ("  largest", Some(bytes.largest), seen.to_owned()),
        ("live sessions end", None, String::new()),
        ("  within an hour", Some(ends.hour), share_of(ends.hour, counted.live)),
        ("  within a day", Some(ends.day), share_of(ends.day, counted.live)),
        ("  within 7 days", Some(ends.week), share_of(ends.week, counted.live)),
        ("  within 30 days", Some(ends.month), share_of(ends.month, counted.live)),
        ("  later", Some(ends.later), share_of(ends.later, counted.live)),
    ]);
    let names = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    let numbers: Vec<_> = rows.iter().map(|(_, number, _)| number.map(grouped).unwrap_or_default()).collect();
    let width = numbers.iter().map(String::len).max().unwrap_or_default();
    let line = |((name, _, remark), number): (&(&str, _, String), &String)| {
        format!("{name:names$}  {number:>width$}  {remark}").trim_end().to_owned()
    };
    rows.iter().zip(&numbers).map(line).collect::<Vec<_>>().join("\n")
}

/// How the number came about.
fn how(counted: &Counted) -> String {
    let looked_at = grouped(counted.looked_at);
    match counted.margin {
        _ if !counted.complete => "interrupted: counted up to here".to_owned(),
        Some(margin) => format!("estimated from {looked_at} of them, give or take {:.1} %", margin * 100.0),
        None => "counted".to_owned(),
    }
}

fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { format!("{:.0} %", part as f64 * 100.0 / whole as f64) }
}

/// Bytes in a unit that people know.
fn size(bytes: u64) -> String {
    let (mut size, mut unit) = (bytes as f64, "");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1_024.0 {
            break;
        }
        size /= 1_024.0;
        unit = larger;
    }
    if unit.is_empty() { String::new() } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_each_other() {
        let mut counted = Counted::default();
        (counted.sessions, counted.live, counted.expired, counted.looked_at) = (1_204_000, 903_000, 301_000, 10_000);
        (counted.bytes.total, counted.complete, counted.margin) = (312_000_000, true, Some(0.02));
        let table = table(&counted);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "sessions             1,204,000  estimated from 10,000 of them, give or take 2.0 %");
        assert_eq!(lines[1], "  live                 903,000  75 %");
        assert_eq!(lines[3], "bytes              312,000,000  297.5 MiB");
        assert_eq!([0, 1_023, 1_024, 1 << 40].map(size), ["", "", "1.0 KiB", "1.0 TiB"]);
    }
}
