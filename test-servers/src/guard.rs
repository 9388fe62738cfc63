//! A server that does not outlive the tests.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends the server when its own standard input ends, which the kernel sees to, whatever becomes of the tests: also for
/// a server in a `static`, which is never dropped. `$1` says whether the folder `$2` goes with it.
const WATCH: &str = r#"
clean=$1 folder=$2
shift 2
"$@" </dev/null >>"$folder/log" 2>&1 &
server=$!
echo "$server"
while read -r order; do [ "$order" = forget ] && clean=no; done
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ "$clean" = yes ] && rm -rf -- "$folder"
"#;

/// A running server.
pub(crate) struct Guard {
    watcher: Child,
    input: Option<ChildStdin>,
    server: u32,
}

impl Guard {
    /// Starts a server, whose folder goes when it does.
    pub(crate) fn start(command: &Command, folder: &Path, mut shell: Command) -> Self {
        shell.args(["-c", WATCH, "sh", "yes"]).arg(folder).arg(command.get_program()).args(command.get_args());
        shell.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut watcher = shell.spawn().expect("sh starts");
        let mut line = String::new();
        BufReader::new(watcher.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let input = watcher.stdin.take();
        Self { watcher, input, server: line.trim().parse().expect("a process id") }
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: &str) {
        send(signal, &[self.server]);
    }

    /// Sends it to the processes of the server's connections too.
    pub(crate) fn signal_family(&self, signal: &str) {
        let mut family = vec![self.server];
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(process) = entry.file_name().to_string_lossy().parse() else { continue };
            // "123 (a name) S 45 …": 45 is the parent.
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
            if parent == Some(self.server) {
                family.push(process);
            }
        }
        send(signal, &family);
    }

    /// Whether a signal has stopped the server: its threads go on for a moment after it was sent.
    pub(crate) fn stands_still(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.server)).into_iter().flatten().flatten();
        threads
            .into_iter()
            .all(|thread| fs::read_to_string(thread.path().join("stat")).is_ok_and(|stat| stat.contains(") T ")))
    }

    /// Ends the server by a signal; its folder stays for the next one.
    pub(crate) fn end(mut self, signal: &str) {
        self.keep_folder();
        self.signal(signal);
        self.wait();
    }

    /// Waits until the server has ended.
    pub(crate) fn wait(&self) {
        let process = PathBuf::from(format!("/proc/{}/stat", self.server));
        let end = Instant::now() + Duration::from_secs(60);
        // One that has ended and that nobody has asked yet is a zombie.
        while fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets the folder stay when the server goes: another one is to take over.
    pub(crate) fn keep_folder(&mut self) {
        use std::io::Write as _;
        if let Some(input) = &mut self.input {
            let _ = input.write_all(b"forget\n");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.watcher.wait();
    }
}

fn send(signal: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let _ = Command::new("kill").args(["-s", signal]).args(processes).stderr(Stdio::null()).status();
}

/// Waits until `ready` says so.
pub(crate) fn until(what: &str, folder: &Path, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(
            Instant::now() < end,
            "{what} does not answer: {}",
            fs::read_to_string(folder.join("log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
