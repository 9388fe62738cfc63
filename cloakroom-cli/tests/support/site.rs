//! A Django site beside the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use super::{Run, run};

pub(crate) const SECRET: &str = "xyzzy-\"Wq8vT2nLk5\\Rj9Hd3Bm7Zc1Xs6Pf4Yg0Ua-plugh-73501-qa";
pub(crate) const OTHER_SECRET: &str = "another-secret-that-nobody-may-see";

/// A Django site in a folder of its own, whose settings do not depend on cloakroom's.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    python: PathBuf,
}

impl Site {
    /// `None` without a Python that has Django, which is said.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Option<Self> {
        let python = std::env::var_os("CLOAKROOM_PYTHON").map(PathBuf::from);
        let required = std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
        assert!(python.is_some() || !required, "CLOAKROOM_PYTHON is not set, and CLOAKROOM_REQUIRE_DJANGO is");
        let Some(python) = python else {
            println!("skipped: CLOAKROOM_PYTHON does not name a Python with Django");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let mut variables = vec![("SECRET_KEY", SECRET), ("DATABASE_URL", "sqlite:///site.sqlite3")];
        variables.extend_from_slice(settings);
        let variables: serde_json::Map<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop");
        let script = format!(
            "import os, sys\n\
             for name in list(os.environ):\n    \
                 if name.startswith(('SE', 'DATABASE', 'CACHE', 'REDIS', 'USE_TZ', 'TIME_ZONE')):\n        \
                     del os.environ[name]\n\
             os.environ.update({})\n\
             os.environ['DJANGO_SETTINGS_MODULE'] = 'interop.settings'\n\
             sys.path.insert(0, {:?})\n\
             print('a site may print')\n\
             from django.core.management import execute_from_command_line\n\
             execute_from_command_line(sys.argv)\n",
            Value::from(variables),
            interop.display().to_string(),
        );
        fs::write(folder.path().join("manage.py"), script).expect("manage.py");
        let site = Self { folder, python };
        site.migrate();
        Some(site)
    }

    fn migrate(&self) {
        let mut command = Command::new(&self.python);
        command.args(["manage.py", "migrate"]).current_dir(self.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().expect("Python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:///{}", self.path().join("site.sqlite3").display())
    }

    /// Runs the doctor; it neither shows a secret nor leaves a session behind.
    pub(crate) fn doctor(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let python = self.python.to_str().expect("text");
        let run = run(
            self.path(),
            variables,
            &[&["doctor", "--django", "manage.py", "--python", python], arguments].concat(),
        );
        for hidden in ["Wq8vT2nLk5", OTHER_SECRET] {
            assert!(!run.out.contains(hidden) && !run.err.contains(hidden), "{}{}", run.out, run.err);
        }
        for name in ["site.sqlite3", "other.sqlite3"] {
            if self.path().join(name).exists() {
                let database = Connection::open(self.path().join(name)).expect("a database");
                let count = database.query_row("SELECT count(*) FROM django_session", [], |row| row.get(0));
                assert_eq!(count, Ok(0), "{name}: {}", run.out);
            }
        }
        run
    }

    /// Spoils one of cloakroom's settings, and answers what is said about it and about the proof.
    pub(crate) fn spoilt(&self, name: &str, value: &str) -> (String, String) {
        let url = self.url();
        let mut variables = vec![("DATABASE_URL", url.as_str()), ("SECRET_KEY", SECRET)];
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
        let run = self.doctor(&variables, &["--force"]);
        assert_eq!(run.code, 1, "{}", run.out);
        let line = |id: &str| run.out.lines().filter(|line| line[9..].starts_with(id)).collect::<Vec<_>>().join("\n");
        assert!(line(name).contains("the first that differs"), "{}", run.out);
        assert_eq!(run.out.matches("differs: ").count(), 1, "{}", run.out);
        (line(name), line("proof"))
    }
}
