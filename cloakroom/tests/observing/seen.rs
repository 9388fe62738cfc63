//! Spans and log lines, caught as they come: those of a test are those of its thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// What a session holds, to be looked for in everything that is shown.
pub const DATA: &str = "Lovelace";

thread_local! {
    static SPANS: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
    static SHOWN: RefCell<String> = const { RefCell::new(String::new()) };
    static LINES: RefCell<Vec<(String, Option<&'static str>)>> = const { RefCell::new(Vec::new()) };
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Seen {
    pub name: &'static str,
    pub target: &'static str,
    pub level: Level,
    pub parent: Option<&'static str>,
    pub fields: BTreeMap<&'static str, String>,
}

impl Seen {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// "session.load loaded"
    pub fn brief(&self) -> String {
        format!("{} {}", self.name, self.field("outcome"))
    }

    pub fn round_trips(&self) -> usize {
        self.field("round_trips").parse().unwrap()
    }
}

/// From here on spans of this thread are caught.
pub fn look() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Catch)).unwrap();
    });
    take();
}

/// The spans that have ended since the last time.
pub fn take() -> Vec<Seen> {
    SPANS.take()
}

/// The same, but for others' spans, in brief.
pub fn briefly() -> Vec<String> {
    take().iter().filter(|seen| seen.target == "cloakroom").map(Seen::brief).collect()
}

/// Everything that was shown so far: spans, fields, log lines.
pub fn shown() -> String {
    SHOWN.with_borrow(Clone::clone)
}

/// The log lines since the last time, each with the name of the span it is in.
pub fn take_lines() -> Vec<(String, Option<&'static str>)> {
    LINES.take()
}

#[derive(Clone, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

struct Catch;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Catch {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        values.record(context.span(id).unwrap().extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = format!("{fields:?}", fields = fields.0);
        SHOWN.with_borrow_mut(|shown| writeln!(shown, "{line}").unwrap());
        LINES.with_borrow_mut(|lines| lines.push((line, context.lookup_current().map(|span| span.name()))));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let Fields(fields) = span.extensions().get::<Fields>().cloned().unwrap();
        let (metadata, parent) = (span.metadata(), span.parent().map(|parent| parent.name()));
        let (name, target, level) = (metadata.name(), metadata.target(), *metadata.level());
        let seen = Seen { name, target, level, parent, fields };
        // A thread that ends has nobody to tell.
        let _ = SHOWN.try_with(|shown| writeln!(shown.borrow_mut(), "{seen:?}"));
        let _ = SPANS.try_with(|spans| spans.borrow_mut().push(seen));
    }
}
