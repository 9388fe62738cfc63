//! Redis.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::certificate::{self, Certificates};
use crate::guard::{Guard, until};
use crate::program::{User, find, free_port, missing, succeed};
use crate::{PASSWORD, PASSWORD_IN_URL};

/// A Redis server on a port, a port with TLS and a Unix socket. It asks for the password, of the user `site` or of
/// nobody in particular, and keeps nothing on the disk unless told.
pub struct Redis {
    server: PathBuf,
    client: PathBuf,
    user: User,
    folder: PathBuf,
    certificates: Certificates,
    port: u16,
    tls_port: u16,
    guard: Option<Guard>,
}

/// Gives each test a database of its own.
static DATABASES: AtomicUsize = AtomicUsize::new(0);
/// So many a server has.
const DATABASE_COUNT: usize = 2_000;

impl Redis {
    /// Starts one; `None` where Redis is not installed.
    ///
    /// # Panics
    /// It does not start.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further lines of its configuration, such as `appendonly yes`.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let (Some(server), Some(client)) = (find(&["redis-server"]), find(&["redis-cli"])) else {
            return missing("Redis");
        };
        let user = User::of(&["redis"]);
        let folder = user.folder();
        let path = folder.path();
        let certificates = certificate::make(path, user);
        let (port, tls_port) = (free_port(), free_port());
        let mut configuration = format!(
            "bind 127.0.0.1\nport {port}\ntls-port {tls_port}\ntls-auth-clients no\ntls-cert-file {}\ntls-key-file {}\n\
             tls-ca-cert-file {}\nunixsocket {}\nunixsocketperm 700\ndir {}\nsave \"\"\nrequirepass \"{PASSWORD}\"\n\
             masterauth \"{PASSWORD}\"\nuser site on \">{PASSWORD}\" ~* &* +@all\n",
            certificates.certificate.display(),
            certificates.key.display(),
            certificates.authority.display(),
            path.join("socket").display(),
            path.display(),
        );
        // A cluster has the one database 0.
        if !settings.contains(&"cluster-enabled yes") {
            configuration.push_str(&format!("databases {DATABASE_COUNT}\n"));
        }
        for setting in settings {
            configuration.push_str(setting);
            configuration.push('\n');
        }
        let file = path.join("redis.conf");
        fs::write(&file, configuration).expect("the configuration");
        user.own(&file);
        let mut started =
            Self { server, client, user, folder: folder.keep(), certificates, port, tls_port, guard: None };
        started.run();
        Some(started)
    }

    /// One for all tests of a program.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Redis>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    fn run(&mut self) {
        let mut command = Command::new(&self.server);
        command.arg(self.folder.join("redis.conf"));
        self.guard = Some(Guard::start(&command, &self.folder, self.user.run("sh")));
        until("Redis", &self.folder, || {
            let output = self.client(0, &["PING"]).output();
            output.is_ok_and(|output| output.stdout.starts_with(b"PONG"))
        });
    }

    fn client(&self, database: usize, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        command.args(["-p", &self.port.to_string(), "-n", &database.to_string()]);
        command.args(arguments).env("REDISCLI_AUTH", PASSWORD).env("LC_ALL", "C");
        command
    }

    /// The number of a database that no other test of the program has, empty.
    ///
    /// # Panics
    /// There is none left.
    pub fn new_database(&self) -> usize {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(number < DATABASE_COUNT, "no database is left");
        number
    }

    /// Runs a command, and answers what `redis-cli` prints of the reply, without the line's end: text as it is, one
    /// line for each element of a list, an empty text for nil, and an error's text where it is one.
    ///
    /// # Panics
    /// The server does not answer.
    pub fn command(&self, database: usize, arguments: &[&str]) -> String {
        succeed(&mut self.client(database, arguments)).trim_end_matches('\n').to_owned()
    }

    /// The same of a server that may be about to close its connections, as one does that is made a replica: `None` where
    /// it did.
    pub fn try_command(&self, database: usize, arguments: &[&str]) -> Option<String> {
        let output = self.client(database, arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
    }

    /// The bytes of a value; `None` where there is no such key.
    ///
    /// # Panics
    /// The server does not answer.
    pub fn get(&self, database: usize, key: &str) -> Option<Vec<u8>> {
        if self.command(database, &["EXISTS", key]) != "1" {
            return None;
        }
        let mut bytes = self.client(database, &["GET", key]).output().expect("redis-cli starts").stdout;
        // The line's end.
        bytes.pop();
        Some(bytes)
    }

    /// Puts the bytes of a value.
    ///
    /// # Panics
    /// The server does not take it.
    pub fn set(&self, database: usize, key: &str, value: &[u8]) {
        use std::io::Write as _;
        use std::process::Stdio;
        let mut client = self.client(database, &["-x", "SET", key]);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("redis-cli starts");
        client.stdin.take().expect("its input").write_all(value).expect("it reads");
        assert!(client.wait().expect("redis-cli ends").success(), "a value is not taken");
    }

    /// A URL through the given port, which may be a proxy's.
    pub fn url(&self, port: u16, database: usize) -> String {
        format!("redis://:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
    }

    /// A URL of the port with TLS, whose certificate is for this name.
    pub fn tls_url(&self, database: usize) -> String {
        format!("rediss://:{PASSWORD_IN_URL}@localhost:{}/{database}", self.tls_port)
    }

    /// A URL of the Unix socket.
    pub fn socket_url(&self, database: usize) -> String {
        format!("unix://:{PASSWORD_IN_URL}@{}?db={database}", self.socket().display())
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its port with TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The certificate of the authority that signed the server's.
    pub fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    /// Its folder, which goes with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops it as an administrator does.
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

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same ports: empty, unless it was
    /// told to keep its data.
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

impl Drop for Redis {
    fn drop(&mut self) {
        self.guard = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
