//! A Django site and the demo on one database and one secret, and a browser that visits them by turns.

use serde_json::Value;
use tempfile::TempDir;

use super::django::{Django, manage};
use super::{Browser, Demo};

pub(crate) const SECRET: &str = "sh4red$ecret#between(both)=sites&more-than-fifty-characters";

/// What both sites read from their environment.
pub(crate) fn shared(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut variables = vec![
        ("SECRET_KEY", SECRET),
        ("DATABASE_URL", "sqlite:///shared.sqlite3"),
        ("SESSION_COOKIE_NAME", "shared_sessionid"),
        ("DEMO_TEST_ROUTES", "1"),
    ];
    variables.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    variables.extend_from_slice(more);
    variables
}

/// Both sites, and a browser that visits them by turns.
pub(crate) struct Sites {
    pub(crate) django: Django,
    pub(crate) demo: Demo,
    pub(crate) browser: Browser,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Django,
    Rust,
}

pub(crate) use Side::{Django as OnDjango, Rust as OnRust};

/// Each test runs with each side as the one that begins.
pub(crate) const BOTH_WAYS: [(Side, Side); 2] = [(OnDjango, OnRust), (OnRust, OnDjango)];

impl Sites {
    pub(crate) fn start(more: &[(&'static str, &'static str)]) -> Option<Self> {
        Self::start_apart(more, more)
    }

    /// With settings of their own.
    pub(crate) fn start_apart(
        django: &[(&'static str, &'static str)],
        rust: &[(&'static str, &'static str)],
    ) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        manage(folder.path(), &shared(django), &["migrate", "--verbosity", "0"])?;
        Self::start_in(folder, django, rust)
    }

    pub(crate) fn start_in(
        folder: TempDir,
        django: &[(&'static str, &'static str)],
        rust: &[(&'static str, &'static str)],
    ) -> Option<Self> {
        let django = Django::start(folder.path(), &shared(django))?;
        let demo = Demo::start_in(folder, &shared(rust));
        let browser = demo.browser();
        Some(Self { django, demo, browser })
    }

    pub(crate) fn on(&mut self, side: Side) -> &mut Browser {
        let address = match side {
            OnDjango => &self.django.address,
            OnRust => &self.demo.address,
        };
        self.browser.address.clone_from(address);
        &mut self.browser
    }

    pub(crate) fn send(&mut self, side: Side, method: &str, path: &str, body: &str) -> Value {
        let answer = self.on(side).send(method, path, &[("Content-Type", "application/json")], body);
        assert_eq!(answer.status, 200, "{method} {path} on {side:?}: {}", answer.body);
        answer.json()
    }

    /// The members as JSON text, to the letter.
    pub(crate) fn data(&mut self, side: Side) -> String {
        let answer = self.on(side).get("/api/session");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let text = answer.body.replace(": ", ":").replace(", ", ",");
        let start = text.find("\"data\":").expect("the data") + 7;
        let end = text.find(",\"accessed\"").expect("the flags");
        text[start..end].to_owned()
    }

    pub(crate) fn key(&self) -> String {
        self.browser.key().unwrap_or_default().to_owned()
    }
}
