use super::probe::{Checked, Probe, ensure, equal, fresh_name, text};
use crate::storage::{Expect, Remove, Rename, Replace, Storage, Touch};

pub(super) async fn replace<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, mut version) = probe.put_new(&text("first")).await?;
    for (round, kind) in ["the right version", "Present", "Anything"].into_iter().enumerate() {
        let before = version;
        let expect = [Expect::Version(&before), Expect::Present, Expect::Anything][round];
        let (data, expires) = (text("next"), probe.after(4_000 + round as i64));
        version = match probe.replace(&name, expect, &data, expires).await? {
            Replace::Replaced(version) => version,
            other => return Err(format!("a replace with {kind}: expected Replaced, found {other:?}")),
        };
        ensure(version != before, "a replace with other bytes left the version as it was")?;
        probe.holds(&format!("after a replace with {kind}"), &name, &data, expires, &version).await?;
    }
    Ok(())
}

pub(super) async fn replace_with_another_version<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, old) = probe.put_new(&text("first")).await?;
    let (_, others) = probe.put_new(&text("another entry")).await?;
    let data = text("second");
    let current = match probe.replace(&name, Expect::Version(&old), &data, probe.later()).await? {
        Replace::Replaced(version) => version,
        other => return Err(format!("a replace with the right version: expected Replaced, found {other:?}")),
    };
    for (which, version) in [("the version before", old), ("another entry's version", others)] {
        let answer = probe.replace(&name, Expect::Version(&version), &text("third"), probe.after(9_000)).await?;
        equal(&format!("a replace with {which}"), &answer, &Replace::Changed)?;
        probe.holds("after the refused replace", &name, &data, probe.later(), &current).await?;
    }
    Ok(())
}

pub(super) async fn replace_never_creates<S: Storage>(probe: &Probe<S>) -> Checked {
    let name = fresh_name();
    for expect in [Expect::Present, Expect::Anything] {
        let answer = probe.replace(&name, expect, &text("data"), probe.later()).await?;
        equal(&format!("a replace with {expect:?} where nothing is"), &answer, &Replace::Missing)?;
        probe.is_missing(&format!("after a replace with {expect:?}"), &name).await?;
    }
    Ok(())
}

pub(super) async fn touch<S: Storage>(probe: &Probe<S>) -> Checked {
    let data = text("data");
    let (name, version) = probe.put_new(&data).await?;
    let expectations = [Expect::Version(&version), Expect::Present, Expect::Anything];
    // Later and earlier, and a last one with the version from the start: a touch does not change it.
    for (seconds, expect) in [9_000, 1_800, 5_000].into_iter().zip(expectations) {
        let until = probe.after(seconds);
        equal(&format!("a touch with {expect:?}"), &probe.touch(&name, expect, until).await?, &Touch::Touched)?;
        probe.holds(&format!("after a touch with {expect:?}"), &name, &data, until, &version).await?;
    }
    let answer = probe.touch(&name, Expect::Version(&version), probe.after(6_000)).await?;
    equal("a touch with the version from before other touches", &answer, &Touch::Touched)?;
    let answer = probe.replace(&name, Expect::Version(&version), &text("new"), probe.later()).await?;
    ensure(matches!(answer, Replace::Replaced(_)), "a replace after touches is refused: they changed the version")
}

pub(super) async fn touch_with_another_version<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, old) = probe.put_new(&text("first")).await?;
    let data = text("second");
    let Replace::Replaced(current) = probe.replace(&name, Expect::Version(&old), &data, probe.later()).await? else {
        return Err("a replace with the right version was refused".to_owned());
    };
    let answer = probe.touch(&name, Expect::Version(&old), probe.after(9_000)).await?;
    equal("a touch with the version before", &answer, &Touch::Changed)?;
    probe.holds("after the refused touch", &name, &data, probe.later(), &current).await
}

pub(super) async fn remove<S: Storage>(probe: &Probe<S>) -> Checked {
    let (_, others) = probe.put_new(&text("another entry")).await?;
    for kind in 0..3 {
        let data = text("data");
        let (name, version) = probe.put_new(&data).await?;
        let answer = probe.remove(&name, Expect::Version(&others)).await?;
        equal("a remove with another version", &answer, &Remove::Changed)?;
        probe.holds("after the refused remove", &name, &data, probe.later(), &version).await?;

        let expect = [Expect::Version(&version), Expect::Present, Expect::Anything][kind];
        equal(&format!("a remove with {expect:?}"), &probe.remove(&name, expect).await?, &Remove::Removed)?;
        probe.is_missing(&format!("after a remove with {expect:?}"), &name).await?;
        equal("a second remove", &probe.remove(&name, expect).await?, &Remove::Missing)?;
    }
    Ok(())
}

pub(super) async fn removed_stays_removed<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, version) = probe.put_new(&text("data")).await?;
    equal("a remove", &probe.remove(&name, Expect::Version(&version)).await?, &Remove::Removed)?;
    let to = fresh_name();
    for expect in [Expect::Version(&version), Expect::Present, Expect::Anything] {
        let answer = probe.replace(&name, expect, &text("again"), probe.later()).await?;
        equal("a replace of what was removed", &answer, &Replace::Missing)?;
        equal("a touch of what was removed", &probe.touch(&name, expect, probe.later()).await?, &Touch::Missing)?;
        let answer = probe.rename(&name, &to, expect, &text("again")).await?;
        equal("a rename of what was removed", &answer, &Rename::Missing)?;
        probe.is_missing("after it was removed", &name).await?;
        probe.is_missing("after a rename of what was removed, the new name", &to).await?;
    }
    let data = text("a new life");
    let version = probe.put(&name, &data, probe.later()).await?;
    probe.holds("inserted again", &name, &data, probe.later(), &version).await
}

pub(super) async fn earlier_life<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, old) = probe.put_new(&text("first life")).await?;
    equal("a remove", &probe.remove(&name, Expect::Present).await?, &Remove::Removed)?;
    let data = text("second life");
    let version = probe.put(&name, &data, probe.later()).await?;
    let expect = Expect::Version(&old);
    let answer = probe.replace(&name, expect, &text("late"), probe.later()).await?;
    equal("a replace with the version of the first life", &answer, &Replace::Changed)?;
    equal("a touch with it", &probe.touch(&name, expect, probe.after(9_000)).await?, &Touch::Changed)?;
    equal("a remove with it", &probe.remove(&name, expect).await?, &Remove::Changed)?;
    probe.holds("after all was refused", &name, &data, probe.later(), &version).await
}
