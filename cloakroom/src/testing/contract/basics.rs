use super::probe::{Checked, Probe, ensure, equal, fresh_name, text};
use crate::storage::{Expect, Insert, Remove, Rename, Replace, Storage, Touch};

pub(super) async fn unknown_name<S: Storage>(probe: &Probe<S>) -> Checked {
    let (name, other) = (fresh_name(), fresh_name());
    let (_, version) = probe.put_new(&text("another")).await?;
    probe.is_missing("before anything was written", &name).await?;
    for expect in [Expect::Version(&version), Expect::Present, Expect::Anything] {
        let when = format!("with {expect:?}");
        let answer = probe.replace(&name, expect, &text("data"), probe.later()).await?;
        equal(&format!("a replace {when}"), &answer, &Replace::Missing)?;
        equal(&format!("a touch {when}"), &probe.touch(&name, expect, probe.later()).await?, &Touch::Missing)?;
        equal(&format!("a remove {when}"), &probe.remove(&name, expect).await?, &Remove::Missing)?;
        let answer = probe.rename(&name, &other, expect, &text("data")).await?;
        equal(&format!("a rename {when}"), &answer, &Rename::Missing)?;
    }
    probe.is_missing("after all was refused", &name).await?;
    probe.is_missing("after a rename was refused, the new name", &other).await
}

pub(super) async fn insert_then_read<S: Storage>(probe: &Probe<S>) -> Checked {
    let (first, second) = (fresh_name(), fresh_name());
    let (one, two) = (text("one"), text("two"));
    let v1 = probe.put(&first, &one, probe.later()).await?;
    let v2 = probe.put(&second, &two, probe.after(7_200)).await?;
    ensure(v1 != v2, "two entries with different bytes have one version")?;
    probe.holds("the first entry", &first, &one, probe.later(), &v1).await?;
    probe.holds("the second entry", &second, &two, probe.after(7_200), &v2).await?;
    probe.holds("the first entry, read again", &first, &one, probe.later(), &v1).await
}

pub(super) async fn insert_on_taken_name<S: Storage>(probe: &Probe<S>) -> Checked {
    let data = text("first");
    let (name, version) = probe.put_new(&data).await?;
    let answer = probe.insert(&name, &text("second"), probe.after(7_200)).await?;
    equal("an insert under a taken name", &answer, &Insert::Exists)?;
    probe.holds("after the refused insert", &name, &data, probe.later(), &version).await
}
