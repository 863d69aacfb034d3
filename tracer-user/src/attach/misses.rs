//! Hits that the kernel skipped, by its own count.
//!
//! A program that is hit again on the same CPU while it runs is skipped, so that it cannot call
//! itself forever (`recursion_misses` of `struct bpf_prog_info`). It happens to what the probe
//! itself calls, to what an interrupt in the middle of it calls, and, where a program of a
//! trampoline is preempted, to what other tasks call on that CPU until it goes on; the kernel does
//! not tell these apart, nor where it was. An fprobe is skipped, too, where there is no room for
//! one more open call (`nmissed` of `struct fprobe`, which `struct bpf_link_info` has from 6.7 on).

use std::{collections::BTreeMap, os::fd::BorrowedFd};

use super::Probe;
use crate::bpf::{self, End};
use crate::model::Skipped;

/// So many hits at one end.
const fn at(end: End, hits: u64) -> Skipped {
    match end {
        End::Entry => Skipped {
            entries: hits,
            exits: 0,
        },
        End::Exit => Skipped {
            entries: 0,
            exits: hits,
        },
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
                of_programs.insert(id, at(end, hits));
            }
        }
        for (link, end) in probe.links() {
            let missed = bpf::missed_of_link(link).unwrap_or_default();
            sum += at(end, missed);
        }
    }
    of_programs.into_values().fold(sum, |sum, one| sum + one)
}

/// A program's id and its count.
fn of_program(program: BorrowedFd<'_>) -> Option<(u32, u64)> {
    let info = bpf::program_info(program).ok()?;
    Some((info.id, info.recursion_misses))
}
