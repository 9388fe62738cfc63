//! Limits of time beside the idle one: none of them is in Django.

use super::given::{Given, Place};
use super::{EntryValue, Settings, SettingsError};

/// A century, in seconds: far below where dates overflow.
const LONGEST_AGE: f64 = 3_155_760_000.0;
/// An hour, in seconds. A key that is to be dead is alive so long at most.
const LONGEST_GRACE: f64 = 3_600.0;

/// `SESSION_ABSOLUTE_AGE`, `SESSION_TOUCH_THRESHOLD`, `SESSION_CYCLE_KEY_GRACE`.
#[derive(Clone, Debug)]
pub(super) struct LimitSettings {
    /// In seconds; `None` for no limit.
    pub(super) absolute_age: Option<f64>,
    /// A share of the life.
    pub(super) touch_threshold: f64,
    /// In seconds; 0 for none.
    pub(super) cycle_key_grace: f64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { absolute_age: None, touch_threshold: 1.0, cycle_key_grace: 0.0 }
    }
}

impl LimitSettings {
    pub(super) fn assign_absolute_age(&mut self, given: Given, at: &Place) -> Result<(), SettingsError> {
        self.absolute_age = match given {
            Given::Plain(text) | Given::Text(text) if text.is_empty() || text == "None" => None,
            given => Some(given.number(at)?),
        };
        Ok(())
    }

    pub(super) fn entries(&self) -> [(&'static str, EntryValue); 3] {
        [
            ("SESSION_ABSOLUTE_AGE", self.absolute_age.map_or(EntryValue::None, EntryValue::Number)),
            ("SESSION_TOUCH_THRESHOLD", EntryValue::Number(self.touch_threshold)),
            ("SESSION_CYCLE_KEY_GRACE", EntryValue::Number(self.cycle_key_grace)),
        ]
    }

    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        if let Some(age) = self.absolute_age
            && !(age > 0.0 && age <= LONGEST_AGE)
        {
            return Err(SettingsError::new(
                "SESSION_ABSOLUTE_AGE",
                Some(&age.to_string()),
                "is not a lifetime in seconds",
                "use a number above 0 and up to 3155760000, such as 43200 for twelve hours, or leave it out",
            ));
        }
        let threshold = self.touch_threshold;
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(SettingsError::new(
                "SESSION_TOUCH_THRESHOLD",
                Some(&threshold.to_string()),
                "is not a share of the life",
                "use a number above 0 and up to 1, such as 0.9",
            ));
        }
        let grace = self.cycle_key_grace;
        if !(0.0..=LONGEST_GRACE).contains(&grace) {
            return Err(SettingsError::new(
                "SESSION_CYCLE_KEY_GRACE",
                Some(&grace.to_string()),
                "is not a grace time in seconds",
                "use a number from 0 to 3600, such as 10",
            ));
        }
        Ok(())
    }
}

/// Limits of time that Django does not have; `docs/limits.md` says what each is good for.
///
/// ```
/// use cloakroom::Settings;
///
/// let settings = Settings::new()
///     .session_absolute_age(12.0 * 3_600.0)
///     .session_save_every_request(true)
///     .session_touch_threshold(0.9)
///     .session_cycle_key_grace(10);
/// settings.validate()?;
/// assert_eq!(settings.absolute_age(), Some(43_200.0));
/// assert_eq!((settings.touch_threshold(), settings.cycle_key_grace()), (0.9, 10.0));
/// assert_eq!(settings.session_touch_threshold(0).validate().unwrap_err().setting(), "SESSION_TOUCH_THRESHOLD");
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
impl Settings {
    /// `SESSION_ABSOLUTE_AGE`: how long a session lives at most, in seconds, however often it is used (ASVS 7.3.2).
    /// `None`, which it is unless set, for no limit. Counted from when cloakroom first sees the session, and from each
    /// login anew.
    pub fn session_absolute_age(mut self, seconds: impl Into<Option<f64>>) -> Self {
        self.limits.absolute_age = seconds.into();
        self.in_code("SESSION_ABSOLUTE_AGE")
    }

    /// `SESSION_TOUCH_THRESHOLD`: under `SESSION_SAVE_EVERY_REQUEST`, an unchanged session is saved again only when no
    /// more than this share of its life is left. 1 unless set: at every request, as in Django.
    pub fn session_touch_threshold(mut self, share: impl Into<f64>) -> Self {
        self.limits.touch_threshold = share.into();
        self.in_code("SESSION_TOUCH_THRESHOLD")
    }

    /// `SESSION_CYCLE_KEY_GRACE`: for so many seconds after a change of key, a late request with the old key is served.
    /// 0 unless set: the old key is dead at once. 3,600 at most.
    pub fn session_cycle_key_grace(mut self, seconds: impl Into<f64>) -> Self {
        self.limits.cycle_key_grace = seconds.into();
        self.in_code("SESSION_CYCLE_KEY_GRACE")
    }

    /// How long a session lives at most, in seconds; `None` for no limit.
    #[must_use]
    pub fn absolute_age(&self) -> Option<f64> {
        self.limits.absolute_age
    }

    /// The share of its life below which an unchanged session is saved again.
    #[must_use]
    pub fn touch_threshold(&self) -> f64 {
        self.limits.touch_threshold
    }

    /// How long an old key is served after a change of key, in seconds.
    #[must_use]
    pub fn cycle_key_grace(&self) -> f64 {
        self.limits.cycle_key_grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let refused = |settings: Settings| settings.validate().unwrap_err().setting().to_owned();
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(refused(Settings::new().session_absolute_age(bad)), "SESSION_ABSOLUTE_AGE", "{bad}");
        }
        for bad in [0.0, -0.5, 1.01, f64::NAN] {
            assert_eq!(refused(Settings::new().session_touch_threshold(bad)), "SESSION_TOUCH_THRESHOLD", "{bad}");
        }
        for bad in [-1.0, 3_601.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(Settings::new().session_cycle_key_grace(bad)), "SESSION_CYCLE_KEY_GRACE", "{bad}");
        }
    }

    #[test]
    fn they_come_from_variables() {
        let settings = Settings::new()
            .with_variables(|name| match name {
                "SESSION_ABSOLUTE_AGE" => Some("43200".into()),
                "SESSION_TOUCH_THRESHOLD" => Some("0.5".into()),
                "SESSION_CYCLE_KEY_GRACE" => Some("10".into()),
                _ => None,
            })
            .unwrap();
        settings.validate().unwrap();
        assert_eq!(settings.absolute_age(), Some(43_200.0));
        assert_eq!((settings.touch_threshold(), settings.cycle_key_grace()), (0.5, 10.0));
        let none = settings.with_variables(|name| (name == "SESSION_ABSOLUTE_AGE").then(|| "None".into())).unwrap();
        assert_eq!(none.absolute_age(), None);
    }
}
