//! Whatever bytes a decoder is given: no panic, no more memory than it may take, and what it accepts is written and read
//! as the same value. What the fuzzer in `fuzz/` has found is kept in `fuzz/corpus`; here it is given to the same checks
//! again, as it is and changed at random.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../../../fuzz/src/lib.rs"]
mod decoders;
mod mutator;
mod replay;

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A test for each decoder, so that each is told apart.
macro_rules! decoders {
    ($($(#[$when:meta])? $name:ident)*) => {
        $($(#[$when])? #[test]
        fn $name() {
            replay::run(stringify!($name));
        })*

        #[test]
        fn every_decoder_has_a_test() {
            let tested = [$($(#[$when])? stringify!($name)),*];
            assert_eq!(decoders::DECODERS.iter().map(|decoder| decoder.name).collect::<Vec<_>>(), tested);
        }
    };
}

decoders! {
    base62
    base64
    cache_value
    #[cfg(feature = "axum")]
    cookie
    #[cfg(feature = "sqlite")]
    database_row
    dotenv
    #[cfg(feature = "file")]
    file_entry
    json
    #[cfg(feature = "memcached")]
    memcached
    moment
    #[cfg(feature = "mysql")]
    option_file
    pickle
    session_key
    signed
    stored
    #[cfg(feature = "toml")]
    toml
    url
    zlib
}
