//! Running the command.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod site;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the command reads from its environment, so that no test depends on the one it is run in.
fn is_setting(name: &str) -> bool {
    const NAMES: [&str; 4] = ["CLOAKROOM_CONFIG", "REDIS_BACKEND", "TIME_ZONE", "USE_TZ"];
    const STARTS: [&str; 6] = ["AUTH", "CACHE_URL", "CSRF_", "DATABASE_URL", "SECRET_KEY", "SESSION_"];
    NAMES.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}

/// What a run of the command left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `cloakroom` in a folder, with these variables alone.
pub(crate) fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    run_with_input(folder, variables, arguments, "")
}

pub(crate) fn run_with_input(folder: &Path, variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Run {
    run_with_bytes(folder, variables, arguments, input.as_bytes())
}

pub(crate) fn run_with_bytes(folder: &Path, variables: &[(&str, &str)], arguments: &[&str], input: &[u8]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_setting) {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).envs(variables.iter().copied()).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    // The command may end without reading.
    let _ = child.stdin.take().expect("its input").write_all(input);
    let output = child.wait_with_output().expect("its end");
    Run {
        code: output.status.code().expect("no signal"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}
