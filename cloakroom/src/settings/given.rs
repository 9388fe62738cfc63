//! A value as a source gave it, and its reading as the type that a setting has.

use std::borrow::Cow;

use super::environ::{OptionValue, Options, boolean, list, number};
use super::nearest::nearest;
use super::{SettingSource, SettingsError};

/// A value as it was given.
#[derive(Clone)]
#[cfg_attr(not(feature = "toml"), allow(dead_code))]
pub(crate) enum Given {
    /// Text that stands for any type, as variables have it.
    Plain(String),
    /// Text that is text.
    Text(String),
    Bool(bool),
    Int(i64),
    Float(f64),
    List(Vec<Given>),
    Table(Vec<Member>),
    /// A type that no setting has.
    Other(&'static str),
}

/// A name and a value within a table.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) value: Given,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// Which setting is being read, and where its value stands.
#[derive(Clone)]
pub(crate) struct Place {
    setting: Cow<'static, str>,
    source: SettingSource,
    /// The value is not to be shown.
    secret: bool,
}

impl Place {
    pub(crate) fn new(setting: impl Into<Cow<'static, str>>, source: &SettingSource) -> Self {
        Self { setting: setting.into(), source: source.clone(), secret: false }
    }

    pub(crate) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(crate) fn setting(&self) -> Cow<'static, str> {
        self.setting.clone()
    }

    pub(crate) fn source(&self) -> &SettingSource {
        &self.source
    }

    /// The place of a table's member.
    pub(crate) fn member(&self, member: &Member) -> Self {
        let mut source = self.source.clone();
        if let SettingSource::File { line, .. } = &mut source {
            *line = member.line;
        }
        Self { setting: format!("{}.{}", self.setting, member.name).into(), source, secret: self.secret }
    }

    /// The name itself, if it is one of these.
    pub(crate) fn known<'a>(&self, names: &[&'a str]) -> Result<&'a str, SettingsError> {
        let own = self.setting.rsplit('.').next().unwrap_or_default();
        names.iter().copied().find(|name| *name == own).ok_or_else(|| match nearest(own, names) {
            Some(meant) => self.refuse("is not known", format!("perhaps {meant} is meant")),
            None => self.refuse("is not known", format!("use one of {}", names.join(", "))),
        })
    }

    pub(crate) fn refuse(&self, problem: impl Into<String>, remedy: impl Into<String>) -> SettingsError {
        SettingsError::new(self.setting.clone(), None, problem, remedy).at_source(&self.source)
    }

    fn refuse_value(&self, value: &str, problem: &str, remedy: &str) -> SettingsError {
        let value = (!self.secret).then_some(value);
        SettingsError::new(self.setting.clone(), value, problem, remedy).at_source(&self.source)
    }

    fn wrong_type(&self, given: &Given, remedy: &str) -> SettingsError {
        self.refuse(format!("is {}", given.kind()), remedy)
    }
}

impl Given {
    fn kind(&self) -> &'static str {
        match self {
            Self::Plain(_) | Self::Text(_) => "text",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }

    pub(crate) fn text(self, place: &Place) -> Result<String, SettingsError> {
        match self {
            Self::Plain(text) | Self::Text(text) => Ok(text),
            other => Err(place.wrong_type(&other, "write text, in quotes")),
        }
    }

    pub(crate) fn boolean(self, place: &Place) -> Result<bool, SettingsError> {
        match self {
            Self::Bool(truth) => Ok(truth),
            Self::Plain(text) => boolean(&text)
                .ok_or_else(|| place.refuse_value(&text, "is neither true nor false", "use True or False")),
            other => Err(place.wrong_type(&other, "write true or false, without quotes")),
        }
    }

    pub(crate) fn number(self, place: &Place) -> Result<f64, SettingsError> {
        const REMEDY: &str = "use a number of seconds, such as 1209600";
        match self {
            Self::Int(whole) => Ok(whole as f64),
            Self::Float(number) => Ok(number),
            Self::Plain(text) => number(&text).ok_or_else(|| place.refuse_value(&text, "is not a number", REMEDY)),
            other => Err(place.wrong_type(&other, REMEDY)),
        }
    }

    pub(crate) fn list(self, place: &Place) -> Result<Vec<String>, SettingsError> {
        match self {
            Self::List(members) => members.into_iter().map(|member| member.text(place)).collect(),
            Self::Plain(text) => Ok(list(&text).into_iter().map(str::to_owned).collect()),
            other => Err(place.wrong_type(&other, "write a list of texts, such as [\"one\", \"two\"]")),
        }
    }

    /// The members of a table of options; tables within become names with a dot.
    pub(crate) fn options(self, place: &Place) -> Result<Options, SettingsError> {
        let Self::Table(members) = self else {
            return Err(place.wrong_type(&self, "write a table of options"));
        };
        let mut found = Options::new();
        for member in members {
            let at = place.member(&member);
            match member.value {
                table @ Self::Table(_) => {
                    let inside = table.options(&at)?;
                    found.extend(inside.into_iter().map(|(name, value)| (format!("{}.{name}", member.name), value)));
                }
                value => found.push((member.name, option(value, &at)?)),
            }
        }
        Ok(found)
    }
}

/// A single value of a type that the settings do not prescribe.
pub(crate) fn option(given: Given, place: &Place) -> Result<OptionValue, SettingsError> {
    Ok(match given {
        Given::Plain(text) | Given::Text(text) => OptionValue::Text(text),
        Given::Bool(truth) => OptionValue::Bool(truth),
        Given::Int(number) => OptionValue::Int(number),
        Given::Float(number) => OptionValue::Float(number),
        Given::List(members) => {
            OptionValue::List(members.into_iter().map(|member| option(member, place)).collect::<Result<_, _>>()?)
        }
        other => return Err(place.wrong_type(&other, "write text, a number, true or false")),
    })
}
