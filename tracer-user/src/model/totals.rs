//! What all root calls have together.

use super::RootCall;

/// Sums over root calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Root calls that returned with nothing missing.
    pub whole_calls: u64,
    /// Root calls that miss something, that died, or that were cut off.
    pub partial_calls: u64,
    /// Events in trees.
    pub events: u64,
    /// Events that are known to be lost.
    pub lost: u64,
    /// Events that came and were not kept: see [`crate::graph::limits`].
    pub not_kept: u64,
    /// Places in the trees where something is missing.
    pub gaps: u64,
}

impl Totals {
    /// Counts one more root call.
    pub fn add(&mut self, call: &RootCall) {
        if call.is_whole() {
            self.whole_calls += 1;
        } else {
            self.partial_calls += 1;
        }
        self.events += call.events;
        self.lost = self.lost.saturating_add(call.lost);
        self.not_kept += call.not_kept;
        self.gaps += call.gaps;
    }
}
