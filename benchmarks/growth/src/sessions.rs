//! What the sessions hold: a login, a basket and a form's token, 300 bytes of JSON.

use cloakroom::SessionData;

use crate::Result;

pub const SECRET: &str = "a secret of this benchmark";
const BYTES: usize = 300;

/// The data of one session; each is another.
pub fn data(number: u64) -> Result<SessionData> {
    Ok(SessionData::from_json(&json(number))?)
}

pub fn json(number: u64) -> String {
    let mut text = format!(
        r#"{{"_auth_user_id":"{number}","_auth_user_backend":"django.contrib.auth.backends.ModelBackend","_auth_user_hash":"{}","visits":1,"basket":"""#,
        random_digits(64)
    );
    // The quotation mark that is open, and the brace.
    text.pop();
    let rest = BYTES.saturating_sub(text.len() + 2);
    text.push_str(&random_digits(rest));
    text.push_str("\"}");
    text
}

fn random_digits(count: usize) -> String {
    let mut text = String::with_capacity(count + 16);
    while text.len() < count {
        text.push_str(&format!("{:016x}", rand::random::<u64>()));
    }
    text.truncate(count);
    text
}
