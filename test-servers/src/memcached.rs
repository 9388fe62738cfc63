//! memcached.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::guard::{Guard, until};
use crate::program::{User, find, free_port, missing};

/// A memcached server, on a port of 127.0.0.1 or behind a Unix socket.
pub struct Memcached {
    program: PathBuf,
    user: User,
    folder: PathBuf,
    place: Place,
    options: Vec<String>,
    guard: Option<Guard>,
}

enum Place {
    Tcp { host: &'static str, port: u16 },
    Socket(PathBuf),
}

/// What memcached holds under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The number that says how the value is to be read.
    pub flags: u32,
    /// The value.
    pub data: Vec<u8>,
    /// What changes with each write.
    pub cas: u64,
}

impl Memcached {
    /// Starts one on a free port; `None` where memcached is not installed.
    ///
    /// # Panics
    /// It does not start.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further options, such as `-I 4m` in two texts.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        Self::start_at(|_| Place::Tcp { host: "127.0.0.1", port: free_port() }, options)
    }

    /// One on a free port of `::1`; `None` also where there is no IPv6.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_on_ipv6() -> Option<Self> {
        if std::net::TcpListener::bind("[::1]:0").is_err() {
            println!("skipped: there is no IPv6 here");
            return None;
        }
        Self::start_at(|_| Place::Tcp { host: "::1", port: free_port() }, &[])
    }

    /// One behind a Unix socket.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_on_socket() -> Option<Self> {
        Self::start_at(|folder| Place::Socket(folder.join("memcached.sock")), &[])
    }

    fn start_at(place: impl FnOnce(&Path) -> Place, options: &[&str]) -> Option<Self> {
        let Some(program) = find(&["memcached"]) else { return missing("memcached") };
        let user = User::of(&["memcache"]);
        let folder = user.folder().keep();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { program, user, place: place(&folder), folder, options, guard: None };
        server.run();
        Some(server)
    }

    fn run(&mut self) {
        let mut command = Command::new(&self.program);
        match &self.place {
            Place::Tcp { host, port } => command.args(["-l", host, "-U", "0", "-p", &port.to_string()]),
            Place::Socket(path) => {
                let _ = fs::remove_file(path);
                command.arg("-s").arg(path).args(["-a", "0777"])
            }
        };
        command.args(&self.options);
        self.guard = Some(Guard::start(&command, &self.folder, self.user.run("sh")));
        until("memcached", &self.folder, || self.try_ask("version").is_ok_and(|line| line.starts_with("VERSION")));
    }

    /// Where it listens, as Django's `LOCATION` has it.
    pub fn location(&self) -> String {
        match &self.place {
            Place::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Place::Tcp { host, port } => format!("{host}:{port}"),
            Place::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    /// Its port; 0 behind a Unix socket.
    pub fn port(&self) -> u16 {
        match &self.place {
            Place::Tcp { port, .. } => *port,
            Place::Socket(_) => 0,
        }
    }

    /// What it holds under a key; nothing under one that it cannot take.
    ///
    /// # Panics
    /// It does not answer.
    pub fn get(&self, key: &str) -> Option<Item> {
        let (mut stream, line) = self.send(format!("gets {key}\r\n").as_bytes()).expect("an answer");
        if !line.starts_with("VALUE ") {
            assert!(line == "END" || line.starts_with("CLIENT_ERROR"), "{line}");
            return None;
        }
        let mut words = line.split(' ').skip(2).map(|word| word.parse::<u64>().expect("a number"));
        let (flags, length, cas) = (words.next()? as u32, words.next()? as usize, words.next()?);
        let mut data = vec![0; length];
        stream.read_exact(&mut data).expect("the value");
        Some(Item { flags, data, cas })
    }

    /// Puts a value under a key, for so many seconds, or until a moment (see memcached's `exptime`).
    ///
    /// # Panics
    /// It is refused.
    pub fn set(&self, key: &str, flags: u32, exptime: i64, data: &[u8]) {
        let mut request = format!("set {key} {flags} {exptime} {}\r\n", data.len()).into_bytes();
        request.extend_from_slice(data);
        request.extend_from_slice(b"\r\n");
        let (_, line) = self.send(&request).expect("an answer");
        assert_eq!(line, "STORED");
    }

    /// How many seconds the value under a key has left; `None` if it is there for ever or not at all.
    ///
    /// # Panics
    /// It does not answer.
    pub fn ttl(&self, key: &str) -> Option<u32> {
        self.ask(&format!("mg {key} t")).strip_prefix("HD t").and_then(|seconds| seconds.parse().ok())
    }

    /// The first line it answers to a command.
    ///
    /// # Panics
    /// It does not answer.
    pub fn ask(&self, command: &str) -> String {
        self.try_ask(command).expect("an answer")
    }

    fn try_ask(&self, command: &str) -> io::Result<String> {
        self.send(format!("{command}\r\n").as_bytes()).map(|(_, line)| line)
    }

    fn send(&self, request: &[u8]) -> io::Result<(BufReader<Box<dyn Stream>>, String)> {
        let limit = Some(Duration::from_secs(20));
        let mut stream: Box<dyn Stream> = match &self.place {
            Place::Tcp { host, port } => {
                let stream = TcpStream::connect((*host, *port))?;
                stream.set_read_timeout(limit)?;
                Box::new(stream)
            }
            Place::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(limit)?;
                Box::new(stream)
            }
        };
        stream.write_all(request)?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line)?;
        Ok((stream, line.trim_end().to_owned()))
    }

    /// Stops it as an administrator does. What it held is gone: it is in memory only.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, signal: &str) {
        if let Some(guard) = self.guard.take() {
            guard.end(signal);
        }
    }

    /// Starts it again, empty, where it was.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.end("TERM");
        self.run();
    }

    /// Has it stand still: it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
        if let Some(guard) = &self.guard {
            until("memcached", &self.folder, || guard.stands_still());
        }
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        if let Some(guard) = &self.guard {
            guard.signal(signal);
        }
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        self.guard = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

trait Stream: io::Read + io::Write {}

impl<S: io::Read + io::Write> Stream for S {}
