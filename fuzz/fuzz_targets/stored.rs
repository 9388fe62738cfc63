//! Session data as db and file keep it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloakroom_fuzz::stored::check(data));
