use super::probe::{Checked, Probe, ensure, equal, fresh_name, text};
use crate::storage::{Expect, Insert, New, Replace, Storage};

pub(super) async fn marker<S: Storage>(probe: &Probe<S>) -> Checked {
    let absent = fresh_name();
    let (present, version) = probe.put_new(&text("session")).await?;
    for name in [&absent, &present] {
        let marker = text("marker");
        let new = New::of(marker.as_bytes(), probe.later());
        probe.storage.bury(name, new).await.map_err(|error| format!("bury failed: {error}"))?;
        let found = probe.read(name).await?.ok_or("a marker does not read")?;
        ensure(found.data == marker.as_bytes(), "a marker reads as something else")?;
        equal("an insert where a marker stands", &probe.insert(name, "back", probe.later()).await?, &Insert::Exists)?;
    }
    let late = probe.replace(&present, Expect::Version(&version), "late", probe.later()).await?;
    equal("a replace of what a marker has taken the place of", &late, &Replace::Changed)
}
