//! How many calls were counted, and how many are missing for which reason: on stderr at the end,
//! and for scrapers.

use tracer_common::AwayCounts;

use crate::{
    attach::count::{Conditions, Counted, Skipped},
    model::{Totals, many, many_were},
    pipeline::Outcome,
};

/// Sums over all roots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Calls that were counted.
    pub(super) calls: u64,
    /// Calls that did not meet a condition.
    pub(super) filtered_out: u64,
    /// Calls that the kernel skipped, at most.
    pub(super) skipped: u64,
    /// Calls for which the table of open calls had no place.
    pub(super) no_place: u64,
    /// Exits without an entry that no skipped entry explains.
    begun_before: u64,
}

impl Sums {
    /// Where calls may be sampled, an exit without an entry may be one of those.
    pub(super) fn of(
        counted: &[Counted],
        skipped: Skipped,
        conditions: &Conditions,
        may_sample: bool,
    ) -> Self {
        let sum = |of: fn(&Counted) -> u64| counted.iter().map(of).sum::<u64>();
        let calls = sum(|root| root.buckets.iter().sum());
        let filtered_out = sum(|root| root.filtered_out);
        let without_entry = sum(|root| root.without_entry);
        let hits = Skipped {
            // Where the kernel does not count what it skips, the next call in the same frame has
            // seen it.
            exits: skipped.exits.max(sum(|root| root.without_exit)),
            ..skipped
        };
        // What ends after the limit is not counted.
        let entered = sum(|root| root.entered);
        let is_known = entered > 0 && conditions.limit.is_none();
        let without_exit = is_known.then(|| entered.saturating_sub(calls + filtered_out));
        Self {
            calls,
            filtered_out,
            skipped: hits.calls(without_entry, without_exit),
            no_place: sum(|root| root.no_place),
            begun_before: match hits.either {
                0 if !may_sample => without_entry.saturating_sub(hits.entries),
                _ => 0,
            },
        }
    }

    /// Calls that should have been counted.
    pub(super) const fn missing(&self) -> u64 {
        self.skipped + self.no_place
    }

    /// As of any other trace.
    pub(super) fn outcome(&self, turned_away: AwayCounts) -> Outcome {
        Outcome {
            totals: Totals {
                whole_calls: self.calls,
                ..Totals::default()
            },
            filtered_out: Some(self.filtered_out),
            turned_away,
            ..Outcome::default()
        }
    }

    pub(super) fn tell(&self, conditions: &Conditions) {
        let filtered_out = match *conditions {
            Conditions {
                at_least_ns: 0,
                failed: false,
                returned: None,
                ..
            } => String::new(),
            _ => format!("; {} filtered out", many(self.filtered_out, "call")),
        };
        eprintln!(
            "tracer: {} counted in the kernel, {} missing{filtered_out}",
            many(self.calls, "call"),
            self.missing()
        );
        if self.skipped > 0 {
            eprintln!(
                "tracer: at most {} skipped by the kernel, because a probe was at work \
                on their CPU; \
                 times of others may span them",
                many_were(self.skipped, "call")
            );
        }
        if self.no_place > 0 {
            eprintln!(
                "tracer: {} not counted: too many were open at once",
                many_were(self.no_place, "call")
            );
        }
        if self.begun_before > 0 {
            eprintln!(
                "tracer: {} returned that had begun before the trace",
                many(self.begun_before, "call")
            );
        }
    }
}
