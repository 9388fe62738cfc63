//! Where the servers' programs are, and as whom they run.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The first of the names that is a program, in PATH or where Debian puts servers.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    if std::env::var_os("CLOAKROOM_WITHOUT_SERVERS").is_some() {
        return None;
    }
    // The newest PostgreSQL, whose programs belong together, before what PATH may hold of it.
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.extend(["/usr/sbin", "/usr/bin"].map(PathBuf::from));
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0))
}

/// Says that a test is left out for want of a server, or fails where servers are required.
pub(crate) fn missing<T>(server: &str) -> Option<T> {
    assert!(
        std::env::var_os("CLOAKROOM_REQUIRE_SERVERS").is_none(),
        "{server} is not installed, and CLOAKROOM_REQUIRE_SERVERS is set"
    );
    println!("skipped: {server} is not installed; ./test --install installs it");
    None
}

/// The user that a server runs as: root must not be one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User(Option<(u32, u32)>);

impl User {
    /// The first of the names that the system knows; where the tests do not run as root, whoever runs them.
    pub(crate) fn of(names: &[&str]) -> Self {
        let is_root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
        if !is_root {
            return Self(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let find = |wanted: &&str| {
            users.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                (fields.first() == Some(wanted)).then(|| Some((fields[2].parse().ok()?, fields[3].parse().ok()?)))?
            })
        };
        Self(names.iter().chain(&["nobody"]).find_map(find))
    }

    pub(crate) fn run(self, program: impl AsRef<OsStr>) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }

    /// A folder that is this user's alone.
    pub(crate) fn folder(self) -> TempDir {
        // The folder of temporary files may be root's alone, and its path too long for a Unix socket.
        let place = if self.0.is_some() { "/tmp".into() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("cloakroom-").tempdir_in(place).expect("a folder");
        self.own(folder.path());
        folder
    }

    pub(crate) fn own(self, path: &Path) {
        if let Some((user, group)) = self.0 {
            std::os::unix::fs::chown(path, Some(user), Some(group)).expect("the file's owner");
        }
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// What a program printed; it must succeed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&stderr));
    text
}
