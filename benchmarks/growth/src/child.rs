//! What runs in a process of its own: this program again, with other arguments. It answers in JSON on standard output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::Result;
use crate::place::Kind;
use crate::{clearing, memory};

/// `--child …`
pub fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["memory", library, count, lives] => memory::child(library, count.parse()?, lives.parse()?),
        ["visit", role, kind, address, keys] => clearing::visit(role, named(kind)?, address, keys.as_ref()),
        ["clear", kind, address] => clearing::clear(named(kind)?, address),
        _ => Err("no such child".into()),
    }
}

fn named(name: &str) -> Result<Kind> {
    Ok(Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or("no such place")?)
}

/// Says something to the process that started this one.
pub fn tell(what: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}

/// A process of this program; it ends when its standard input does.
pub struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--child").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, out })
    }

    /// What it says next.
    pub fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|_| "a child process ended without an answer".into())
    }

    /// Tells it to end, and hears what it has to say.
    pub fn end(mut self) -> Result<Value> {
        drop(self.child.stdin.take());
        self.hear()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
