//! Root calls that were given out before they had ended, because there was no room for all that was
//! open.
//!
//! What still comes of them belongs to a call that is told already: it is counted, and makes no
//! call of its own. A call that never goes on (its end was lost) would be remembered without end,
//! so there is a limit. The kernel side holds 1022 open root calls at a time, a small part of it.

use std::collections::{BTreeSet, VecDeque};

use crate::{graph::Batch, model::RootCallId};

/// Calls that are remembered.
const MOST: usize = 1 << 16;

/// The calls.
#[derive(Default)]
pub struct CutOff {
    calls: BTreeSet<RootCallId>,
    /// The same, those first that were cut off first.
    order: VecDeque<RootCallId>,
    /// Events that came after their call was given out.
    pub not_kept: u64,
}

impl CutOff {
    /// A call was given out.
    pub fn insert(&mut self, call: RootCallId) {
        if self.calls.insert(call) {
            self.order.push_back(call);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.calls.remove(&oldest);
        }
    }

    /// Whether a batch belongs to one of them; then it is counted.
    pub fn takes(&mut self, batch: &Batch) -> bool {
        let header = batch.header();
        let is_known = !self.calls.is_empty() && self.calls.contains(&RootCallId::of(header));
        if is_known {
            self.not_kept += batch.hits();
        }
        is_known
    }
}
