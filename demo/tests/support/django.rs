//! The Django project in `interop/`, live.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{Browser, without_settings};

/// A Django that the tests know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Version {
    Django52,
    Django42,
}

impl Version {
    pub(crate) const fn number(self) -> &'static str {
        match self {
            Self::Django52 => "5.2",
            Self::Django42 => "4.2",
        }
    }

    /// The Python that has it; `None` where the tests are run without one, which `./test` says at its end.
    pub(crate) fn python(self) -> Option<PathBuf> {
        let (name, required) = match self {
            Self::Django52 => ("CLOAKROOM_PYTHON", "CLOAKROOM_REQUIRE_DJANGO"),
            Self::Django42 => ("CLOAKROOM_PYTHON_42", "CLOAKROOM_REQUIRE_DJANGO_42"),
        };
        let python = std::env::var_os(name).map(PathBuf::from);
        assert!(python.is_some() || std::env::var_os(required).is_none(), "{name} is not set, and {required} is");
        if python.is_none() {
            println!("skipped: {name} does not name a Python with Django {}", self.number());
        }
        python
    }

    /// A command of the project, `manage.py` or `serve.py`, in a folder; `None` without this Django.
    fn command(self, script: &str, folder: &Path, variables: &[(&str, &str)]) -> Option<Command> {
        let mut command = without_settings(self.python()?);
        command.arg(project().join(script)).current_dir(folder);
        command.env("PYTHONDONTWRITEBYTECODE", "1").envs(variables.iter().copied());
        Some(command)
    }

    /// Runs `manage.py`, which must succeed, and answers what it printed.
    pub(crate) fn manage(self, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Option<String> {
        let mut command = self.command("manage.py", folder, variables)?;
        let output = command.args(arguments).output().expect("manage.py starts");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "manage.py {arguments:?}: {text}");
        Some(text)
    }

    /// What Python prints for an expression; `None` without this Django, or where a module is not installed.
    pub(crate) fn evaluate(self, imports: &str, expression: &str) -> Option<String> {
        let code = format!("import {imports}\nprint({expression})");
        let output = Command::new(self.python()?).args(["-c", &code]).output().expect("Python starts");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop")
}

/// `manage.py` with the current Django.
pub(crate) fn manage(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Option<String> {
    Version::Django52.manage(folder, variables, arguments)
}

/// A running Django site. It ends when its standard input does, so it never outlives the test.
pub(crate) struct Django {
    child: Child,
    _input: ChildStdin,
    pub(crate) address: String,
}

impl Django {
    pub(crate) fn start(folder: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        Self::start_version(Version::Django52, folder, variables)
    }

    pub(crate) fn start_version(version: Version, folder: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        let mut command = version.command("serve.py", folder, variables)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Django starts");
        let input = child.stdin.take().expect("its input");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://").expect("Django says where it listens");
        Some(Self { child, _input: input, address: address.to_owned() })
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser { address: self.address.clone(), cookies: Vec::new() }
    }
}

impl Drop for Django {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
