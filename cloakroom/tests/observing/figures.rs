//! Counters and histograms, as a recorder of the application gets them.

use std::collections::BTreeMap;

use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Fault, Operation, SpyStorage};
use cloakroom::{Engine, SessionStore, Settings};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::engines::timeless;
use crate::visits::{self, visit};
use crate::{in_a_month, settings, stored};

/// What a recorder got meanwhile: by name and labels, the number of a counter, the values of a histogram.
fn recorded(work: impl Future<Output = ()>) -> BTreeMap<String, Vec<f64>> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(work));
    let figures = snapshotter.snapshot().into_vec().into_iter().map(|(key, unit, description, value)| {
        assert!(unit.is_some() && description.is_some(), "{key:?} is not described");
        let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let value = match value {
            DebugValue::Counter(count) => vec![count as f64],
            DebugValue::Histogram(values) => values.into_iter().map(f64::from).collect(),
            DebugValue::Gauge(_) => panic!("there are none"),
        };
        (format!("{} {}", key.key().name(), labels.join(" ")), value)
    });
    figures.collect()
}

#[test]
fn a_request_is_counted_timed_and_its_round_trips_are_those_of_the_storage() {
    let spy = SpyStorage::new(MemoryStorage::new());
    let asked = spy.clone();
    let figures = recorded(async move {
        let store = SessionStore::db(spy.clone(), settings()).unwrap();
        let key = stored(&store).await;
        visit(&store, Some(key.as_str()), visits::ok).await;
        visit(&store, Some(key.as_str()), visits::set).await;
        visit(&store, Some(key.as_str()), visits::flush).await;
        spy.fail_next(Operation::Read, Fault::NotDone);
        store.session(Some(&key)).load().await.unwrap_err();
        for shown in [key.as_str(), &key.short_hash()] {
            assert!(!shown.is_empty());
        }
    });
    let one = |name: &str| figures.get(name).unwrap_or_else(|| panic!("no {name} in {figures:#?}")).clone();
    let operation = |operation: &str, outcome: &str| {
        one(&format!("cloakroom_operations_total engine=db operation={operation} outcome={outcome}"))
    };
    assert_eq!(operation("save", "created"), [1.0]);
    assert_eq!(operation("load", "loaded"), [1.0]);
    assert_eq!(operation("save", "saved"), [1.0]);
    assert_eq!(operation("flush", "removed"), [1.0]);
    assert_eq!(operation("load", "error"), [1.0]);
    assert_eq!(one("cloakroom_sessions_created_total engine=db"), [1.0]);
    assert_eq!(one("cloakroom_sessions_loaded_total engine=db"), [1.0]);
    assert_eq!(one("cloakroom_sessions_ended_total engine=db reason=flushed"), [1.0]);
    let round_trips = |operation| one(&format!("cloakroom_operation_round_trips engine=db operation={operation}"));
    assert_eq!(
        (round_trips("load"), round_trips("save"), round_trips("flush")),
        (vec![1.0; 2], vec![1.0; 2], vec![1.0])
    );
    assert_eq!(asked.total(), 5);
    let times = one("cloakroom_operation_duration_seconds engine=db operation=load");
    assert!(times.len() == 2 && times.iter().all(|seconds| (0.0..10.0).contains(seconds)), "{times:?}");
    assert_eq!(figures.len(), 14, "{figures:#?}");
}

#[test]
fn conflicts_changes_of_key_and_clean_ups_are_counted() {
    let figures = recorded(async {
        let store = SessionStore::new(Engine::memory_in(timeless()), Settings::new()).unwrap();
        let key = stored(&store).await;
        stored(&store).await;
        let (one, other) = (store.session(Some(&key)), store.session(Some(&key)));
        one.aset("one", &1).await.unwrap();
        other.aset("other", &1).await.unwrap();
        one.asave().await.unwrap();
        other.asave().await.unwrap();
        other.acycle_key().await.unwrap();
        one.aset("one", &2).await.unwrap();
        one.asave().await.unwrap_err();
        let later = in_a_month(&store);
        later.session(other.session_key().as_ref()).load().await.unwrap();
        assert_eq!(later.clear_expired().await.unwrap(), 2);
    });
    let expected = [
        ("cloakroom_save_merges_total engine=memory", 1.0),
        ("cloakroom_session_keys_changed_total engine=memory", 1.0),
        ("cloakroom_sessions_cleared_total engine=memory", 2.0),
        ("cloakroom_sessions_created_total engine=memory", 2.0),
        ("cloakroom_sessions_ended_total engine=memory reason=expired", 1.0),
        ("cloakroom_sessions_ended_total engine=memory reason=interrupted", 1.0),
        ("cloakroom_operations_total engine=memory operation=clear_expired outcome=complete", 1.0),
        ("cloakroom_operations_total engine=memory operation=save outcome=missing", 1.0),
    ];
    for (name, count) in expected {
        assert_eq!(figures.get(name), Some(&vec![count]), "{name}: {figures:#?}");
    }
}

#[test]
fn no_label_shows_a_key_or_data_and_none_has_a_value_of_its_own_for_each_session() {
    let shown = std::sync::Mutex::new(Vec::new());
    let figures = recorded(async {
        let stores = [
            SessionStore::memory(settings()),
            SessionStore::signed_cookies(settings()),
            SessionStore::new(Engine::cached_db(timeless(), timeless()), settings()),
        ];
        for store in stores {
            let store = store.unwrap();
            for _ in 0..3 {
                let key = stored(&store).await;
                let session = store.session(Some(&key)).load().await.unwrap();
                session.acycle_key().await.unwrap();
                shown.lock().unwrap().extend([key.short_hash(), key.as_str().to_owned()]);
                session.aflush().await.unwrap();
            }
        }
    });
    let names = figures.keys().cloned().collect::<Vec<_>>().join("\n");
    assert!(names.contains("engine=cached_db") && names.contains("engine=signed_cookies"));
    for hidden in shown.into_inner().unwrap() {
        assert!(!names.contains(&hidden), "{hidden} in {names}");
    }
    assert!(!names.contains(crate::seen::DATA));
    assert!(figures.len() < 60, "{names}");
}
