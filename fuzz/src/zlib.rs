//! Deflated data: never more than the limit, and what is packed is unpacked as the same.

use cloakroom::wire::zlib::{ZlibError, compress, decompress};

pub fn check(data: &[u8]) {
    let Some((limit, packed)) = data.split_first_chunk() else { return };
    let limit = usize::from(u16::from_le_bytes(*limit));
    for limit in [limit, 1 << 24] {
        let Ok(unpacked) = decompress(packed, limit) else { continue };
        assert!(unpacked.len() <= limit);
        assert_eq!(decompress(&compress(&unpacked), unpacked.len()).as_ref(), Ok(&unpacked));
        if let Some(less) = unpacked.len().checked_sub(1) {
            assert_eq!(decompress(packed, less), Err(ZlibError::TooLarge { limit: less }));
        }
    }
    assert_eq!(decompress(&compress(packed), packed.len()).as_deref(), Ok(packed));
}
