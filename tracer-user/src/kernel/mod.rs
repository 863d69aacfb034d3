//! What the running kernel says about itself: its symbols, its types, its text, what it can trace.
//!
//! Everything here reads; nothing here decides. The plan takes these facts and decides what to
//! attach to. Each source stands in a file of its own, can be parsed from bytes without a kernel
//! (which is how it is tested), and turns whatever is damaged or missing into a typed error that
//! says what to do.

pub mod btf;
pub mod cgroup;
pub mod facts;
pub mod haste;
#[cfg(test)]
mod made_up;
mod names;
pub mod numbers;
mod preemption;
pub mod programs;
pub mod running;
mod sites;
pub mod switch;
pub mod symbols;
pub mod text;
pub mod traceable;
pub mod tracefs;
pub mod way;

use std::fmt;

pub use running::{Kernel, KernelError, PreemptCount};
pub use way::{NoSuchWay, Way, Ways};

/// An address in the kernel's half of the address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl Address {
    /// The address that lies `bytes` further on; wraps, as addresses do.
    #[must_use]
    pub const fn plus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// How many bytes lie between `start` and here, if `start` is not above.
    pub const fn since(self, start: Self) -> Option<u64> {
        self.0.checked_sub(start.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:#018x}", self.0)
    }
}
