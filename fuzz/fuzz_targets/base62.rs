//! Numbers in base 62.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloakroom_fuzz::base62::check(data));
