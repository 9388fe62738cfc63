//! A PostgreSQL server of the test's own, on a free port in a temporary folder.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use cloakroom::storage::PostgresStorage;
use cloakroom::storage::postgres::PostgresOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

/// The server's configuration beside the port; durability is not what is tested here.
const CONFIGURATION: &str = "\
listen_addresses = '127.0.0.1'\nmax_connections = 300\nfsync = off\nsynchronous_commit = off\n\
full_page_writes = off\nshared_buffers = 32MB\ntimezone = 'Asia/Kathmandu'\n";

pub struct Server {
    pub folder: TempDir,
    pub port: u16,
    process: Mutex<Option<Child>>,
    bin: PathBuf,
    databases: AtomicU32,
}

/// The user that the server runs as, where the tests run as root, which PostgreSQL refuses.
fn user() -> Option<(u32, u32)> {
    let own = fs::metadata("/proc/self").ok()?;
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

pub fn as_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = user() {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

pub fn give_to_user(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn bin() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    versions.retain(|bin| bin.join("initdb").exists());
    versions.sort();
    versions.pop()
}

/// Says that a test does not run, or fails where it must.
pub fn skip(what: &str) {
    assert!(std::env::var_os("CLOAKROOM_REQUIRE_SERVERS").is_none(), "{what} is not installed");
    println!("skipped: {what} is not installed");
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// The server that the tests of a process share.
    pub async fn shared() -> Option<Arc<Self>> {
        let server = tokio::task::spawn_blocking(|| {
            let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(server) = shared.upgrade() {
                return Some(server);
            }
            let server = Arc::new(Self::start("")?);
            *shared = Arc::downgrade(&server);
            Some(server)
        });
        server.await.unwrap()
    }

    /// A server of one's own, with more lines of configuration; `None`, and a line that says so, where PostgreSQL is
    /// not installed.
    pub async fn own(configuration: &'static str) -> Option<Self> {
        tokio::task::spawn_blocking(move || Self::start(configuration)).await.unwrap()
    }

    fn start(configuration: &str) -> Option<Self> {
        let Some(bin) = bin() else {
            skip("PostgreSQL");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        give_to_user(folder.path());
        let data = folder.path().join("data");
        let mut initdb = as_user(&bin.join("initdb"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]).arg(&data);
        assert!(initdb.status().unwrap().success(), "initdb failed");
        let port = free_port();
        let sockets = folder.path().display();
        let more = format!("{CONFIGURATION}port = {port}\nunix_socket_directories = '{sockets}'\n{configuration}\n");
        let file = data.join("postgresql.conf");
        fs::write(&file, fs::read_to_string(&file).unwrap() + &more).unwrap();
        let server = Self { folder, port, process: Mutex::default(), bin, databases: AtomicU32::new(0) };
        server.run();
        Some(server)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server on the data that is there, and waits until it answers.
    pub fn run(&self) {
        let mut command = as_user(&self.bin.join("postgres"));
        command.arg("-D").arg(self.data());
        if let Some(path) = std::env::var_os("CLOAKROOM_TEST_LOG") {
            command.stderr(fs::File::create(path).unwrap());
        }
        *self.process.lock().unwrap() = Some(command.spawn().unwrap());
        let ready = |_: &u32| {
            let mut command = as_user(&self.bin.join("pg_isready"));
            command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status().unwrap().success()
        };
        let wait = |_: &u32| {
            std::thread::sleep(Duration::from_millis(50));
            true
        };
        assert!((0..400).filter(wait).any(|round| ready(&round)), "PostgreSQL did not start");
    }

    fn signal(&self, signal: &str) {
        // The postmaster's processes are its children: all of them stop and go on.
        let process = self.process.lock().unwrap();
        let postmaster = process.as_ref().unwrap().id().to_string();
        let mut all = vec![postmaster.clone()];
        for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let parent = stat.rsplit(')').next().unwrap_or_default().split_whitespace().nth(1);
            if parent == Some(&postmaster) {
                all.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Command::new("kill").arg(signal).args(all).status().unwrap();
    }

    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Ends it as `pg_ctl stop -m fast` does.
    pub fn stop(&self) {
        self.end("-INT");
    }

    /// Ends it without giving it time for anything.
    pub fn kill(&self) {
        self.signal("-KILL");
        self.end("-KILL");
    }

    fn end(&self, signal: &str) {
        if let Some(mut process) = self.process.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
            Command::new("kill").args([signal, &process.id().to_string()]).stderr(Stdio::null()).status().unwrap();
            process.wait().unwrap();
        }
    }

    /// An empty database of its own; the name.
    pub async fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = self.connect("postgres").await;
        run(&mut connection, &format!("CREATE DATABASE {name}")).await;
        name
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url(database)).await.unwrap()
    }

    pub fn options(&self, database: &str) -> PostgresOptions {
        PostgresOptions::new().host("127.0.0.1").port(self.port).user("postgres").database(database)
    }

    /// A storage on an empty database with Django's tables.
    pub async fn storage(&self) -> (PostgresStorage, String) {
        let database = self.database().await;
        let storage = self.options(&database).open();
        storage.migrate().await.unwrap();
        (storage, database)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.get_mut().is_ok_and(|process| process.is_some()) {
            self.signal("-CONT");
        }
        self.end("-QUIT");
    }
}

pub async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// A pool as an application has it.
pub fn pool(server: &Server, database: &str, connections: u32) -> sqlx::PgPool {
    let options: sqlx::postgres::PgConnectOptions = server.url(database).parse().unwrap();
    sqlx::postgres::PgPoolOptions::new()
        .max_connections(connections)
        .connect_lazy_with(options.disable_statement_logging())
}
