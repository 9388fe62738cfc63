//! The documents that say what holds name tests that exist: each in the file or folder that stands before it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The document, and where the names are that have no path before them.
const DOCUMENTS: [(&str, &str); 2] = [("security.md", "tests/security"), ("guarantees.md", "tests")];

#[test]
fn every_test_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut missing = Vec::new();
    for (document, place) in DOCUMENTS {
        let text = fs::read_to_string(root.join("docs").join(document)).unwrap();
        let mut names = 0;
        for row in held_by(&text) {
            let mut source = all_source(&root.join("cloakroom").join(place));
            for span in row.split('`').skip(1).step_by(2) {
                if span.ends_with(".rs") || span.ends_with('/') {
                    match [root.join("cloakroom").join(span), root.join(span)].iter().find(|path| path.exists()) {
                        Some(path) => source = all_source(path),
                        None => missing.push(format!("{document}: {span}")),
                    }
                } else if span.contains('_') && span.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c)) {
                    names += 1;
                    let name = span.rsplit("::").next().unwrap();
                    let is_there = source.iter().any(|text| {
                        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name)
                    });
                    if !is_there {
                        missing.push(format!("{document}: {span}"));
                    }
                }
            }
        }
        assert!(names > 20, "{document} names {names} tests");
    }
    assert!(missing.is_empty(), "named, but not there:\n{}", missing.join("\n"));
}

/// The last column of every table that ends in "held by".
fn held_by(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut rows = Vec::new();
    for line in text.lines() {
        let last = line.trim_end().strip_suffix('|').and_then(|line| line.rsplit(" | ").next());
        match last.map(str::trim) {
            None => inside = false,
            Some("held by") => inside = true,
            Some(cell) if inside => rows.push(cell),
            Some(_) => {}
        }
    }
    rows
}

/// The text of a file, or of all Rust files in a folder.
fn all_source(path: &Path) -> Vec<String> {
    let mut waiting: Vec<PathBuf> = vec![path.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
    found
}
