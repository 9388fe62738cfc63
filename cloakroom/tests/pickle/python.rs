//! Values pickled by a real Python in every protocol, read here, written here and read by Python again.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom::wire::pickle::{Protocol, read};

/// Runs the script in the Python of `CLOAKROOM_PYTHON`, or in `python3`; `None` where there is neither.
fn python(argument: &str, input: &str) -> Option<String> {
    let named = std::env::var_os("CLOAKROOM_PYTHON");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pickle/python/values.py");
    let mut command = Command::new(named.clone().unwrap_or_else(|| "python3".into()));
    command.env("PYTHONDONTWRITEBYTECODE", "1").args([script, argument]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let required = named.is_some() || std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
            assert!(!required, "{error}");
            println!("skipped: no python3, and CLOAKROOM_PYTHON names no Python");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn python_reads_what_was_read_and_written_as_the_same_values() {
    let Some(written) = python("write", "") else { return };
    let (mut lines, mut count, mut same, mut of_4_and_5) = (String::new(), 0, 0, 0);
    for line in written.lines() {
        let [name, number, bytes] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let pickle = STANDARD.decode(bytes).unwrap();
        let value = read(&pickle.clone().into()).unwrap_or_else(|error| panic!("{name} {number}: {error}"));
        assert_eq!(value.end(), pickle.len());
        for (protocol, own) in [(Protocol::Four, "4"), (Protocol::Five, "5")] {
            let again = value.to_pickle(protocol).unwrap();
            lines.push_str(&format!("{name}-{number}-{own} {bytes} {}\n", STANDARD.encode(&again)));
            count += 1;
            if number == own {
                of_4_and_5 += 1;
                same += usize::from(again == pickle);
                if again != pickle {
                    println!("other bytes for {name} in protocol {own}");
                }
            }
        }
    }
    assert!(count > 300, "{count}");
    assert_eq!(python("compare", &lines).unwrap().trim(), count.to_string());
    println!("{count} pickles read by Python as the same values; {same} of {of_4_and_5} in the same bytes");
}
