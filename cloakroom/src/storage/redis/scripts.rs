//! What must happen in one step on the server.

use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest as _, Sha1};

/// What a script answers.
pub(super) const MISSING: i64 = 0;
pub(super) const CHANGED: i64 = 1;
pub(super) const DONE: i64 = 2;
pub(super) const EXISTS: i64 = 3;

/// `KEYS[1]` must be there and hold what `ARGV[1]` is the SHA-1 of, or anything if that is empty.
const COMPARE: &str = "local found = redis.call('GET', KEYS[1])\n\
    if not found then return 0 end\n\
    if ARGV[1] ~= '' and redis.sha1hex(found) ~= ARGV[1] then return 1 end\n";

/// `ARGV[2]`: the bytes; `ARGV[3]`, `ARGV[4]`: `EX` or `PX` and how many, or 0 for what has expired already.
pub(super) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[4] == '0' then redis.call('DEL', KEYS[1])\n\
         else redis.call('SET', KEYS[1], ARGV[2], ARGV[3], ARGV[4]) end\n\
         return 2",
    )
});

/// The same under a new name, `KEYS[2]`, which must be free. What is refused for want of memory is refused before the
/// old entry goes.
pub(super) static RENAME: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[2]) == 1 then return 3 end\n\
         if ARGV[4] ~= '0' then redis.call('SET', KEYS[2], ARGV[2], ARGV[3], ARGV[4]) end\n\
         redis.call('DEL', KEYS[1])\n\
         return 2",
    )
});

/// `ARGV[2]`: milliseconds; 0 removes.
pub(super) static TOUCH: LazyLock<Script> =
    LazyLock::new(|| Script::new("redis.call('PEXPIRE', KEYS[1], ARGV[2])\nreturn 2"));

pub(super) static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new("redis.call('DEL', KEYS[1])\nreturn 2"));

/// A script and the name that a server knows it by once it has seen it.
pub(super) struct Script {
    text: String,
    sha1: String,
}

impl Script {
    /// What is done where the comparison holds.
    fn new(then: &str) -> Self {
        let text = format!("{COMPARE}{then}");
        let sha1 = sha1_hex(text.as_bytes());
        Self { text, sha1 }
    }

    /// By its name.
    pub(super) fn by_name(&self, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.sha1, keys, arguments)
    }

    /// With its text, for a server that does not know it.
    pub(super) fn with_text(&self, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
        command("EVAL", &self.text, keys, arguments)
    }
}

fn command(name: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    let count = keys.len().to_string();
    let before = [name.as_bytes(), script.as_bytes(), count.as_bytes()];
    let all = before.into_iter().chain(keys.iter().map(|key| key.as_bytes())).chain(arguments.iter().copied());
    // Room for all of it at once.
    let mut command = Cmd::with_capacity(all.clone().count(), all.clone().map(<[u8]>::len).sum());
    all.for_each(|part| {
        command.arg(part);
    });
    command
}

/// As Redis's `sha1hex` writes it.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four)]);
    let mut hex = String::with_capacity(2 * Sha1::output_size());
    hex.extend(Sha1::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    hex
}

#[cfg(test)]
mod tests {
    use super::sha1_hex;

    #[test]
    fn sha1_is_written_as_redis_writes_it() {
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
