//! Reading without a check, for `--unverified`.

use cloakroom::wire::json::ascii_from_latin1;
use cloakroom::wire::zlib::MAX_PAYLOAD;
use cloakroom::wire::{base62, base64, zlib};

use super::moment;
use crate::failure::Failure;

/// The JSON text, and what the text claims about itself.
pub(super) fn decode(text: &[u8]) -> Result<(String, String), Failure> {
    let mut parts = text.rsplitn(3, |byte| *byte == b':');
    let (Some(_signature), Some(stamp), Some(payload)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::new("this is not session data: DATA:TIME:SIGNATURE is expected"));
    };
    let data = match payload.strip_prefix(b".") {
        Some(packed) => zlib::decompress(&base64::decode(packed)?, MAX_PAYLOAD)?,
        None => base64::decode(payload)?,
    };
    let stamp = std::str::from_utf8(stamp).ok().and_then(|stamp| base62::decode(stamp).ok());
    let claimed = stamp.map_or("at a time that cannot be read".to_owned(), moment);
    Ok((ascii_from_latin1(data), format!("NOT VERIFIED; says it was signed {claimed}")))
}
