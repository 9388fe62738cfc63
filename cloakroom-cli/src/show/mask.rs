//! Members that nobody needs to see.

use cloakroom::SessionData;

const MASK: &str = "********";

/// By these somebody could act as the visitor: whose login it is and what proves it, and the tokens that Django keeps.
fn is_secret(name: &str) -> bool {
    name.starts_with("_auth_") || ["_csrftoken", "_password_reset_token"].contains(&name)
}

/// Puts a mask in their place, and answers how many there were.
pub(super) fn mask(data: &mut SessionData) -> usize {
    let names: Vec<_> = data.keys().filter(|name| is_secret(name)).collect();
    for name in &names {
        // Text can always be written.
        let _ = data.set(name, MASK);
    }
    names.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_and_a_token_hold_is_masked_in_its_place() {
        let json = r#"{"a":1.50,"_auth_user_id":"42","_auth_user_hash":"h","_csrftoken":"t","_authority":NaN}"#;
        let mut data = SessionData::from_json(json).unwrap();
        assert_eq!(mask(&mut data), 3);
        let masked = r#"{"a":1.50,"_auth_user_id":"********","_auth_user_hash":"********","_csrftoken":"********","_authority":NaN}"#;
        assert_eq!(data.to_json(), masked);
    }
}
