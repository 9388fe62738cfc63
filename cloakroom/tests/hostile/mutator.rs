//! Inputs made of others: bytes changed, cut out, put in, repeated, two inputs spliced. The same seed makes the same.

/// Longer ones say no more.
const LONGEST: usize = 4096;

/// What the formats are made of.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"=",
    b";",
    b"\r\n",
    b"\n",
    b"\0",
    b"\xff",
    b".",
    b"-",
    b"+",
    b"e",
    b"T",
    b"Z",
    b"W",
    b"$",
    b"#",
    b"%",
    b"@",
    b"/",
    b"?",
    b"&",
    b"null",
    b"NaN",
    b"Infinity",
    b"sessionid=",
    b"_session_expiry",
    b"END\r\n",
    b"VALUE ",
    b"STAT ",
    b"18446744073709551615",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"\x80\x05",
    b"\x78\x9c",
    b"\x94",
    b"\x8c",
    b"\x95",
    b"SECRET_KEY=",
    b"export ",
];

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than the bound, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// One of the inputs, changed at one place to eight.
pub fn change(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = inputs[random.below(inputs.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(16)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].repeat(1 + random.below(20));
                drop(bytes.splice(at..at, part));
            }
            5 => {
                let other = &inputs[random.below(inputs.len())];
                let from = random.below(other.len() + 1);
                drop(bytes.splice(at.., other[from..].iter().copied()));
            }
            _ => drop(bytes.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
