//! MySQL's option files: options, or an error.

use cloakroom::Database;
use cloakroom::storage::mysql::MysqlOptions;
use tempfile::NamedTempFile;

pub fn check(data: &[u8]) {
    // What it refers to is another file's matter.
    if data.windows(3).any(|word| word.eq_ignore_ascii_case(b"ssl")) {
        return;
    }
    thread_local! {
        static FILE: NamedTempFile = NamedTempFile::new().expect("a file");
    }
    FILE.with(|file| {
        std::fs::write(file.path(), data).expect("the file is written");
        let url = format!("mysql://host/name?read_default_file={}&read_default_group=site", file.path().display());
        let database = Database::from_url(&url).expect("a URL");
        match MysqlOptions::from_database(&database) {
            Ok(options) => drop(format!("{options:?}")),
            Err(error) => drop(error.to_string()),
        }
    });
}
