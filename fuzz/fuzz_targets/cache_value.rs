//! What a cache holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloakroom_fuzz::cache_value::check(data));
