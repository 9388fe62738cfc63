//! What a version says: which state of an entry, on which server, between which of its starts.

use super::super::Version;

/// One run of one server. It numbers its writes from 1 after each start, so the number alone would take an entry
/// written after a restart, or one on another server, for the one that was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Which of the servers.
    pub(super) server: u16,
    /// Its process.
    pub(super) process: u32,
    /// When it started, in seconds since 1970 by its own clock.
    pub(super) started: i64,
}

/// memcached's CAS id of an entry, and the run of the server that it counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cas {
    pub(super) run: Run,
    pub(super) id: u64,
}

const LENGTH: usize = 2 + 4 + 8 + 8;

impl Cas {
    pub(super) fn version(self) -> Version {
        let mut bytes = [0; LENGTH];
        bytes[..2].copy_from_slice(&self.run.server.to_be_bytes());
        bytes[2..6].copy_from_slice(&self.run.process.to_be_bytes());
        bytes[6..14].copy_from_slice(&self.run.started.to_be_bytes());
        bytes[14..].copy_from_slice(&self.id.to_be_bytes());
        Version::from_bytes(&bytes)
    }

    /// `None` for a version that no entry has: see [`unknown`].
    pub(super) fn of(version: &Version) -> Option<Self> {
        let bytes: &[u8; LENGTH] = version.as_bytes().try_into().ok()?;
        let (server, rest) = bytes.split_first_chunk()?;
        let (process, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let run = Run {
            server: u16::from_be_bytes(*server),
            process: u32::from_be_bytes(*process),
            started: i64::from_be_bytes(*started),
        };
        Some(Self { run, id: u64::from_be_bytes(*rest.first_chunk()?) })
    }
}

/// The version of what was written and is not there any more: others have written since, or it has ended. No entry
/// has it, so whoever compares with it is told that the entry has changed.
pub(super) fn unknown() -> Version {
    Version::from_bytes(b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_servers_and_their_starts_apart() {
        let run = Run { server: 1, process: 2, started: 3 };
        let cas = Cas { run, id: u64::MAX };
        assert_eq!(Cas::of(&cas.version()), Some(cas));
        for other in [Run { server: 9, ..run }, Run { process: 9, ..run }, Run { started: 9, ..run }] {
            assert_ne!(Cas { run: other, ..cas }.version(), cas.version());
        }
        assert_eq!(Cas::of(&unknown()), None);
        assert_eq!(Cas::of(&Version::from_signature(&[b'x'; 50])), None);
    }
}
