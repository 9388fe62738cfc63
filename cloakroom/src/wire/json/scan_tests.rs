use super::*;

fn members(text: &str) -> Result<Vec<(&str, &str)>, JsonError> {
    let mut found = Vec::new();
    scan_object(text, |name, value| found.push((&text[name], &text[value])))?;
    Ok(found)
}

// Each answer below is CPython 3.11's.
#[test]
fn grammar_is_pythons() {
    let good = [
        "null",
        "true",
        "false",
        "NaN",
        "Infinity",
        "-Infinity",
        "0",
        "-0",
        "-0.0",
        "1.5",
        "1e5",
        "1E+5",
        "1e-5",
        "1.0e0",
        "\"\"",
        "\"\\ud800\"",
        "\"\\uDC00\\uD800\"",
        "\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
        "\"\u{7f}é\u{2028}\"",
        "[]",
        "{}",
        " \t\r\n[ ] \n",
        "{ }",
        "[1 , 2]",
        "{\"a\" : 1 , \"\" : {}}",
        "[[],{},[[]]]",
        "1e999",
        "[1,[2,{\"a\":[]}]]",
    ];
    for text in good {
        assert!(scan(text).is_ok(), "{text}");
    }
    let bad = [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "-NaN",
        "+1",
        "-",
        "--1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "-I",
        "Inf",
        "-Infinit",
        "1_0",
        "١",
        "\"",
        "\"a",
        "'a'",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\U0041\"",
        "\"\\",
        "\"\u{1}\"",
        "\"\t\"",
        "\"\u{0}\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,]",
        "[,1]",
        "[1 2]",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:2}",
        "{\"a\" 1}",
        "{]",
        "[}",
        "[1}",
        "{\"a\":1]",
        "{}{}",
        "{}x",
        "1 2",
        "\u{c}{}",
        "\u{a0}{}",
        "\u{feff}{}",
        "{}\0",
        "//\n1",
        "[1]]",
    ];
    for text in bad {
        assert!(scan(text).is_err(), "{text:?}");
        assert!(matches!(members(text), Err(JsonError::Syntax { .. })), "{text:?}");
    }
}

#[test]
fn every_length_of_string_ends_where_it_should() {
    for length in 0..40 {
        for stop in ["\"", "\\\"", "\u{1f}", " ", "\u{80}", "\u{a2}"] {
            let text = format!("\"{}{stop}{}\"", "x".repeat(length), "y".repeat(17));
            let valid = !matches!(stop, "\"" | "\u{1f}");
            assert_eq!(scan(&text).is_ok(), valid, "{text}");
        }
    }
}

#[test]
fn members_are_given_raw_and_in_order() {
    let text = " { \"b\" : 1.0 , \"a\\u0062\":[ {\"x\":1} ] ,\"b\":\"}\\\"\",\"\":NaN} ";
    let found = members(text).unwrap();
    assert_eq!(found, [("b", "1.0"), ("a\\u0062", "[ {\"x\":1} ]"), ("b", "\"}\\\"\""), ("", "NaN")]);
    assert_eq!(members("{}"), Ok(vec![]));
    assert_eq!(members("{ }"), Ok(vec![]));
}

#[test]
fn other_kinds_are_named() {
    let kinds = [
        ("[{}]", Kind::Array),
        ("\"\"", Kind::String),
        ("1", Kind::Number),
        ("NaN", Kind::Number),
        ("null", Kind::Null),
    ];
    for (text, kind) in kinds {
        assert_eq!(members(text), Err(JsonError::NotAnObject(kind)));
    }
    assert_eq!(members(" true "), Err(JsonError::NotAnObject(Kind::Bool)));
    assert_eq!(members("tru"), Err(JsonError::Syntax { offset: 0 }));
}

#[test]
fn nesting_is_bounded_and_needs_no_stack() {
    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let too_deep = Err(JsonError::TooDeep { limit: MAX_DEPTH });
    assert_eq!(scan(&arrays(MAX_DEPTH)), Ok(Kind::Array));
    assert_eq!(scan(&arrays(MAX_DEPTH + 1)), too_deep);
    assert_eq!(scan(&objects(MAX_DEPTH)), Ok(Kind::Object));
    assert_eq!(scan(&objects(MAX_DEPTH + 1)), too_deep);
    assert_eq!(scan(&"[".repeat(1_000_000)), too_deep);
    assert_eq!(members(&objects(MAX_DEPTH)).unwrap().len(), 1);
    assert!(matches!(members(&objects(MAX_DEPTH + 1)), Err(JsonError::TooDeep { .. })));
    assert!(scan(&format!("[{}1]", "[[]],".repeat(2_000))).is_ok());
}

#[test]
fn integers_are_as_long_as_pythons() {
    let digits = "1".repeat(MAX_INTEGER_DIGITS);
    assert!(scan(&digits).is_ok());
    assert!(scan(&format!("-{digits}")).is_ok());
    assert_eq!(scan(&format!("[{digits}1]")), Err(JsonError::IntegerTooLong { offset: 1 }));
    assert!(scan(&format!("{digits}1.0")).is_ok());
    assert!(scan(&format!("{digits}1e0")).is_ok());
}
