//! PgBouncer.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use crate::guard::{Guard, until};
use crate::program::{User, find, free_port, missing};
use crate::{PASSWORD, PostgreSql};

/// A PgBouncer in transaction mode, with few connections to the server.
pub struct PgBouncer {
    program: PathBuf,
    user: User,
    folder: PathBuf,
    port: u16,
    guard: Option<Guard>,
}

impl PgBouncer {
    /// Before a PostgreSQL; `None` where PgBouncer is not installed.
    ///
    /// # Panics
    /// It does not start.
    pub fn before(server: &PostgreSql) -> Option<Self> {
        let Some(program) = find(&["pgbouncer"]) else { return missing("PgBouncer") };
        let user = User::of(&["postgres"]);
        let folder = user.folder();
        let (path, port) = (folder.path(), free_port());
        let (users, file) = (path.join("users.txt"), path.join("pgbouncer.ini"));
        fs::write(&users, format!("\"site\" \"{PASSWORD}\"\n")).expect("the users");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = plain\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 3\n\
             max_client_conn = 200\nserver_login_retry = 1\n",
            server.port(),
            users.display(),
        );
        fs::write(&file, configuration).expect("the configuration");
        for path in [&users, &file] {
            user.own(path);
        }
        let mut started = Self { program, user, folder: folder.keep(), port, guard: None };
        started.run();
        Some(started)
    }

    fn run(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg(self.folder.join("pgbouncer.ini"));
        self.guard = Some(Guard::start(&command, &self.folder, self.user.run("sh")));
        until("PgBouncer", &self.folder, || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.end("KILL");
        }
    }

    /// Starts it again after [`kill`](Self::kill), on the same port.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.guard = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
