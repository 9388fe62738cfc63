/// What a storage can do beyond the least.
///
/// ```
/// use cloakroom::storage::{Capabilities, MemoryStorage, Storage};
///
/// let memory = MemoryStorage::new().capabilities();
/// assert_eq!(memory, Capabilities::new().atomic_rename().scan().drops_expired().at_once());
/// assert!(Capabilities::new().columns().columns && !memory.columns);
/// assert!(Capabilities::new().costly_touch().costly_touch);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// [`Storage::rename`](super::Storage::rename) is one step.
    pub atomic_rename: bool,
    /// [`Storage::scan`](super::Storage::scan) works.
    pub scan: bool,
    /// [`New::columns`](super::New::columns) are kept.
    pub columns: bool,
    /// Entries end by themselves: a read may answer `None` for one that has expired.
    pub drops_expired: bool,
    /// [`Storage::touch`](super::Storage::touch) takes more than one round trip: a session of which only the expiry
    /// moves is written whole instead.
    pub costly_touch: bool,
    /// No operation ever waits: nothing comes between two of one request, so saves that meet need not queue up.
    pub at_once: bool,
}

impl Capabilities {
    /// Nothing beyond the least.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            atomic_rename: false,
            scan: false,
            columns: false,
            drops_expired: false,
            costly_touch: false,
            at_once: false,
        }
    }

    /// With a rename in one step.
    #[must_use]
    pub const fn atomic_rename(mut self) -> Self {
        self.atomic_rename = true;
        self
    }

    /// With pages to walk over.
    #[must_use]
    pub const fn scan(mut self) -> Self {
        self.scan = true;
        self
    }

    /// With columns of the application's own.
    #[must_use]
    pub const fn columns(mut self) -> Self {
        self.columns = true;
        self
    }

    /// With entries that end by themselves.
    #[must_use]
    pub const fn drops_expired(mut self) -> Self {
        self.drops_expired = true;
        self
    }

    /// With a touch of several round trips.
    #[must_use]
    pub const fn costly_touch(mut self) -> Self {
        self.costly_touch = true;
        self
    }

    /// With operations that never wait.
    #[must_use]
    pub const fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }
}
