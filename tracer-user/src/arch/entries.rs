//! How the entries of system calls are called.

/// Which registers of the process hold the arguments of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// Those of 64-bit programs.
    Native,
    /// The lower halves of those of 32-bit programs.
    Compat,
}

/// A kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyscallEntry {
    /// What the entry's name begins with.
    pub prefix: &'static str,
    /// Where the arguments are.
    pub convention: Convention,
    /// Whether the call has a definition of its own for 32-bit programs
    /// (`COMPAT_SYSCALL_DEFINE`).
    pub is_compat: bool,
}

impl SyscallEntry {
    pub(super) const fn new(prefix: &'static str, convention: Convention, is_compat: bool) -> Self {
        Self {
            prefix,
            convention,
            is_compat,
        }
    }
}
