//! What holds for every decoder, whatever bytes it is given: one file a decoder, for the fuzzer and for the library's
//! own tests (`cloakroom/tests/hostile`).

pub mod base62;
pub mod base64;
pub mod cache_value;
#[cfg(feature = "axum")]
pub mod cookie;
#[cfg(feature = "sqlite")]
pub mod database_row;
pub mod dotenv;
#[cfg(feature = "file")]
pub mod file_entry;
pub mod json;
#[cfg(feature = "memcached")]
pub mod memcached;
pub mod moment;
#[cfg(feature = "mysql")]
pub mod option_file;
pub mod pickle;
pub mod session_key;
pub mod signed;
pub mod stored;
mod support;
#[cfg(feature = "toml")]
pub mod toml;
pub mod url;
pub mod zlib;

/// A decoder, and what it may take.
pub struct Decoder {
    /// The name of the fuzz target and of the folder of its corpus.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub check: fn(&[u8]),
    /// How many bytes of memory a check may take at once beside those for its input.
    pub fixed: usize,
    /// How many it may take for each byte of its input.
    pub per_byte: usize,
}

/// Stores, settings, and what the test harness takes beside.
const FIXED: usize = 256 << 10;
/// Deflate makes no more than 1,032 bytes of one; some copies of them live at once.
const INFLATED: usize = 8 * 1_032;

/// Every decoder.
pub const DECODERS: &[Decoder] = &[
    Decoder { name: "base62", check: base62::check, fixed: FIXED, per_byte: 2 },
    Decoder { name: "base64", check: base64::check, fixed: FIXED, per_byte: 16 },
    Decoder { name: "cache_value", check: cache_value::check, fixed: FIXED, per_byte: INFLATED },
    #[cfg(feature = "axum")]
    Decoder { name: "cookie", check: cookie::check, fixed: FIXED, per_byte: 64 },
    #[cfg(feature = "sqlite")]
    Decoder { name: "database_row", check: database_row::check, fixed: FIXED, per_byte: 64 },
    Decoder { name: "dotenv", check: dotenv::check, fixed: FIXED, per_byte: 256 },
    #[cfg(feature = "file")]
    Decoder { name: "file_entry", check: file_entry::check, fixed: FIXED, per_byte: INFLATED },
    Decoder { name: "json", check: json::check, fixed: FIXED, per_byte: 512 },
    #[cfg(feature = "memcached")]
    Decoder { name: "memcached", check: memcached::check, fixed: FIXED, per_byte: 64 },
    Decoder { name: "moment", check: moment::check, fixed: FIXED, per_byte: 64 },
    #[cfg(feature = "mysql")]
    Decoder { name: "option_file", check: option_file::check, fixed: FIXED, per_byte: 256 },
    Decoder { name: "pickle", check: pickle::check, fixed: FIXED, per_byte: 1_024 },
    Decoder { name: "session_key", check: session_key::check, fixed: FIXED, per_byte: 16 },
    Decoder { name: "signed", check: signed::check, fixed: FIXED, per_byte: INFLATED },
    Decoder { name: "stored", check: stored::check, fixed: FIXED, per_byte: INFLATED },
    #[cfg(feature = "toml")]
    Decoder { name: "toml", check: toml::check, fixed: FIXED, per_byte: 512 },
    Decoder { name: "url", check: url::check, fixed: FIXED, per_byte: 256 },
    Decoder { name: "zlib", check: zlib::check, fixed: FIXED, per_byte: INFLATED },
];
