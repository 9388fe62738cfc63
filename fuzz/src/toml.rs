//! `cloakroom.toml`: settings, or an error of one line that shows no value.

use cloakroom::Settings;
use tempfile::NamedTempFile;

pub fn check(data: &[u8]) {
    thread_local! {
        static FILE: NamedTempFile = NamedTempFile::new().expect("a file");
    }
    FILE.with(|file| {
        std::fs::write(file.path(), data).expect("the file is written");
        match Settings::new().with_toml_file(file.path()) {
            Ok(settings) => {
                let _ = (settings.validate(), settings.databases().is_ok(), settings.caches().is_ok());
                let _ = format!("{settings:?} {:?}", settings.entries());
            }
            Err(error) => assert_eq!(error.to_string().lines().count(), 1, "{error}"),
        }
    });
}
