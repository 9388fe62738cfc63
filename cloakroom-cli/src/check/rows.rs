//! What the stored sessions tell about the settings.

use cloakroom::storage::{Storage, StorageError};
use cloakroom::wire::signing::{DecodeError, TimestampSigner};
use cloakroom::wire::stored;
use cloakroom::{SessionData, Settings, Timestamp};

use crate::report::Report;

/// How many sessions are looked at. Keys are random, so the first ones are as good as any.
const SAMPLE: usize = 50;
/// The signature tells its second only, and the expiry is reckoned a moment before or after it.
const TOLERANCE: i64 = 5;
const QUARTER: i64 = 15 * 60;
/// No two time zones are further apart.
const FURTHEST: i64 = 26 * 60 * 60;

pub(super) struct Sample {
    rows: Vec<Row>,
    damaged: usize,
    more: bool,
}

struct Row {
    data: Vec<u8>,
    expires: Option<Timestamp>,
}

/// Reads some of the stored sessions.
pub(super) async fn sample(storage: &impl Storage) -> Result<Sample, StorageError> {
    let page = storage.scan(None, SAMPLE).await?;
    let mut sample = Sample { rows: Vec::new(), damaged: 0, more: page.next.is_some() };
    for entry in page.entries {
        match storage.read(&entry.name).await {
            Ok(Some(stored)) => sample.rows.push(Row { data: stored.data.to_vec(), expires: stored.expires }),
            Ok(None) => {}
            Err(StorageError::Damaged(_)) => sample.damaged += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(sample)
}

pub(super) fn judge(report: &mut Report, settings: &Settings, sample: &Sample) {
    if sample.damaged > 0 {
        let message = format!("{} hold no text or no readable expire_date", count(sample.damaged));
        report.warning("rows", message, "something else than Django or cloakroom wrote them; delete them");
    }
    if sample.rows.is_empty() {
        report.ok("rows", "no session is stored yet, so nothing says whether SECRET_KEY fits");
        return;
    }
    let now = Timestamp::now();
    let expired = sample.rows.iter().filter(|row| row.expires.is_some_and(|expires| expires <= now)).count();
    let which = if sample.more { "looked at, of more" } else { "stored" };
    let ended = if settings.engine_name().uses_database() { format!(", {expired} expired") } else { String::new() };
    report.ok("rows", format!("{} {which}{ended}", count(sample.rows.len())));

    // Without a secret there is nothing to verify with, and that was said already.
    if let Ok((primary, fallbacks)) = settings.signing_keys(settings.salt()) {
        let signer = TimestampSigner::new(&primary, &fallbacks);
        signatures(report, &sample.rows, &signer);
        // A file does not say when it ends.
        if settings.engine_name().uses_database() {
            expiry(report, settings, &sample.rows, &signer);
        }
    }
}

/// Which secret verifies the rows.
fn signatures(report: &mut Report, rows: &[Row], signer: &TimestampSigner) {
    let (mut primary, mut fallbacks, mut none, mut unreadable) = (0, Vec::new(), 0, 0);
    for row in rows {
        match stored::decode(&row.data, signer) {
            Ok(decoded) if SessionData::from_json(&*decoded.json).is_err() => unreadable += 1,
            Ok(decoded) if decoded.key == 0 => primary += 1,
            Ok(decoded) => fallbacks.push(decoded.key),
            Err(DecodeError::BadSignature) => none += 1,
            Err(_) => unreadable += 1,
        }
    }
    if unreadable > 0 {
        let message = format!("{} signed with this secret are no JSON objects", count(unreadable));
        report.warning("serializer", message, "SESSION_SERIALIZER of the Django site must be the JSONSerializer");
    }
    let verified = primary + fallbacks.len() + unreadable;
    if none > 0 && verified == 0 {
        report.error(
            "signature",
            "SECRET_KEY is not the one these sessions were signed with, nor is one of the SECRET_KEY_FALLBACKS",
            "set SECRET_KEY to the secret of the Django site",
        );
    } else if none > 0 {
        let message = format!("{} of {} were signed with a secret that is not known here", none, rows.len());
        report.warning("signature", message, "the secret was changed, or two sites with different secrets share this table; add the old one to SECRET_KEY_FALLBACKS");
    } else if fallbacks.is_empty() {
        report.ok("signature", "SECRET_KEY verifies the stored sessions");
    } else {
        fallbacks.sort_unstable();
        fallbacks.dedup();
        let numbers: Vec<_> = fallbacks.iter().map(usize::to_string).collect();
        let by = format!("fallback {} of SECRET_KEY_FALLBACKS", numbers.join(", "));
        let primary = if primary > 0 { "SECRET_KEY and " } else { "not SECRET_KEY, but " };
        report.ok("signature", format!("{primary}{by} verify the stored sessions"));
    }
}

/// Whether sessions end as long after their signing as SESSION_COOKIE_AGE says.
fn expiry(report: &mut Report, settings: &Settings, rows: &[Row], signer: &TimestampSigner) {
    let kept = if settings.uses_tz() {
        "in UTC (USE_TZ)".to_owned()
    } else {
        format!("in local time of {} (no USE_TZ)", settings.time_zone_name())
    };
    let shifts: Vec<i64> = rows.iter().filter_map(|row| shift(row, settings, signer)).collect();
    let Some(first) = shifts.first().copied() else {
        report.ok("expire_date", format!("kept {kept}; no stored session has the default expiry to compare"));
        return;
    };
    let near = |shift: i64, to: i64| (shift - to).abs() <= TOLERANCE;
    // A session that was only touched lives on without a new signature: one that fits says enough, and one or two
    // that live longer say little.
    if shifts.iter().any(|shift| near(*shift, 0)) {
        report.ok("expire_date", format!("kept {kept}, and within SESSION_COOKIE_AGE of the signing"));
        return;
    }
    let by_a_zone = |shift: i64| {
        let quarters = (shift as f64 / QUARTER as f64).round() as i64;
        near(shift, quarters * QUARTER) && shift.abs() <= FURTHEST
    };
    if shifts.iter().all(|shift| by_a_zone(*shift)) {
        let message = format!("is read {} than SESSION_COOKIE_AGE puts it (kept {kept} here)", hours(first));
        report.warning("expire_date", message, "give both sites the same USE_TZ, TIME_ZONE and SESSION_COOKIE_AGE");
    } else if shifts.iter().all(|shift| near(*shift, first)) && (first < 0 || shifts.len() > 2) {
        let age = settings.cookie_age() + first as f64;
        let message =
            format!("these sessions live for {age:.0} s, and SESSION_COOKIE_AGE is {}", settings.cookie_age());
        report.warning("expire_date", message, "give both sites the same SESSION_COOKIE_AGE");
    } else {
        report.ok("expire_date", format!("kept {kept}"));
    }
}

/// How many seconds off a session's expiry is; `None` where it has one of its own or does not verify.
fn shift(row: &Row, settings: &Settings, signer: &TimestampSigner) -> Option<i64> {
    let decoded = stored::decode(&row.data, signer).ok()?;
    let data = SessionData::from_json(decoded.json).ok()?;
    if data.contains("_session_expiry") {
        return None;
    }
    let lived = row.expires?.as_seconds().checked_sub(i64::try_from(decoded.signed_at).ok()?)?;
    Some(lived - settings.cookie_age() as i64)
}

/// `3 hours later`, for people.
pub(crate) fn hours(seconds: i64) -> String {
    let direction = if seconds < 0 { "earlier" } else { "later" };
    let quarters = (seconds.abs() + QUARTER / 2) / QUARTER;
    let hours = quarters as f64 / 4.0;
    format!("{hours} hour{} {direction}", if quarters == 4 { "" } else { "s" })
}

fn count(rows: usize) -> String {
    format!("{rows} session{}", if rows == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn shifts_are_told_in_hours() {
        assert_eq!(hours(3_600), "1 hour later");
        assert_eq!(hours(-20_698), "5.75 hours earlier");
    }
}
