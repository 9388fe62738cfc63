//! Session data for people.

use cloakroom::wire::json::scan_object;

/// One member a line, the values as they stand: to read and rewrite them would change big integers and floats.
pub(crate) fn indented(object: &str) -> String {
    let mut lines = Vec::new();
    let scanned = scan_object(object, |name, value| {
        lines.push(format!("  \"{}\": {}", &object[name], &object[value]));
    });
    match scanned {
        Ok(()) if lines.is_empty() => "{}".to_owned(),
        Ok(()) => format!("{{\n{}\n}}", lines.join(",\n")),
        Err(_) => object.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn values_stay_as_they_stand() {
        let object = r#"{"f":1.50,"big":123456789012345678901234567890,"n":NaN,"s":"\ud83d","l":[1, {}]}"#;
        let lines = "{\n  \"f\": 1.50,\n  \"big\": 123456789012345678901234567890,\n  \"n\": NaN,\n  \
                     \"s\": \"\\ud83d\",\n  \"l\": [1, {}]\n}";
        assert_eq!(indented(object), lines);
        assert_eq!(indented("{}"), "{}");
    }
}
