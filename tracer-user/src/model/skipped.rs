//! What the kernel kept from the probes.

use std::ops::{Add, AddAssign};

/// How many hits the kernel has skipped since the probes were attached. A made-up recording may say
/// anything: sums stay at the most that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Entries. At an fprobe for both ends the exit of such a call is none, and is not counted; at
    /// a trampoline for both ends it counts here, too.
    pub entries: u64,
    /// Exits.
    pub exits: u64,
}

impl Skipped {
    /// Both ends.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.entries.saturating_add(self.exits)
    }
}

impl Add for Skipped {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            exits: self.exits.saturating_add(other.exits),
        }
    }
}

impl AddAssign for Skipped {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
