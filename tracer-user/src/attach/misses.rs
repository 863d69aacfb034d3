//! Hits that the kernel skipped, by its own count.
//!
//! A program that is hit again on the same CPU while it runs is skipped, so that it cannot call
//! itself for ever (`recursion_misses` of `struct bpf_prog_info`). It happens to what the probe
//! itself calls, to what an interrupt in the middle of it calls, and, where a program of a
//! trampoline is preempted, to what other tasks call on that CPU until it goes on; the kernel does
//! not tell these apart, nor where it was. An fprobe is skipped, too, where there is no room for
//! one more open call (`nmissed` of `struct fprobe`, which `struct bpf_link_info` has from 6.7 on).

use std::{
    collections::BTreeMap,
    ops::{Add, AddAssign},
    os::fd::BorrowedFd,
};

use super::Probe;
use crate::bpf::{self, End};

/// How many hits the kernel has skipped since the probes were attached.
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
        self.entries + self.exits
    }

    const fn of(end: End, hits: u64) -> Self {
        match end {
            End::Entry => Self {
                entries: hits,
                exits: 0,
            },
            End::Exit => Self {
                entries: 0,
                exits: hits,
            },
        }
    }
}

impl Add for Skipped {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            exits: self.exits + other.exits,
        }
    }
}

impl AddAssign for Skipped {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// How many hits of these probes the kernel has skipped.
pub fn skipped<'a>(probes: impl Iterator<Item = &'a Probe>) -> Skipped {
    // Several probes may share a program.
    let mut of_programs = BTreeMap::new();
    let mut sum = Skipped::default();
    for probe in probes {
        for (program, end) in probe.programs() {
            if let Some((id, hits)) = of_program(program) {
                of_programs.insert(id, Skipped::of(end, hits));
            }
        }
        for (link, end) in probe.links() {
            let missed = bpf::missed_of_link(link).unwrap_or_default();
            sum += Skipped::of(end, missed);
        }
    }
    of_programs.into_values().fold(sum, Add::add)
}

/// A program's id and its count.
fn of_program(program: BorrowedFd<'_>) -> Option<(u32, u64)> {
    let info = bpf::program_info(program).ok()?;
    Some((info.id, info.recursion_misses))
}
