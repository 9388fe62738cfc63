//! A real browser, driven through chromedriver: as much of the WebDriver protocol as the tests need. The protocol
//! is JSON over HTTP, so it needs no dependency; a client library would bring sixty.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Starts chromedriver and waits for the end of its own input, which comes however the test ends. Then it kills
/// the whole process group: chromedriver alone would leave Chromium behind.
const GUARD: &str = r#""$1" --port=0 </dev/null & exec >/dev/null; read -r _; kill -KILL 0"#;

/// What `--headless=new` needs to say nothing to anybody but the test. Without the sandbox, because root may not
/// have it and Debian packages a part of it separately; only pages that the tests serve themselves are visited.
const FLAGS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-proxy-server",
    "--window-size=1200,1600",
];

/// For one answer of chromedriver, and for a page to be left.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with an empty profile. It ends when dropped, or with the test's process.
pub(crate) struct Chromium {
    guard: Child,
    input: Option<ChildStdin>,
    /// Kept open: chromedriver writes there as it likes.
    _output: BufReader<ChildStdout>,
    port: u16,
    /// The path of the WebDriver session; empty before there is one.
    session: String,
    folder: TempDir,
}

impl Chromium {
    /// `None` where the tests are run without a browser, which `./test` says at its end.
    pub(crate) fn start(javascript: bool) -> Option<Self> {
        let chromedriver = std::env::var_os("CLOAKROOM_CHROMEDRIVER");
        let required = std::env::var_os("CLOAKROOM_REQUIRE_BROWSER").is_some();
        assert!(
            chromedriver.is_some() || !required,
            "CLOAKROOM_CHROMEDRIVER is not set, and CLOAKROOM_REQUIRE_BROWSER is"
        );
        let Some(chromedriver) = chromedriver else {
            println!("skipped: CLOAKROOM_CHROMEDRIVER does not name a chromedriver");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "sh"]).arg(chromedriver).process_group(0);
        // Neither settings nor caches of the user's; what is left behind goes with the folder.
        command
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME");
        let mut guard = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh starts");
        let input = guard.stdin.take();
        let mut output = BufReader::new(guard.stdout.take().expect("its output"));
        let port = port(&mut output);
        let mut chromium = Self { guard, input, _output: output, port, session: String::new(), folder };
        chromium.begin(javascript);
        Some(chromium)
    }

    fn begin(&mut self, javascript: bool) {
        let mut flags: Vec<_> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", self.folder.path().join("profile").display()));
        if !javascript {
            flags.push("--blink-settings=scriptEnabled=false".to_owned());
        }
        let mut options = json!({ "args": flags });
        if let Ok(chromium) = std::env::var("CLOAKROOM_CHROMIUM") {
            options["binary"] = chromium.into();
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}});
        let begun = self.post("/session", &wanted);
        self.session = format!("/session/{}", begun["sessionId"].as_str().expect("a session"));
        self.open("data:text/html,<title>off</title><script>document.title = 'on'</script>");
        assert_eq!(self.ask("/title"), if javascript { "on" } else { "off" }, "JavaScript");
    }

    pub(crate) fn open(&self, address: &str) {
        self.post("/url", &json!({ "url": address }));
    }

    pub(crate) fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    pub(crate) fn find(&self, css: &str) -> Element<'_> {
        self.find_all(css).into_iter().next().unwrap_or_else(|| panic!("no {css} in {}", self.ask("/source")))
    }

    pub(crate) fn find_all(&self, css: &str) -> Vec<Element<'_>> {
        let found = self.post("/elements", &json!({"using": "css selector", "value": css}));
        found.as_array().expect("a list").iter().map(|found| self.element(found)).collect()
    }

    /// The element that has the keyboard.
    pub(crate) fn active(&self) -> Element<'_> {
        self.element(&self.ask("/element/active"))
    }

    fn element(&self, found: &Value) -> Element<'_> {
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        Element { browser: self, path: format!("/element/{}", id.expect("an element")) }
    }

    pub(crate) fn text(&self, css: &str) -> String {
        self.find(css).text()
    }

    /// Replaces what a field holds.
    pub(crate) fn fill(&self, css: &str, text: &str) {
        let field = self.find(css);
        field.post("/clear", &json!({}));
        field.press(text);
    }

    /// Clicks what leads to another page, and waits until it is there.
    pub(crate) fn follow(&self, css: &str) {
        let before = self.find("html").path;
        self.find(css).click();
        let clicked = Instant::now();
        // The driver numbers the elements of each document anew. Between two, there may be none.
        while self.find_all("html").first().is_none_or(|html| html.path == before) {
            assert!(clicked.elapsed() < PATIENCE, "{css} led nowhere");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The cookies of the page's host, as the browser keeps them.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.ask("/cookie").as_array().expect("a list").clone()
    }

    pub(crate) fn source(&self) -> String {
        self.ask("/source").as_str().expect("text").to_owned()
    }

    /// What a function's body answers. This works without JavaScript too, which binds the pages only.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    pub(crate) fn resize(&self, width: u64, height: u64) {
        self.post("/window/rect", &json!({"width": width, "height": height}));
    }

    /// `light` or `dark`, as the visitor's system asks for it.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let params = json!({ "features": [feature] });
        self.post("/goog/cdp/execute", &json!({"cmd": "Emulation.setEmulatedMedia", "params": params}));
    }

    /// What the window shows, as a PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let encoded = self.ask("/screenshot");
        base64::prelude::BASE64_STANDARD.decode(encoded.as_str().expect("text")).expect("base64")
    }

    fn ask(&self, path: &str) -> Value {
        self.call("GET", path, "").unwrap_or_else(|problem| panic!("GET {path}: {problem}"))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, &body.to_string()).unwrap_or_else(|problem| panic!("POST {path} {body}: {problem}"))
    }

    /// Answers the `value` of chromedriver's answer.
    fn call(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let answer = self.exchange(method, path, body).map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        match &answer["value"]["error"] {
            Value::Null => Ok(answer["value"].take()),
            error => Err(format!("{error}: {}", answer["value"]["message"])),
        }
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let (port, session) = (self.port, &self.session);
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!("{method} {session}{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
        let kind = "Content-Type: application/json; charset=utf-8";
        stream.write_all(format!("{head}{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(std::io::Error::other)?;
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The polite way, which lets Chromium clear away its temporary files, and then the sure one.
        if !self.session.is_empty() {
            let _ = self.call("DELETE", "", "");
        }
        drop(self.input.take());
        let _ = self.guard.wait();
    }
}

fn port(output: &mut BufReader<ChildStdout>) -> u16 {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        let read = output.read_line(&mut line).expect("a line");
        assert!(read > 0, "chromedriver ended; it said:\n{said}");
        if let Some(port) = line.trim().strip_prefix("ChromeDriver was started successfully on port ") {
            return port.trim_end_matches('.').parse().expect("a port");
        }
        said.push_str(&line);
    }
}

/// An element of the page that is open.
pub(crate) struct Element<'a> {
    browser: &'a Chromium,
    path: String,
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Element<'_> {
    pub(crate) fn text(&self) -> String {
        self.ask("/text")
    }

    /// What a reader of the screen calls it.
    pub(crate) fn label(&self) -> String {
        self.ask("/computedlabel")
    }

    /// Empty if it is not there.
    pub(crate) fn attribute(&self, name: &str) -> String {
        self.ask(&format!("/attribute/{name}"))
    }

    /// What a field holds now.
    pub(crate) fn value(&self) -> String {
        self.ask("/property/value")
    }

    pub(crate) fn style(&self, property: &str) -> String {
        self.ask(&format!("/css/{property}"))
    }

    pub(crate) fn click(&self) {
        self.post("/click", &json!({}));
    }

    /// Types into it.
    pub(crate) fn press(&self, keys: &str) {
        self.post("/value", &json!({ "text": keys }));
    }

    fn ask(&self, path: &str) -> String {
        self.browser.ask(&format!("{}{path}", self.path)).as_str().unwrap_or_default().to_owned()
    }

    fn post(&self, path: &str, body: &Value) {
        self.browser.post(&format!("{}{path}", self.path), body);
    }
}

/// Keeps a picture where CLOAKROOM_SCREENSHOT says, if it does.
pub(crate) fn keep(picture: &[u8]) {
    if let Some(path) = std::env::var_os("CLOAKROOM_SCREENSHOT") {
        fs::write(&path, picture).unwrap_or_else(|error| panic!("CLOAKROOM_SCREENSHOT = {path:?}: {error}"));
    }
}
