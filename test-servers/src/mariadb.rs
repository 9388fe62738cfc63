//! MariaDB.

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

/// A MariaDB server, with TLS for those who ask for it. Its users are `site`, who may do everything, and `tls`, who has
/// to come with TLS.
pub struct MariaDb {
    server: PathBuf,
    client: PathBuf,
    user: User,
    folder: PathBuf,
    certificates: Certificates,
    port: u16,
    settings: Vec<String>,
    guard: Option<Guard>,
}

/// Makes the names of databases different.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

impl MariaDb {
    /// Starts one; `None` where MariaDB is not installed.
    ///
    /// # Panics
    /// It does not start.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further settings: `--name=value`.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let (Some(install), Some(server), Some(client)) =
            (find(&["mariadb-install-db"]), find(&["mariadbd"]), find(&["mariadb"]))
        else {
            return missing("MariaDB");
        };
        let user = User::of(&["mysql"]);
        let folder = user.folder();
        let path = folder.path();
        let data = path.join("data");
        first_data("mariadb", &data, || {
            let mut command = user.run(install);
            // Servers of several tests at once would meet in the folder for temporary files.
            command.current_dir(path).env("TMPDIR", path).args(["--no-defaults", "--skip-test-db"]);
            command.arg("--auth-root-authentication-method=normal");
            succeed(command.arg(format!("--datadir={}", data.display())));
        });
        let users = path.join("users.sql");
        let statements = format!(
            "CREATE USER IF NOT EXISTS site@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO site@'%' WITH GRANT OPTION;\n\
             CREATE USER IF NOT EXISTS tls@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL;\nGRANT ALL ON *.* TO tls@'%';\n"
        );
        fs::write(&users, statements).expect("the users");
        user.own(&users);
        let certificates = certificate::make(path, user);
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let port = free_port();
        let mut started =
            Self { server, client, user, folder: folder.keep(), certificates, port, settings, guard: None };
        started.run();
        Some(started)
    }

    /// One for all tests of a program.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<MariaDb>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    fn run(&mut self) {
        let mut command = Command::new(&self.server);
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--max-connections=200", "--skip-name-resolve"]);
        command.arg(format!("--port={}", self.port));
        let paths = [
            ("--datadir", self.folder.join("data")),
            ("--tmpdir", self.folder.clone()),
            ("--socket", self.socket()),
            ("--pid-file", self.folder.join("pid")),
            ("--init-file", self.folder.join("users.sql")),
            ("--ssl-ca", self.certificates.authority.clone()),
            ("--ssl-cert", self.certificates.certificate.clone()),
            ("--ssl-key", self.certificates.key.clone()),
        ];
        command.args(paths.map(|(name, path)| format!("{name}={}", path.display()))).args(&self.settings);
        self.guard = Some(Guard::start(&command, &self.folder, self.user.run("sh")));
        until("MariaDB", &self.folder, || {
            self.command("").arg("--execute=SELECT 1").output().is_ok_and(|output| output.status.success())
        });
    }

    fn command(&self, database: &str) -> Command {
        let mut command = Command::new(&self.client);
        command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=site", "--batch"]);
        command.args(["--skip-column-names", "--raw", &format!("--port={}", self.port)]);
        command.arg(format!("--database={database}")).env("MYSQL_PWD", PASSWORD);
        command
    }

    /// A new, empty database.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new_database(&self) -> Database {
        let name = format!("site{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.query("", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        Database { url: self.url(self.port, &name), name }
    }

    /// The URL of a database through another port, a proxy's.
    pub fn url(&self, port: u16, database: &str) -> String {
        format!("mysql://site:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
    }

    /// Runs SQL, and answers what it printed: fields separated by tabs.
    ///
    /// # Panics
    /// It fails.
    pub fn query(&self, database: &str, sql: &str) -> String {
        succeed(self.command(database).arg(format!("--execute={sql}"))).trim_end().to_owned()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The certificate of the authority that signed the server's.
    pub fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    /// Stops it as an administrator does: connections are ended, what was committed is kept.
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

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port with the same data.
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

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.guard = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
