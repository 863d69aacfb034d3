//! How many files may be open: more for tracer than for the command that it traces.
//!
//! Pairs take two programs and two links a function, so the usual limit of 1,024 is soon reached,
//! and tracer raises its own. A command inherits limits, and some close every descriptor up to
//! theirs, or make a table as long: what is traced must be what runs without tracer. So the limit
//! is kept as it was, and the command gets that one.

use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit, rlim_t, setrlimit},
};

/// What tracer wants for itself.
const WANTED: rlim_t = 1 << 20;

/// The limit that tracer was started with; nothing if the kernel does not say.
#[derive(Clone, Copy, Debug)]
pub struct FileLimit(Option<(rlim_t, rlim_t)>);

impl FileLimit {
    /// Raises the limit of this process as far as it may; says what it was. Without the capability
    /// to raise it above the hard limit, attaching says so when it gets there.
    #[must_use]
    pub fn raise() -> Self {
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return Self(None);
        };
        if setrlimit(Resource::RLIMIT_NOFILE, WANTED.max(soft), WANTED.max(hard)).is_err() {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
        Self(Some((soft, hard)))
    }

    /// Gives this process the limit that tracer was started with. It makes a system call and
    /// nothing else.
    pub(super) fn restore(self) -> Result<(), Errno> {
        let Self(Some((soft, hard))) = self else {
            return Ok(());
        };
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard)
    }
}
