use super::probe::{Checked, Probe, ensure, equal, fresh_name, text};
use crate::storage::{Expect, Rename, Replace, Storage};

pub(super) async fn moves<S: Storage>(probe: &Probe<S>) -> Checked {
    for kind in 0..3 {
        let (from, version) = probe.put_new(&text("old")).await?;
        probe.touch(&from, Expect::Present, probe.after(9_000)).await.map(drop)?;
        let expect = [Expect::Version(&version), Expect::Present, Expect::Anything][kind];
        let (to, data) = (fresh_name(), text("new"));
        let renamed = match probe.rename(&from, &to, expect, &data).await? {
            Rename::Renamed(version) => version,
            other => return Err(format!("a rename with {expect:?}: expected Renamed, found {other:?}")),
        };
        ensure(renamed != version, "a rename with other bytes left the version as it was")?;
        probe.holds("after a rename, the new name", &to, &data, probe.later(), &renamed).await?;
        probe.is_missing("after a rename, the old name", &from).await?;
        let answer = probe.replace(&to, Expect::Version(&renamed), &text("next"), probe.later()).await?;
        ensure(
            matches!(answer, Replace::Replaced(_)),
            "a replace with the version that the rename answered is refused",
        )?;
    }
    Ok(())
}

pub(super) async fn refused<S: Storage>(probe: &Probe<S>) -> Checked {
    let (first, second) = (text("first"), text("second"));
    let (from, version) = probe.put_new(&first).await?;
    let (taken, others) = probe.put_new(&second).await?;

    for expect in [Expect::Version(&version), Expect::Present, Expect::Anything] {
        let answer = probe.rename(&from, &taken, expect, &text("new")).await?;
        equal("a rename to a taken name", &answer, &Rename::Exists)?;
        probe.holds("after a rename to a taken name, the old entry", &from, &first, probe.later(), &version).await?;
        probe.holds("after a rename to a taken name, the other", &taken, &second, probe.later(), &others).await?;
    }

    let free = fresh_name();
    let answer = probe.rename(&from, &free, Expect::Version(&others), &text("new")).await?;
    equal("a rename with another version", &answer, &Rename::Changed)?;
    probe.holds("after a rename with another version", &from, &first, probe.later(), &version).await?;
    probe.is_missing("after a rename with another version, the new name", &free).await?;

    let answer = probe.rename(&fresh_name(), &free, Expect::Present, &text("new")).await?;
    equal("a rename of nothing", &answer, &Rename::Missing)?;
    probe.is_missing("after a rename of nothing, the new name", &free).await
}

pub(super) async fn to_itself<S: Storage>(probe: &Probe<S>) -> Checked {
    let data = text("data");
    let (name, version) = probe.put_new(&data).await?;
    for expect in [Expect::Version(&version), Expect::Present, Expect::Anything] {
        let answer = probe.rename(&name, &name, expect, &text("new")).await?;
        equal("a rename of an entry to its own name", &answer, &Rename::Exists)?;
        probe.holds("after a rename to the same name", &name, &data, probe.later(), &version).await?;
    }
    let name = fresh_name();
    let answer = probe.rename(&name, &name, Expect::Anything, &text("new")).await?;
    equal("a rename of nothing to its own name", &answer, &Rename::Missing)?;
    probe.is_missing("after a rename of nothing to its own name", &name).await
}
