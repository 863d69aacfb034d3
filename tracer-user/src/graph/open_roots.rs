//! The root calls that have not come to their end, each with its tree in the making.
//!
//! Known of each: the batch that is to come next, when it was last heard of, and how many events
//! are kept of it. So when there are too many, the one that has been silent for the longest is
//! found, and when too much is kept of them together, the largest.

use std::collections::BTreeMap;

use tracer_common::{Event, EventKind};

use super::{AttachedLate, Batch, builder::Builder, limits::Limits};
use crate::model::{
    CpuId, End, FunctionId, MOST_OPEN_SHOWN, Nanoseconds, OpenRootCall, ProcessId, RootCall,
    RootCallId,
};

/// All of them.
#[derive(Default)]
pub struct OpenRoots {
    all: BTreeMap<RootCallId, OpenRoot>,
    /// By their last batch.
    silent: BTreeMap<u64, RootCallId>,
    /// Events that are kept of them.
    kept: u64,
    /// Batches that were added.
    added: u64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// Nothing: its root call is not open.
    NotOpen,
    /// Its root call is at its end.
    Ended(End),
    /// Its root call goes on.
    GoesOn,
}

impl OpenRoots {
    /// The number of the hit that comes next of a root call, if that is open.
    pub fn next_sequence(&self, call: RootCallId) -> Option<u64> {
        self.all.get(&call).map(|open| open.next_sequence)
    }

    /// Those of the task that began before this one.
    pub fn older(&self, call: RootCallId) -> impl Iterator<Item = RootCallId> + '_ {
        let first = RootCallId::first_of(call.task);
        self.all.range(first..call).map(|(&call, _)| call)
    }

    /// Those that have been open for the longest first.
    pub fn by_age(&self) -> Vec<RootCallId> {
        let mut calls: Vec<_> = self.all.keys().copied().collect();
        calls.sort_unstable_by_key(|call| (call.began, call.task));
        calls
    }

    /// The same as they are shown, [`MOST_OPEN_SHOWN`] at most.
    pub fn shown(&self) -> Vec<OpenRootCall> {
        let oldest = self.by_age().into_iter().take(MOST_OPEN_SHOWN);
        let shown = oldest.filter_map(|call| {
            let open = self.all.get(&call)?;
            Some(open.builder.open_now(call.task, open.comm))
        });
        shown.collect()
    }

    /// Adds a batch to its root call.
    pub fn add(&mut self, call: RootCallId, batch: &Batch, late: &AttachedLate) -> Added {
        let Some(open) = self.all.get_mut(&call) else {
            return Added::NotOpen;
        };
        self.silent.remove(&open.last);
        self.added += 1;
        open.last = self.added;
        self.silent.insert(open.last, call);
        self.kept -= open.builder.kept();
        let end = open.add(call.began, batch, late);
        self.kept += open.builder.kept();
        end.map_or(Added::GoesOn, Added::Ended)
    }

    /// Begins a root call with its first batch. A short one ends in it, and is never among those
    /// that are open.
    pub fn begin(
        &mut self,
        call: RootCallId,
        builder: Builder,
        batch: &Batch,
        late: &AttachedLate,
    ) -> Option<RootCall> {
        let header = batch.header();
        self.added += 1;
        let mut open = OpenRoot {
            builder,
            process: ProcessId(header.tgid),
            comm: header.comm,
            next_sequence: 0,
            last: self.added,
        };
        if let Some(end) = open.add(call.began, batch, late) {
            return Some(open.finish(call, end));
        }
        self.silent.insert(open.last, call);
        self.kept += open.builder.kept();
        self.all.insert(call, open);
        None
    }

    /// Takes one out, as it has come to this end.
    pub fn finish(&mut self, call: RootCallId, end: End) -> Option<RootCall> {
        let open = self.all.remove(&call)?;
        self.silent.remove(&open.last);
        self.kept -= open.builder.kept();
        Some(open.finish(call, end))
    }

    /// One that is to go, if there are more, or is more of them, than may be.
    pub fn one_too_many(&self, limits: Limits) -> Option<RootCallId> {
        if self.all.len() > limits.open {
            return self.silent.values().next().copied();
        }
        if self.kept <= limits.events {
            return None;
        }
        let largest = self.all.iter().max_by_key(|(_, open)| open.builder.kept());
        largest.map(|(&call, _)| call)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.all.clear();
        self.silent.clear();
        self.kept = 0;
    }
}

/// A root call that has not come to its end.
struct OpenRoot {
    builder: Builder,
    process: ProcessId,
    comm: [u8; 16],
    next_sequence: u64,
    /// The number of the last batch of it.
    last: u64,
}

impl OpenRoot {
    /// Adds the events of a batch; says how the root call ended, if it did. What was taken for lost
    /// and comes after all is not added: it is counted already, and its place is gone.
    fn add(
        &mut self,
        began: Nanoseconds,
        batch: &Batch,
        attached_late: &AttachedLate,
    ) -> Option<End> {
        let header = batch.header();
        if !batch.is_early() {
            // An early one may have been handed over while the task was still to be switched to.
            self.comm = header.comm;
        }
        let cpu = CpuId(header.cpu);
        let lost = header.sequence.saturating_sub(self.next_sequence);
        if lost > 0 {
            self.builder.gap(lost, cpu);
        }
        let known = self.next_sequence.saturating_sub(header.sequence);
        let end = header.sequence.saturating_add(batch.hits());
        self.next_sequence = self.next_sequence.max(end);
        let mut end = None;
        let mut add = |event: Event| {
            // Its entry came before the function had a probe for it: it is not missing, nor is it
            // in the tree.
            let is_excused = event.kind() == Some(EventKind::Exit)
                && !self.builder.has_open(&event)
                && attached_late.excuses(FunctionId(event.function), began);
            if !is_excused {
                end = self.builder.push(&event, cpu).or(end);
            }
        };
        if known == 0 {
            batch.events().for_each(&mut add);
        } else {
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            batch.numbered().skip(known).for_each(&mut add);
        }
        end
    }

    fn finish(self, call: RootCallId, end: End) -> RootCall {
        self.builder.finish(self.process, call.task, self.comm, end)
    }
}
