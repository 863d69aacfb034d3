//! Calls that the kernel skipped, by its own counts.
//!
//! A program that is hit again on its CPU while it runs is skipped (`recursion_misses` of `struct
//! bpf_prog_info`, by kprobe.multi from 6.7 on), and an fprobe skips a hit when it has no room for
//! another open call (`kprobe_multi.missed` of `struct bpf_link_info`, 6.7+). Which call it was it
//! does not say.

use std::os::fd::AsFd as _;

use super::Attached;
use crate::bpf::{self, End, Ends};

/// Hits that were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Of entries.
    pub entries: u64,
    /// Of exits.
    pub exits: u64,
    /// Of programs for both ends: a call may be among them once or twice.
    pub either: u64,
}

impl Skipped {
    /// Those since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            entries: self.entries.saturating_sub(before.entries),
            exits: self.exits.saturating_sub(before.exits),
            either: self.either.saturating_sub(before.either),
        }
    }

    /// Calls that are not counted because of it, at most. An exit that was skipped is such a call,
    /// and so is an exit that came `without_entry` because that was skipped. What a program for
    /// both ends has skipped is one hit of a call of which the other end was seen, and two of any
    /// other; if it is not known how many came `without_exit`, each may be a call.
    #[must_use]
    pub fn calls(self, without_entry: u64, without_exit: Option<u64>) -> u64 {
        let either = match without_exit {
            Some(without_exit) if self.either > 0 => {
                (self.either + without_entry + without_exit).div_ceil(2)
            }
            _ => self.either,
        };
        self.exits + either.min(self.either) + without_entry.min(self.entries)
    }
}

pub(super) fn of(attached: &[Attached]) -> Skipped {
    let mut sum = Skipped::default();
    for one in attached {
        let program = bpf::program_info(one.program.as_fd());
        let misses = program.map_or(0, |info| info.recursion_misses)
            + bpf::missed_of_link(one.link.as_fd()).unwrap_or_default();
        match one.ends {
            Ends::Only(End::Entry) => sum.entries += misses,
            Ends::Only(End::Exit) => sum.exits += misses,
            Ends::Both => sum.either += misses,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_skipped_is_told_once() {
        let skipped = Skipped {
            entries: 3,
            exits: 5,
            either: 0,
        };
        // All began before the trace but the three.
        assert_eq!(skipped.calls(20, None), 8);
        // Of one call both ends were skipped.
        assert_eq!(skipped.calls(2, None), 7);
        assert_eq!(Skipped::default().calls(20, Some(3)), 0);
        // Two calls were skipped at their entry alone, one at its exit, three at both.
        let skipped = Skipped {
            either: 2 + 1 + 2 * 3,
            ..Skipped::default()
        };
        assert_eq!(skipped.calls(2, Some(1)), 6);
        assert_eq!(skipped.calls(2, None), 9);
    }
}
