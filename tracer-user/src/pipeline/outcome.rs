//! How a trace went, or what a recording says of it.

use tracer_common::{AwayCounts, CpuCounters};

use crate::{
    filter::NotRecorded,
    model::{Skipped, Totals, Untraced, WideCalls},
};

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Sums over the root calls that were printed.
    pub totals: Totals,
    /// Root calls that the filter kept back; none without a filter.
    pub filtered_out: Option<u64>,
    /// The kernel side's counters.
    pub counters: CpuCounters,
    /// Root calls of which nothing came, because a ring was full.
    pub unseen: u64,
    /// Entries of roots that opened no root call, by [`tracer_common::Away`].
    pub turned_away: AwayCounts,
    /// Hits of the roots that the kernel skipped.
    pub skipped_roots: Skipped,
    /// Hits of all other functions that the kernel skipped.
    pub skipped_below: Skipped,
    /// How many root calls had all functions below them, if the trace was wide.
    pub wide: Option<WideCalls>,
    /// What ran below root calls and had no probe, if it was sampled.
    pub untraced: Option<Untraced>,
    /// Names that were asked for, of which a recording that was read to its end has no function.
    pub not_recorded: Vec<NotRecorded>,
}

impl Outcome {
    /// Whether a recording has all functions that were asked for by name.
    pub fn has_names(&self) -> Result<(), NotRecorded> {
        self.not_recorded.first().cloned().map_or(Ok(()), Err)
    }

    /// Whether there is no root call to be seen.
    pub const fn shows_nothing(&self) -> bool {
        self.totals.whole_calls == 0 && self.totals.partial_calls == 0
    }
}
