//! Exit codes. What each means is in `tracer --help` and docs/reference.md.
//!
//! An error knows best what it is, so each says its code where it is defined ([`HasExit`]); the
//! command line asks the causes of a failure one after the other.

use std::{io, process::ExitCode};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done as asked.
    Success,
    /// Failed for another reason.
    Failure,
    /// The command line is wrong (clap's own code).
    Usage,
    /// Not permitted: not root, lockdown, or a policy.
    NotPermitted,
    /// The kernel lacks something.
    Kernel,
    /// No such function, or it cannot be traced.
    Function,
    /// The output cannot be written.
    Output,
    /// A recording cannot be read, or only in part.
    Recording,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0u8,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::NotPermitted => 3,
            Exit::Kernel => 4,
            Exit::Function => 5,
            Exit::Output => 6,
            Exit::Recording => 7,
        })
    }
}

/// An error that says how the process ends for it.
pub trait HasExit {
    /// The code; none if a cause of it, or nothing at all, decides.
    fn exit(&self) -> Option<Exit>;
}

impl HasExit for io::Error {
    fn exit(&self) -> Option<Exit> {
        use io::ErrorKind::{BrokenPipe, StorageFull};
        matches!(self.kind(), StorageFull | BrokenPipe).then_some(Exit::Output)
    }
}
