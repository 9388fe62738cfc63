//! Rows of sessions and of the database cache.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloakroom_fuzz::database_row::check(data));
