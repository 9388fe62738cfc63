//! Files of variables, and settings from them: what is read is written and read as the same, and no secret is shown.

use cloakroom::Settings;
use cloakroom::environ::DotEnvFile;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = DotEnvFile::parse(text);
    let mut written = String::new();
    for variable in file.variables() {
        let value = variable.value.replace('\\', "\\\\").replace('"', "\\\"");
        written.push_str(&format!("{}=\"{value}\"\n", variable.name));
    }
    let again = DotEnvFile::parse(&written);
    let pairs = |file: &DotEnvFile| -> Vec<(String, String)> {
        file.variables().iter().map(|variable| (variable.name.clone(), variable.value.clone())).collect()
    };
    assert_eq!(pairs(&again), pairs(&file));
    assert!(again.passed_over().is_empty());

    let read = Settings::new().with_variables(|name| file.get(name).map(str::to_owned));
    let Ok(settings) = read else { return };
    let _ = (settings.validate(), settings.databases().is_ok(), settings.caches().is_ok());
    let shown = format!("{settings:?} {:?}", settings.entries());
    // Another secret in its place shows in nothing.
    let other = |name: &str| match name {
        "SECRET_KEY" => file.get(name).map(|_| "xyzzy-xyzzy-xyzzy".to_owned()),
        _ => file.get(name).map(str::to_owned),
    };
    if let Ok(settings) = Settings::new().with_variables(other) {
        let other = format!("{settings:?} {:?}", settings.entries());
        assert!(!other.contains("xyzzy-xyzzy-xyzzy"));
        assert_eq!(other, shown);
    }
}
