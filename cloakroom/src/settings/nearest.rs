//! The name that was probably meant.

/// The known name that differs in the fewest letters, if they are few.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    let best = known.iter().map(|candidate| (distance(&name, &candidate.to_ascii_uppercase()), *candidate)).min()?;
    (best.0 <= 2 + best.1.len() / 8).then_some(best.1)
}

/// How many letters must be put in, taken out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_name() {
        let known = ["SESSION_COOKIE_AGE", "SESSION_COOKIE_NAME", "USE_TZ"];
        assert_eq!(nearest("SESSION_COOKIE_AEG", &known), Some("SESSION_COOKIE_AGE"));
        assert_eq!(nearest("session_cookie_name", &known), Some("SESSION_COOKIE_NAME"));
        assert_eq!(nearest("USETZ", &known), Some("USE_TZ"));
        assert_eq!(nearest("DEBUG", &known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
