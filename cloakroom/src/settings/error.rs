use std::borrow::Cow;

use thiserror::Error;

use super::SettingSource;

/// A setting that cannot be used: which, with what value (never a secret), where it was set, why it is
/// refused, and what to do.
///
/// ```
/// use cloakroom::Settings;
///
/// let read = Settings::new().with_variables(|name| (name == "USE_TZ").then(|| "perhaps".into()));
/// let error = read.unwrap_err();
/// assert_eq!((error.setting(), error.value()), ("USE_TZ", Some("perhaps")));
/// assert_eq!(error.source_of_value().to_string(), "environment variable USE_TZ");
/// assert_eq!((error.problem(), error.remedy()), ("is neither true nor false", "use True or False"));
/// assert_eq!(
///     error.to_string(),
///     "USE_TZ = \"perhaps\" (environment variable USE_TZ): is neither true nor false; use True or False"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{}: {}; {}", self.0.setting, self.details(), self.0.problem, self.0.remedy)]
// Behind a pointer, so that results are small.
pub struct SettingsError(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    setting: Cow<'static, str>,
    value: Option<String>,
    source_of_value: SettingSource,
    problem: String,
    remedy: String,
}

impl SettingsError {
    pub(crate) fn new(
        setting: impl Into<Cow<'static, str>>,
        value: Option<&str>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            setting: setting.into(),
            value: value.map(str::to_owned),
            source_of_value: SettingSource::Default,
            problem: problem.into(),
            remedy: remedy.into(),
        }))
    }

    /// The same error of a value that came from `source`, unless it says already where it came from.
    pub(crate) fn at_source(mut self, source: &SettingSource) -> Self {
        if self.0.source_of_value == SettingSource::Default {
            self.0.source_of_value = source.clone();
        }
        self
    }

    /// The same error about a setting of another name: several are read by one rule.
    pub(crate) fn about(mut self, setting: impl Into<Cow<'static, str>>) -> Self {
        self.0.setting = setting.into();
        self
    }

    /// The value, if it may be shown, and where it came from.
    fn details(&self) -> String {
        let value = self.0.value.as_ref().map(|value| format!(" = {value:?}")).unwrap_or_default();
        match self.0.source_of_value {
            SettingSource::Default => value,
            ref source => format!("{value} ({source})"),
        }
    }

    /// The setting's name, as in Django. A member of `DATABASES` or `CACHES` has its alias behind a dot.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.0.setting
    }

    /// The value, unless it is or may hold a secret.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// Where the refused value came from; [`SettingSource::Default`] where there is none, or nobody knows.
    #[must_use]
    pub fn source_of_value(&self) -> &SettingSource {
        &self.0.source_of_value
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.0.problem
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.0.remedy
    }
}
