//! The Django site's own Python, spoken to through a pipe.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::options::Doctor;

const SCRIPT: &str = include_str!("read_settings.py");
const MARK: &str = "cloakroom-doctor:";
/// For everything that is asked of the site together.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the site to remove what it made and to end.
const FAREWELL: Duration = Duration::from_secs(5);
/// Of what the site says on standard error, as much is kept.
const COMPLAINTS: u64 = 64 * 1024;
/// And of that, so many characters are shown.
const LONGEST_SAYING: usize = 500;

/// The running site. When it is dropped, the site removes the throw-away sessions and ends.
pub(super) struct Django {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    python: PathBuf,
    deadline: Instant,
}

/// Which Python runs the site.
fn interpreter(arguments: &Doctor, folder: &Path) -> PathBuf {
    if let Some(python) = &arguments.python {
        // It is run in another folder than the one it was named in; a bare name is looked up in PATH.
        let is_path = python.components().count() > 1;
        return if is_path { std::path::absolute(python).unwrap_or_else(|_| python.clone()) } else { python.clone() };
    }
    let inside = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    [".venv", "venv"]
        .map(|venv| folder.join(venv).join(inside))
        .into_iter()
        .find(|python| python.is_file())
        .unwrap_or_else(|| "python3".into())
}

impl Django {
    /// Starts the site with `manage.py shell`, in the folder of its manage.py.
    pub(super) fn start(arguments: &Doctor) -> Result<Self, Failure> {
        let script = std::path::absolute(&arguments.django)?;
        if !script.is_file() {
            return Err(Failure::new(format!("there is no file {}; --django names a manage.py", script.display())));
        }
        let folder = script.parent().unwrap_or(Path::new("/"));
        let python = interpreter(arguments, folder);
        let mut command = Command::new(&python);
        command.arg(&script).args(["shell", "-c", SCRIPT]).current_dir(folder);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            Failure::new(format!("{} cannot be run ({error}); give the site's Python with --python", python.display()))
        })?;

        let (sender, answers) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    if let Some(answer) = String::from_utf8_lossy(&line).strip_prefix(MARK)
                        && sender.send(answer.to_owned()).is_err()
                    {
                        break;
                    }
                }
            });
        }
        let complaints = child.stderr.take().map(|mut errors| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = errors.by_ref().take(COMPLAINTS).read_to_end(&mut text);
                // A full pipe would stop the site.
                let _ = std::io::copy(&mut errors, &mut std::io::sink());
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        let input = child.stdin.take();
        Ok(Self { child, input, answers, complaints, python, deadline: Instant::now() + PATIENCE })
    }

    /// What the site tells at its start.
    pub(super) fn settings<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        self.answer()
    }

    /// Has the site do something, and answers what it said.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, order: &Value) -> Result<T, Failure> {
        let line = format!("{order}\n");
        if let Some(input) = &mut self.input {
            // When it cannot be written, the site has ended, and the answer says why.
            let _ = input.write_all(line.as_bytes()).and_then(|()| input.flush());
        }
        self.answer()
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let answer = match self.answers.recv_timeout(left) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                let limit = PATIENCE.as_secs();
                return Err(Failure::new(format!("the Django site did not answer within {limit} s and was stopped")));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
        };
        // The text itself is not shown: it may hold a secret.
        let unreadable = |_| Failure::new("the Django site gave an answer that cannot be read");
        let value: Value = serde_json::from_str(&answer).map_err(unreadable)?;
        if let Some(error) = value.get("error").and_then(Value::as_str) {
            return Err(Failure::new(format!("Django says: {error}")));
        }
        serde_json::from_value(value).map_err(unreadable)
    }

    /// Why the site ended before its time: in Django's own words.
    fn ended(&mut self) -> Failure {
        let _ = self.child.wait();
        let text = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let python = self.python.display();
        if text.contains("No module named 'django'") || text.contains("Couldn't import Django") {
            return Failure::new(format!(
                "{python} cannot import Django; give the Python of the site's virtual environment with --python"
            ));
        }
        let said = last_words(&text);
        Failure::new(if said.is_empty() {
            format!("the Django site, run by {python}, ended without a word")
        } else {
            format!("the Django site does not start; it says: {said}")
        })
    }
}

/// The message under a traceback, which may have several lines; without a traceback the last line.
fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let after = match lines.iter().rposition(|line| line.starts_with(' ')) {
        Some(traceback) if traceback + 1 < lines.len() => traceback + 1,
        _ => lines.len().saturating_sub(1),
    };
    let said = lines[after..].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    said.chars().take(LONGEST_SAYING).collect()
}

impl Drop for Django {
    /// The end of its input tells the site to tidy up and to end.
    fn drop(&mut self) {
        self.input = None;
        let end = Instant::now() + FAREWELL;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::last_words;

    #[test]
    fn what_django_says_stands_under_the_traceback() {
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 1\n    x\n    ^\nValueError: a\nb\n\n";
        assert_eq!(last_words(text), "ValueError: a b");
        assert_eq!(last_words("first\nCommandError: second\n"), "CommandError: second");
        assert_eq!(last_words("\n  indented\n"), "indented");
        assert_eq!(last_words(""), "");
    }
}
