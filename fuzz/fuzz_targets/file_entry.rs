//! Session files and cache files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloakroom_fuzz::file_entry::check(data));
