//! MySQL's option files, `my.cnf`: what `read_default_file` names.

use crate::settings::refusal::Refusal;

/// The options of the groups that a client reads (`client` and its variants, then `group`), in their order.
pub(super) fn read(path: &str, group: Option<&str>) -> Result<Vec<(String, String)>, Refusal> {
    let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Refusal::new(format!("names a file that cannot be read ({error})"), "check the path"))?;
    let is_wanted = |name: &str| {
        matches!(name, "client" | "client-server" | "client-mariadb") || group.is_some_and(|group| group == name)
    };
    let (mut found, mut is_inside, mut any_group) = (Vec::new(), false, false);
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('!') {
            return Err(Refusal::new("names a file with !include, which is not followed", "put all into one file"));
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default().trim();
            (is_inside, any_group) = (is_wanted(name), true);
            continue;
        }
        if !any_group {
            return Err(Refusal::new("names a file with an option before the first group", "begin it with [client]"));
        }
        if is_inside {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            // Dashes and underscores are the same there; the name goes on as it was written, for messages.
            let name = name.split('#').next().unwrap_or_default().trim().to_owned();
            found.push((name, value_of(value.trim())));
        }
    }
    Ok(found)
}

/// A value without its quotes and its comment, with its escapes resolved.
fn value_of(text: &str) -> String {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let mut characters = text.chars().skip(usize::from(quote.is_some()));
    let mut value = String::new();
    while let Some(character) = characters.next() {
        match character {
            end if Some(end) == quote => return value,
            '#' if quote.is_none() => break,
            '\\' => match characters.next() {
                Some('b') => value.push('\u{8}'),
                Some('t') => value.push('\t'),
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('s') => value.push(' '),
                Some(known @ ('\\' | '"' | '\'')) => value.push(known),
                other => {
                    value.push('\\');
                    value.extend(other);
                }
            },
            other => value.push(other),
        }
    }
    value.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn values_are_read_as_the_client_library_reads_them() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a b # comment", "a b"),
            ("\"a # b\" # comment", "a # b"),
            ("'it''s'", "it"),
            (r"C:\\tmp\sx", r"C:\tmp x"),
            (r"a\qb", r"a\qb"),
            ("", ""),
        ] {
            assert_eq!(value_of(text), expected, "{text}");
        }
    }
}
