use std::collections::HashSet;

use super::probe::{Checked, Probe, ensure, equal, text};
use crate::storage::{Storage, StorageError, Version};

pub(super) async fn cover_every_entry_once<S: Storage>(probe: &Probe<S>) -> Checked {
    if !probe.capabilities().scan {
        return match probe.storage.scan(None, 10).await {
            Err(StorageError::Unsupported(_)) => Ok(()),
            _ => Err("scan is not among the capabilities, and it did not answer Unsupported".to_owned()),
        };
    }
    let mut expected = Vec::new();
    for size in 0..7 {
        let data = text(&"x".repeat(size * 10));
        let (name, version) = probe.put_new(&data).await?;
        expected.push((name, data.len() as u64, version));
    }
    for limit in [1, 3, 7, 100] {
        let mut found: Vec<(String, u64, Version)> = Vec::new();
        let mut seen = HashSet::new();
        let mut after = None;
        // A page may hold fewer than asked for, or none; there is an end all the same.
        for _ in 0..1_000 {
            let page = match probe.storage.scan(after.as_ref(), limit).await {
                Ok(page) => page,
                Err(error) => return Err(format!("scan failed: {error}")),
            };
            for entry in page.entries {
                ensure(seen.insert(entry.name.clone()), "an entry is on two pages")?;
                if expected.iter().any(|(name, ..)| *name == entry.name) {
                    probe.same_expiry("an entry of a page", entry.expires, probe.later())?;
                    found.push((entry.name, entry.bytes, entry.version));
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        ensure(after.is_none(), "the pages do not end")?;
        equal(&format!("entries on pages of {limit}"), &found.len(), &expected.len())?;
        for (name, bytes, version) in &found {
            let same = expected.iter().any(|(n, b, v)| n == name && b == bytes && v == version);
            ensure(same, "an entry of a page has another size or version than the entry")?;
        }
    }
    Ok(())
}

pub(super) async fn remove_expired<S: Storage>(probe: &Probe<S>) -> Checked {
    // All of them are live by the clock: only the moment given counts.
    let limit_of_time = probe.after(5_000);
    let mut names = Vec::new();
    for seconds in [3_600, 4_000, 4_990, 5_000, 5_010, 9_000] {
        let name = super::probe::fresh_name();
        let version = probe.put(&name, &text("data"), probe.after(seconds)).await?;
        names.push((seconds, name, version));
    }
    let mut removed = 0;
    loop {
        let now = match probe.storage.remove_expired(limit_of_time, 2).await {
            Ok(now) => now,
            Err(error) => return Err(format!("remove_expired failed: {error}")),
        };
        removed += now;
        ensure(now <= 1_000 && removed <= 1_000, "remove_expired never comes to an end")?;
        if now < 2 {
            break;
        }
    }
    let capabilities = probe.capabilities();
    let mut gone = 0;
    for (seconds, name, version) in &names {
        let there = probe.read(name).await?;
        ensure(there.is_some() || *seconds < 5_000, "an entry that had not expired was removed")?;
        match there {
            Some(stored) => ensure(stored.version == *version, "clearing changed a version")?,
            None => gone += 1,
        }
    }
    if capabilities.scan && !capabilities.drops_expired && probe.knows_expiry {
        equal("entries that had expired and were removed", &gone, &3)?;
    }
    // On a shared database, entries of others may have gone too.
    ensure(removed >= gone, "remove_expired says less than it removed")?;
    if gone == 0 {
        equal("entries said to be removed where none was", &removed, &0)?;
    }
    Ok(())
}
