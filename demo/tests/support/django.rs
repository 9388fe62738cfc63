//! The Django project in `interop/`, live.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{Browser, without_settings};

/// The Python that has Django; `None` where the tests are run without one, which `./test` says at its end.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CLOAKROOM_PYTHON").map(PathBuf::from);
    let required = std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
    assert!(python.is_some() || !required, "CLOAKROOM_PYTHON is not set, and CLOAKROOM_REQUIRE_DJANGO is");
    if python.is_none() {
        println!("skipped: CLOAKROOM_PYTHON does not name a Python with Django");
    }
    python
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop")
}

/// A command of the project, `manage.py` or `serve.py`, in a folder; `None` without Django.
pub(crate) fn command(script: &str, folder: &Path, variables: &[(&str, &str)]) -> Option<Command> {
    let mut command = without_settings(python()?);
    command.arg(project().join(script)).current_dir(folder);
    command.env("PYTHONDONTWRITEBYTECODE", "1").envs(variables.iter().copied());
    Some(command)
}

/// Runs `manage.py`, which must succeed, and answers what it printed.
pub(crate) fn manage(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Option<String> {
    let output = command("manage.py", folder, variables)?.args(arguments).output().expect("manage.py starts");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "manage.py {arguments:?}: {text}");
    Some(text)
}

/// A running Django site. It ends when its standard input does, so it never outlives the test.
pub(crate) struct Django {
    child: Child,
    _input: ChildStdin,
    pub(crate) address: String,
}

impl Django {
    pub(crate) fn start(folder: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        let mut command = command("serve.py", folder, variables)?;
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
