//! What a recording holds of numbers that no batch tells.

use serde::{Deserialize, Serialize};
use tracer_common::CpuCounters;

use crate::model::Skipped;

/// What no batch tells of, since the trace began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// Root calls of which nothing came, because a ring was full.
    pub lost_whole: u64,
    /// Hits of the roots that the kernel skipped.
    pub roots: Hits,
    /// Hits of all other functions that it skipped.
    pub below: Hits,
}

/// [`Skipped`] on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// Entries.
    pub entries: u64,
    /// Exits.
    pub exits: u64,
}

impl From<Skipped> for Hits {
    fn from(Skipped { entries, exits }: Skipped) -> Self {
        Self { entries, exits }
    }
}

impl From<Hits> for Skipped {
    fn from(Hits { entries, exits }: Hits) -> Self {
        Self { entries, exits }
    }
}

/// [`CpuCounters`] on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Events that were stored nowhere.
    pub lost_events: u64,
    /// Root calls that were not traced.
    pub lost_roots: u64,
    /// Hits of the tracer's own making.
    pub self_recursions: u64,
    /// Batches that were handed over.
    pub batches: u64,
}

impl From<CpuCounters> for Counters {
    fn from(counters: CpuCounters) -> Self {
        Self {
            lost_events: counters.lost_events,
            lost_roots: counters.lost_roots,
            self_recursions: counters.self_recursions,
            batches: counters.batches,
        }
    }
}

/// How many root calls were lost whole is in [`Missed`].
impl From<Counters> for CpuCounters {
    fn from(counters: Counters) -> Self {
        Self {
            lost_events: counters.lost_events,
            lost_roots: counters.lost_roots,
            self_recursions: counters.self_recursions,
            batches: counters.batches,
            lost_beginnings: 0,
        }
    }
}
