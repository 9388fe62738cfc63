//! A value that begins with `$` names another variable.

/// So many names may lead to one another.
const DEPTH: usize = 32;

/// What a value stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proxied {
    Value(String),
    /// It names a variable that is not set.
    Missing(String),
    /// The names lead in a circle.
    Circle,
}

/// The value, or that of the variable it names. Django-environ fails where that variable is not set, and with
/// it every site that reads a generated secret beginning with `$`; here such a value stands for itself when it
/// cannot be the name of a variable.
pub(crate) fn resolve(value: String, variable: &dyn Fn(&str) -> Option<String>) -> Proxied {
    let mut value = value;
    for _ in 0..DEPTH {
        let Some(name) = value.strip_prefix('$').map(|rest| rest.trim_start_matches('$')) else {
            return Proxied::Value(value);
        };
        match variable(name) {
            Some(named) => value = named,
            None if is_name(name) => return Proxied::Missing(name.to_owned()),
            None => return Proxied::Value(value),
        }
    }
    Proxied::Circle
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(value: &str) -> Proxied {
        resolve(value.to_owned(), &|name| match name {
            "A" => Some("$B".to_owned()),
            "B" => Some("value".to_owned()),
            "C" => Some("$C".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn names_are_followed() {
        assert_eq!(resolved("$A"), Proxied::Value("value".into()));
        assert_eq!(resolved("$$B"), Proxied::Value("value".into()));
        assert_eq!(resolved("A$B"), Proxied::Value("A$B".into()));
        assert_eq!(resolved("$C"), Proxied::Circle);
        assert_eq!(resolved("$NONE"), Proxied::Missing("NONE".into()));
        assert_eq!(resolved("$x(9)&"), Proxied::Value("$x(9)&".into()));
    }
}
