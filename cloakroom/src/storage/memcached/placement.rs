//! On which of several servers an entry is: as the clients of Django's two backends decide it.

/// How entries are spread over several servers.
///
/// ```
/// use cloakroom::storage::memcached::{MemcachedOptions, MemcachedPlacement};
///
/// let servers = ["10.0.0.1:11211", "10.0.0.2:11211"];
/// let options = MemcachedOptions::new(servers)?.placement(MemcachedPlacement::Modulo);
/// assert!(format!("{options:?}").contains("Modulo"));
/// # Ok::<(), cloakroom::storage::memcached::MemcachedAddressError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemcachedPlacement {
    /// As pymemcache's `HashClient` does it for `PyMemcacheCache`: the server whose name together with the key has the
    /// highest murmur3 hash.
    #[default]
    Rendezvous,
    /// As libmemcached does it unless told otherwise for `PyLibMCCache`: the key's one-at-a-time hash modulo the
    /// number of servers, in the order in which they are named.
    Modulo,
}

impl MemcachedPlacement {
    /// The index of the server that has this key, among servers of these names.
    pub(super) fn place<'n>(self, names: impl ExactSizeIterator<Item = &'n str>, key: &str) -> usize {
        match (self, names.len()) {
            (_, 0 | 1) => 0,
            (Self::Modulo, servers) => one_at_a_time(key.as_bytes()) as usize % servers,
            (Self::Rendezvous, _) => {
                let mut highest: Option<(u32, &str, usize)> = None;
                for (index, name) in names.enumerate() {
                    let candidate = (score(name, key), name, index);
                    // Among equals the greater name wins.
                    if highest.is_none_or(|(score, other, _)| (candidate.0, name) > (score, other)) {
                        highest = Some(candidate);
                    }
                }
                highest.map_or(0, |(_, _, index)| index)
            }
        }
    }
}

fn score(name: &str, key: &str) -> u32 {
    // pymemcache takes the lowest eight bits of each character, not the bytes of an encoding.
    let low = |text: &str| text.chars().map(|character| character as u32 as u8).collect::<Vec<_>>();
    let mut text = low(name);
    text.push(b'-');
    text.extend(low(key));
    murmur3_32(&text)
}

/// MurmurHash3 (x86, 32 bits) with the seed 0.
fn murmur3_32(data: &[u8]) -> u32 {
    let scramble = |block: u32| block.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    let (blocks, tail) = data.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash = (hash ^ scramble(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64);
    }
    if !tail.is_empty() {
        hash ^= scramble(tail.iter().rev().fold(0, |block, &byte| block << 8 | u32::from(byte)));
    }
    hash ^= data.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ hash >> 13).wrapping_mul(0xC2B2_AE35);
    hash ^ hash >> 16
}

/// Bob Jenkins's one-at-a-time hash as libmemcached has it, which takes bytes from 128 up as negative numbers.
fn one_at_a_time(data: &[u8]) -> u32 {
    let mut hash = 0_u32;
    for &byte in data {
        hash = hash.wrapping_add_signed(i32::from(byte as i8));
        hash = hash.wrapping_add(hash << 10);
        hash ^= hash >> 6;
    }
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published test vectors of MurmurHash3 with the seed 0.
    #[test]
    fn murmur3_is_murmur3() {
        let vectors: [(&[u8], u32); 8] = [
            (b"", 0),
            (b"test", 0xba6b_d213),
            (b"Hello, world!", 0xc036_3e43),
            (b"The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
            (b"\x21\x43\x65\x87", 0xf55b_516b),
            (b"\x21\x43\x65", 0x7e4a_8634),
            (b"\x21\x43", 0xa0f7_b07a),
            (b"\x21", 0x7266_1cf4),
        ];
        for (data, hash) in vectors {
            assert_eq!(murmur3_32(data), hash, "{data:?}");
        }
    }

    #[test]
    fn one_at_a_time_is_bob_jenkinss() {
        assert_eq!(one_at_a_time(b"a"), 0xca2e_9442);
        assert_eq!(one_at_a_time(b"The quick brown fox jumps over the lazy dog"), 0x519e_91f5);
    }

    #[test]
    fn one_server_has_every_key() {
        for placement in [MemcachedPlacement::Rendezvous, MemcachedPlacement::Modulo] {
            assert_eq!(placement.place(["a:1"].into_iter(), "key"), 0);
        }
    }
}
