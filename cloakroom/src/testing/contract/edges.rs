use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::probe::{Checked, Probe, ensure, equal, fresh_name, text};
use crate::storage::{Expect, Insert, New, Rename, Replace, Storage};

pub(super) async fn expired<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, data, past) = (fresh_name(), text("expired"), probe.after(-1_000));
    let version = probe.put(&name, &data, past).await?;
    let drops = probe.capabilities().drops_expired;
    let found = probe.read(&name).await?;
    if let Some(stored) = &found {
        ensure(stored.data == data.as_bytes() && stored.version == version, "an expired entry reads as another")?;
        probe.same_expiry("an expired entry", stored.expires, past)?;
    } else {
        ensure(drops, "an expired entry is gone, and drops_expired is not among the capabilities")?;
    }
    let (again, expires) = (text("again"), probe.later());
    match probe.insert(&name, &again, expires).await? {
        Insert::Exists => {
            ensure(found.is_some(), "a name is taken by an expired entry that does not read")?;
            probe.holds("after the refused insert", &name, &data, past, &version).await
        }
        Insert::Inserted(version) => {
            ensure(drops, "an insert took the name of an expired entry that is kept")?;
            probe.holds("inserted over an expired entry", &name, &again, expires, &version).await
        }
    }
}

pub(super) async fn bytes<S: Storage>(probe: &Probe<S>) -> Checked {
    let large = format!("{}{}", "x".repeat(probe.largest.saturating_sub(60)), text("large"));
    let odd = format!("'\"`\\ %_;-- \r\n\t{{\"a\": \"\\u00e9\"}} $1 ?1 :name {}", text("odd"));
    for data in ["", "x", odd.as_str(), "0", "1e3", "NULL", large.as_str()] {
        let name = fresh_name();
        let version = probe.put(&name, data, probe.later()).await?;
        probe.holds("inserted", &name, data, probe.later(), &version).await?;
        let next = text("next");
        let expect = Expect::Version(&version);
        let Replace::Replaced(version) = probe.replace(&name, expect, &next, probe.later()).await? else {
            return Err("a replace with the version of an odd entry was refused".to_owned());
        };
        let expect = Expect::Version(&version);
        let Replace::Replaced(version) = probe.replace(&name, expect, data, probe.later()).await? else {
            return Err("a replace by an odd entry was refused".to_owned());
        };
        probe.holds("replaced", &name, data, probe.later(), &version).await?;
    }
    Ok(())
}

pub(super) async fn names<S: Storage>(probe: &Probe<S>) -> Checked {
    let long = format!("{}{}", fresh_name(), "abcdefgh");
    equal("characters in the long name", &long.len(), &40)?;
    let short = &long[..39];
    let upper = long.to_ascii_uppercase();
    let data = text("long");
    let version = probe.put(&long, &data, probe.later()).await?;
    probe.is_missing("a name one character shorter", short).await?;
    // A storage may refuse capital letters with an error, or know nothing under them: it must not fold them.
    if let Ok(Some(_)) = probe.storage.read(&upper).await {
        return Err("an entry is found under its name in capital letters".to_owned());
    }
    let other = text("capitals");
    let new = New::of(other.as_bytes(), probe.later());
    match probe.storage.insert(&upper, new).await {
        Ok(Insert::Exists) => return Err("the name in capital letters is taken by the one in small ones".to_owned()),
        Ok(Insert::Inserted(version)) => {
            probe.holds("the entry in capital letters", &upper, &other, probe.later(), &version).await?;
        }
        Err(_) => {}
    }
    probe.holds("the entry of 40 characters", &long, &data, probe.later(), &version).await
}

/// Polls once and drops what is left, as a request does whose client went away.
async fn poll_once(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

pub(super) async fn dropped_future<S: Storage>(probe: &Probe<S>) -> Checked {
    let storage = &*probe.storage;
    for round in 0..20 {
        let (old, new) = (text("old"), text("new"));
        let (name, _) = probe.put_new(&old).await?;
        let (until, inserted, to) = (probe.after(8_000 + round), fresh_name(), fresh_name());
        let change = New::of(new.as_bytes(), until);
        poll_once(storage.replace(&name, Expect::Present, change)).await;
        poll_once(storage.insert(&inserted, change)).await;

        match probe.read(&name).await? {
            Some(stored) if stored.data == old.as_bytes() => {
                probe.same_expiry("not replaced", stored.expires, probe.later())?;
            }
            Some(stored) if stored.data == new.as_bytes() => probe.same_expiry("replaced", stored.expires, until)?,
            _ => return Err("after a dropped replace, neither the old bytes nor the new ones are there".to_owned()),
        }
        if let Some(stored) = probe.read(&inserted).await? {
            ensure(stored.data == new.as_bytes(), "a dropped insert left other bytes")?;
            probe.same_expiry("a dropped insert", stored.expires, until)?;
        }
        if probe.capabilities().atomic_rename {
            poll_once(storage.rename(&name, &to, Expect::Present, change)).await;
            // Whoever comes next finds the entry under exactly one of the names.
            let answer = probe.rename(&name, &to, Expect::Present, &text("next")).await?;
            ensure(answer != Rename::Changed, "a rename with Present answered Changed")?;
            probe.is_missing("after two renames, the old name", &name).await?;
            ensure(probe.read(&to).await?.is_some(), "after two renames, nothing is under the new name")?;
        }
    }
    Ok(())
}
