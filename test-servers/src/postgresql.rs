//! PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::certificate::{self, Certificates};
use crate::first_data::first_data;
use crate::guard::{Guard, until};
use crate::program::{User, find, free_port, missing, succeed};
use crate::{Database, PASSWORD, PASSWORD_IN_URL};

/// A PostgreSQL server, with TLS for those who ask for it. Its one role is `site`, a superuser.
pub struct PostgreSql {
    programs: PathBuf,
    user: User,
    folder: PathBuf,
    certificates: Certificates,
    port: u16,
    guard: Option<Guard>,
}

/// Makes the names of databases different.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

impl PostgreSql {
    /// Starts one; `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    /// It does not start.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further settings: `name=value`.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let Some(initdb) = find(&["initdb"]) else { return missing("PostgreSQL") };
        let programs = initdb.parent().unwrap_or(Path::new("/")).to_owned();
        let user = User::of(&["postgres"]);
        let folder = user.folder();
        let path = folder.path();
        let password = path.join("password");
        fs::write(&password, PASSWORD).expect("the password");
        user.own(&password);
        let data = path.join("data");
        first_data("postgresql", &data, || {
            let mut command = user.run(initdb);
            command.current_dir(path).arg("--pgdata").arg(&data).arg("--pwfile").arg(&password);
            command.args(["--username=site", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
            succeed(command.arg("--no-sync"));
        });
        let certificates = certificate::make(path, user);
        let port = free_port();
        let mut configuration = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nmax_connections = 200\n\
             ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\nlog_line_prefix = '%t '\n",
            path.display(),
            certificates.certificate.display(),
            certificates.key.display(),
        );
        for setting in settings {
            configuration.push_str(setting);
            configuration.push('\n');
        }
        let file = path.join("data/postgresql.conf");
        let before = fs::read_to_string(&file).expect("the configuration");
        fs::write(&file, before + &configuration).expect("the configuration");
        let mut server = Self { programs, user, folder: folder.keep(), certificates, port, guard: None };
        server.run();
        Some(server)
    }

    /// One for all tests of a program.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgreSql>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    fn run(&mut self) {
        let mut command = Command::new(self.programs.join("postgres"));
        command.arg("-D").arg(self.folder.join("data"));
        self.guard = Some(Guard::start(&command, &self.folder, self.user.run("sh")));
        until("PostgreSQL", &self.folder, || {
            let mut command = self.client("pg_isready", "postgres");
            command.output().is_ok_and(|output| output.status.success())
        });
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(["--host=127.0.0.1", "--username=site", &format!("--port={}", self.port)]);
        command.arg("--dbname").arg(database).env("PGPASSWORD", PASSWORD).env("LC_ALL", "C");
        command
    }

    /// A new, empty database.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new_database(&self) -> Database {
        let name = format!("site{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        Database { url: self.url(self.port, &name), name }
    }

    /// The URL of a database through another port, a proxy's.
    pub fn url(&self, port: u16, database: &str) -> String {
        format!("postgres://site:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
    }

    /// Runs SQL with psql, and answers what it printed: fields separated by `|`.
    ///
    /// # Panics
    /// It fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut command = self.client("psql", database);
        let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command"];
        succeed(command.args(options).arg(sql)).trim_end().to_owned()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket, and of all that is its own.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The certificate of the authority that signed the server's.
    pub fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    /// Stops it as an administrator does: connections are ended, what was committed is kept.
    pub fn stop(&mut self) {
        self.end("INT");
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, signal: &str) {
        if let Some(mut guard) = self.guard.take() {
            guard.keep_folder();
            if signal == "KILL" {
                guard.signal_family(signal);
            } else {
                guard.signal(signal);
            }
            guard.wait();
        }
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port with the same data.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.end("INT");
        self.run();
    }

    /// Has it stand still: it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.signal_family("STOP");
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal_family("CONT");
    }

    fn signal_family(&self, signal: &str) {
        if let Some(guard) = &self.guard {
            guard.signal_family(signal);
        }
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        self.guard = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
