//! A Django site and the demo in one place and with one secret, and browsers that visit them by turns.

use std::sync::Arc;

use serde_json::Value;

use super::django::Django;
use super::place::{Place, pairs};
use super::{Browser, Demo};

/// Both sites.
pub(crate) struct Sites {
    pub(crate) place: Arc<Place>,
    pub(crate) django: Django,
    pub(crate) demo: Demo,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Django,
    Rust,
}

pub(crate) use Side::{Django as OnDjango, Rust as OnRust};

/// Each test runs with each side as the one that begins.
pub(crate) const BOTH_WAYS: [(Side, Side); 2] = [(OnDjango, OnRust), (OnRust, OnDjango)];

type Settings<'a> = &'a [(&'static str, &'a str)];

impl Sites {
    /// In a place, each with settings of its own.
    pub(crate) fn start(place: Arc<Place>, django: Settings<'_>, rust: Settings<'_>) -> Self {
        let folder = place.folder.path();
        let django = Django::start_version(place.django, folder, &pairs(&place.variables(django)));
        let demo = Demo::start(&pairs(&place.variables(rust)));
        Self { place, django: django.expect("Django is there"), demo }
    }

    /// In a new place of the same kind, with settings of their own.
    pub(crate) fn elsewhere(&self, django: Settings<'_>, rust: Settings<'_>) -> Self {
        let place = Place::new(self.place.engine, self.place.django).expect("what was there is there");
        place.migrate();
        Self::start(Arc::new(place), django, rust)
    }

    /// The same with a cache server of its own, which may be stopped.
    pub(crate) fn with_a_cache_alone(&self) -> Self {
        let place = Place::alone(self.place.engine, self.place.django).expect("what was there is there");
        place.migrate();
        Self::start(Arc::new(place), &[], &[])
    }

    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor { sites: self, browser: self.demo.browser() }
    }
}

/// A browser that visits both.
pub(crate) struct Visitor<'a> {
    pub(crate) sites: &'a Sites,
    pub(crate) browser: Browser,
}

impl Visitor<'_> {
    pub(crate) fn on(&mut self, side: Side) -> &mut Browser {
        let address = match side {
            OnDjango => &self.sites.django.address,
            OnRust => &self.sites.demo.address,
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

    /// The members once a site has found its servers again.
    pub(crate) fn data_soon(&mut self, side: Side) -> String {
        for _ in 0..50 {
            if self.on(side).get("/api/session").status == 200 {
                return self.data(side);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{side:?} does not recover");
    }

    pub(crate) fn key(&self) -> String {
        self.browser.key().unwrap_or_default().to_owned()
    }

    /// A browser with the same cookies at one of the sites, to be used at the same time.
    pub(crate) fn twin(&mut self, side: Side) -> Browser {
        let address = self.on(side).address.clone();
        Browser { address, cookies: self.browser.cookies.clone() }
    }
}
