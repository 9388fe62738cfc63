//! Starting the demo, and a small browser.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) mod django;
#[cfg(unix)]
pub(crate) mod place;
#[cfg(unix)]
pub(crate) mod sites;
#[cfg(unix)]
pub(crate) mod webdriver;

/// What the sites read from their environment, so that no test depends on the one it is run in.
fn is_setting(name: &str) -> bool {
    const NAMES: [&str; 5] = ["CLOAKROOM_CONFIG", "ENV_FILE", "RUST_LOG", "TIME_ZONE", "USE_TZ"];
    const STARTS: [&str; 9] =
        ["AUTH", "CACHE_URL", "CSRF_", "DATABASE_URL", "DEMO_", "INTEROP_", "REDIS_BACKEND", "SECRET_KEY", "SESSION_"];
    NAMES.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}

/// A command that starts without the settings of the environment.
pub(crate) fn without_settings(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_setting) {
            command.env_remove(name);
        }
    }
    command
}

/// The demo's command in a folder, on a free port.
pub(crate) fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = without_settings(env!("CARGO_BIN_EXE_cloakroom-demo"));
    command.current_dir(folder).env("DEMO_ADDR", "127.0.0.1:0").envs(variables.iter().copied());
    command
}

/// Runs a demo that is expected to end by itself.
pub(crate) fn refused(folder: &Path, variables: &[(&str, &str)]) -> (Output, String) {
    let output = command(folder, variables).output().expect("the demo starts");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, message)
}

/// A running demo; stopped when dropped.
pub(crate) struct Demo {
    child: Child,
    pub(crate) folder: TempDir,
    pub(crate) address: String,
    /// What it said before it was ready.
    pub(crate) said: String,
}

impl Demo {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), variables)
    }

    pub(crate) fn start_in(folder: TempDir, variables: &[(&str, &str)]) -> Self {
        let mut child = command(folder.path(), variables).stdout(Stdio::piped()).spawn().expect("the demo starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            let read = out.read_line(&mut line).expect("a line");
            assert!(read > 0, "the demo ended; it said:\n{said}");
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                break address.to_owned();
            }
            said.push_str(&line);
        };
        Self { child, folder, address, said }
    }

    /// Sends SIGTERM and waits; answers whether it ended well.
    #[cfg(unix)]
    pub(crate) fn terminate(mut self) -> bool {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(sent.expect("kill").success());
        self.child.wait().expect("its end").success()
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Kills it on the spot and keeps the folder.
    pub(crate) fn stop(mut self) -> TempDir {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
        std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser { address: self.address.clone(), cookies: Vec::new() }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps cookies and follows redirects of forms, as a browser without JavaScript does.
pub(crate) struct Browser {
    pub(crate) address: String,
    pub(crate) cookies: Vec<(String, String)>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Browser {
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_send(method, path, headers, body).expect("an answer")
    }

    /// The same of a site that may end at any moment: an answer that did not come whole is an error.
    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        let host = &self.address;
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.push_str(&format!("Cookie: {}\r\n", pairs.join("; ")));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let answer = parse(&String::from_utf8(bytes).expect("text")).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.keep_cookies(&answer);
        Ok(answer)
    }

    /// Sends a form as a browser does from the demo's own page, and follows where it leads.
    pub(crate) fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let origin = format!("http://{}", self.address);
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", origin.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        let answer = self.send("POST", path, &headers, &body.join("&"));
        match (answer.status, answer.header("location")) {
            (303, Some(location)) => self.get(location),
            _ => answer,
        }
    }

    /// The session key, as the browser keeps it.
    pub(crate) fn key(&self) -> Option<&str> {
        self.cookies.first().map(|(_, value)| value.as_str())
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for (name, value) in &answer.headers {
            if !name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// `None` unless the answer is whole.
fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status").parse().expect("a number");
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect();
    let answer = Answer { status, headers, body: body.to_owned() };
    let length = answer.header("content-length").map(|length| length.parse::<usize>().expect("a number"));
    length.is_none_or(|length| length == body.len()).then_some(answer)
}

fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
