use thiserror::Error;

/// A setting that cannot be used: which, with what value (never a secret), why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}{}: {problem}; {remedy}", self.shown_value())]
pub struct SettingsError {
    setting: &'static str,
    value: Option<String>,
    problem: String,
    remedy: String,
}

impl SettingsError {
    pub(crate) fn new(
        setting: &'static str,
        value: Option<&str>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { setting, value: value.map(str::to_owned), problem: problem.into(), remedy: remedy.into() }
    }

    fn shown_value(&self) -> String {
        self.value.as_ref().map(|value| format!(" = {value:?}")).unwrap_or_default()
    }

    /// The setting's name, as in Django.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}
