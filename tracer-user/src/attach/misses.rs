//! Hits that the kernel skipped, by its own count.
//!
//! A program that is hit again on the same CPU while it runs is skipped, so that it cannot call itself for ever
//! (`recursion_misses` of `struct bpf_prog_info`). It happens to what the probe itself calls, and to what an interrupt in the middle of it calls; the
//! kernel does not tell the two apart, nor where it was.

use std::{collections::BTreeMap, os::fd::BorrowedFd};

use super::{Probe, bpf};

/// How many hits of these probes the kernel has skipped since they were attached; entry and exit count apart.
pub fn skipped<'a>(probes: impl Iterator<Item = &'a Probe>) -> u64 {
    let mut of_programs = BTreeMap::new();
    for program in probes.flat_map(Probe::programs) {
        if let Some(info) = info(program) {
            of_programs.insert(info.0, info.1);
        }
    }
    of_programs.values().sum()
}

/// A program's id and its count.
fn info(program: BorrowedFd<'_>) -> Option<(u32, u64)> {
    let info = bpf::program_info(program).ok()?;
    Some((info.id, info.recursion_misses))
}
