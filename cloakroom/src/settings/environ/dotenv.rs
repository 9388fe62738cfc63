use std::fmt;
use std::path::{Path, PathBuf};

use crate::settings::{SettingSource, SettingsError};

/// A file of variables such as `.env`, read by the rules of django-environ's `read_env`.
///
/// A line is `NAME=value` or `export NAME=value`, with no space around the `=`; a `#` at its start makes it a
/// comment, elsewhere it belongs to the value. `'…'` keeps what stands inside as it is; inside `"…"` a
/// backslash goes and the character behind it stays, but `\n`, `\r` and `\t` stay as they are. Nothing else
/// means anything: `$`, `#` and blanks stay. The last line of a name counts. Other lines are passed over.
///
/// ```
/// use cloakroom::environ::DotEnvFile;
///
/// let file = DotEnvFile::parse("# the site's\nSECRET_KEY=ab$cdef#gh(1)\nexport TIME_ZONE='UTC'\n");
/// assert_eq!(file.get("SECRET_KEY"), Some("ab$cdef#gh(1)"));
/// assert_eq!(file.get("TIME_ZONE"), Some("UTC"));
/// assert_eq!(file.variables().iter().map(|variable| variable.line).collect::<Vec<_>>(), [2, 3]);
///
/// let file = DotEnvFile::parse("NAME = value\n");
/// assert_eq!((file.get("NAME"), file.passed_over()), (None, &[1][..]));
/// assert_eq!(file.path().to_str(), Some(".env"));
/// ```
#[derive(Clone, Default)]
pub struct DotEnvFile {
    path: PathBuf,
    variables: Vec<DotEnvVariable>,
    passed_over: Vec<usize>,
}

/// One variable of a [`DotEnvFile`]. `Debug` does not show its value.
///
/// ```
/// use cloakroom::environ::{DotEnvFile, DotEnvVariable};
///
/// let file = DotEnvFile::parse("\nSECRET_KEY=\"xyzzy\"\n");
/// let variable: &DotEnvVariable = &file.variables()[0];
/// assert_eq!((variable.name.as_str(), variable.value.as_str(), variable.line), ("SECRET_KEY", "xyzzy", 2));
/// assert!(!format!("{variable:?}").contains("xyzzy"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DotEnvVariable {
    /// The variable's name.
    pub name: String,
    /// Its value, without quotes.
    pub value: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl DotEnvFile {
    /// Reads a file.
    ///
    /// ```
    /// use cloakroom::environ::DotEnvFile;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join(".env");
    /// std::fs::write(&path, "SESSION_COOKIE_AGE=3600\n")?;
    /// let file = DotEnvFile::read(&path)?;
    /// assert_eq!((file.path(), file.get("SESSION_COOKIE_AGE")), (path.as_path(), Some("3600")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let problem = format!("the file of variables {} cannot be read: {error}", path.display());
            SettingsError::new(".env", None, problem, "check its path, its permissions and that it is UTF-8")
        })?;
        Ok(Self { path: path.to_owned(), ..Self::parse(&text) })
    }

    /// Reads a text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut file = Self { path: PathBuf::from(".env"), ..Self::default() };
        for (index, line) in lines(text).enumerate() {
            let line_number = index + 1;
            match assignment(line) {
                Some((name, value)) => {
                    file.variables.retain(|known| known.name != name);
                    file.variables.push(DotEnvVariable { name: name.to_owned(), value, line: line_number });
                }
                None if line.trim().is_empty() || line.starts_with('#') => {}
                None => file.passed_over.push(line_number),
            }
        }
        file
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variable(name).map(|variable| variable.value.as_str())
    }

    /// The variables. Each name stands there once.
    #[must_use]
    pub fn variables(&self) -> &[DotEnvVariable] {
        &self.variables
    }

    /// The lines, counted from 1, that are neither `NAME=value` nor comments nor blank. They are passed over,
    /// as Django-environ does, and so it is worth to say so.
    #[must_use]
    pub fn passed_over(&self) -> &[usize] {
        &self.passed_over
    }

    /// Where it was read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn variable(&self, name: &str) -> Option<&DotEnvVariable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    pub(crate) fn source(&self, name: &str) -> SettingSource {
        let line = self.variable(name).map(|variable| variable.line).unwrap_or_default();
        SettingSource::DotEnv { path: self.path.clone(), line }
    }
}

impl fmt::Debug for DotEnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DotEnvFile").field("path", &self.path).field("variables", &self.variables).finish()
    }
}

impl fmt::Debug for DotEnvVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DotEnvVariable").field("name", &self.name).field("line", &self.line).finish_non_exhaustive()
    }
}

/// Where Python's `splitlines` ends a line, `\r\n` being one end.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = |character: char| {
        matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(ends) else {
            rest = None;
            return (!text.is_empty()).then_some(text);
        };
        let (line, tail) = text.split_at(end);
        let mark = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        rest = tail.get(mark..);
        Some(line)
    })
}

fn assignment(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(of_a_name) {
        return None;
    }
    let value = within(value, '\'').unwrap_or(value);
    Some((name, within(value, '"').map_or_else(|| value.to_owned(), unescape)))
}

fn within(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some(escaped @ ('r' | 'n' | 't')) => out.extend(['\\', escaped]),
            Some(escaped) => out.push(escaped),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        let split: Vec<_> = lines("a\r\nb\rc\n\nd\u{2028}e\n").collect();
        assert_eq!(split, ["a", "b", "c", "", "d", "e"]);
        assert_eq!(lines("").count(), 0);
    }

    #[test]
    fn a_line_is_known_by_its_number() {
        let file = DotEnvFile::parse("A=1\n\n#\nB = 2\n  \nA=3\n");
        assert_eq!((file.get("A"), file.variables()[0].line), (Some("3"), 6));
        assert_eq!(file.passed_over(), [4]);
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", DotEnvFile::parse("SECRET_KEY=hunter2"));
        assert!(shown.contains("SECRET_KEY") && !shown.contains("hunter2"), "{shown}");
    }
}
