//! Batches in any order become root calls.
//!
//! A task hands its batch over before it leaves a CPU, so when a batch is seen in one ring, every earlier batch
//! of that task is already in some ring: one more pass over all rings finds it, or it is lost. The
//! caller says when a pass is complete ([`Rebuilder::pass`]); what is still missing one pass later
//! is a gap. Memory: the open root calls and the batches that wait for a pass.

use std::collections::{BTreeMap, HashMap};

use tracer_common::{BatchHeader, Event};

use super::{
    CpuId, TaskId,
    builder::Builder,
    tree::{End, Interrupts, RootCall},
};
use crate::stream::Batch;

/// Sums over root calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Root calls that returned with nothing missing.
    pub whole_calls: u64,
    /// Root calls of which something is missing, that died, or that were cut off.
    pub partial_calls: u64,
    /// Events in trees.
    pub events: u64,
    /// Events that are known to be lost.
    pub lost: u64,
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
        self.lost += call.lost;
        self.gaps += call.gaps;
    }
}

/// The open root call of one task.
struct Open {
    builder: Builder,
    comm: [u8; 16],
    next_sequence: u64,
}

/// Turns batches into root calls.
pub struct Rebuilder {
    interrupts: Interrupts,
    open: HashMap<(TaskId, u64), Open>,
    /// Batches that came before an earlier one of the same root call, with the pass in which they came.
    waiting: BTreeMap<(TaskId, u64, u64), (u64, Batch)>,
    pass: u64,
}

impl Rebuilder {
    /// Nothing is open.
    #[must_use]
    pub fn new(interrupts: Interrupts) -> Self {
        Self {
            interrupts,
            open: HashMap::new(),
            waiting: BTreeMap::new(),
            pass: 0,
        }
    }

    /// Takes a batch; gives out the root calls that it completes.
    pub fn push(&mut self, batch: Batch, complete: &mut impl FnMut(RootCall)) {
        let header = *batch.header();
        let key = (TaskId(header.tid), header.root_time_ns);
        let expected = self.open.get(&key).map_or(0, |open| open.next_sequence);
        if header.sequence > expected || self.has_older(key) {
            self.waiting
                .insert((key.0, key.1, header.sequence), (self.pass, batch));
            return;
        }
        self.apply(&header, batch.events(), complete);
        self.apply_waiting(key, complete);
    }

    /// Says that every ring has been read to its end once more: batches that waited through the
    /// whole pass wait in vain for what is missing before them.
    pub fn pass(&mut self, complete: &mut impl FnMut(RootCall)) {
        let this_pass = self.pass;
        self.pass += 1;
        let overdue: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, (pass, _))| *pass < this_pass)
            .map(|(&key, _)| key)
            .collect();
        for key in overdue {
            if let Some((_, batch)) = self.waiting.remove(&key) {
                self.apply(&batch.header().clone(), batch.events(), complete);
                self.apply_waiting((key.0, key.1), complete);
            }
        }
    }

    /// Gives out what is still open.
    pub fn finish(&mut self, complete: &mut impl FnMut(RootCall)) {
        self.pass(complete);
        self.pass(complete);
        let mut keys: Vec<_> = self.open.keys().copied().collect();
        keys.sort_unstable_by_key(|&(task, time)| (time, task));
        for key in keys {
            self.close(key, End::Cut, complete);
        }
    }

    /// When a root call has ended, the next one of the same task need not wait any longer.
    fn apply_next(&mut self, task: TaskId, complete: &mut impl FnMut(RootCall)) {
        let next = self
            .waiting
            .range((task, 0, 0)..)
            .next()
            .map(|(&key, _)| key);
        if let Some(key @ (next, _, 0)) = next
            && next == task
            && let Some((_, batch)) = self.waiting.remove(&key)
        {
            self.push(batch, complete);
        }
    }

    fn apply_waiting(&mut self, key: (TaskId, u64), complete: &mut impl FnMut(RootCall)) {
        while let Some(open) = self.open.get(&key) {
            let next = (key.0, key.1, open.next_sequence);
            let Some((_, batch)) = self.waiting.remove(&next) else {
                return;
            };
            self.apply(&batch.header().clone(), batch.events(), complete);
        }
    }

    fn apply(
        &mut self,
        header: &BatchHeader,
        events: impl Iterator<Item = Event>,
        complete: &mut impl FnMut(RootCall),
    ) {
        let key = (TaskId(header.tid), header.root_time_ns);
        if !self.open.contains_key(&key) {
            self.close_older(key, complete);
        }
        let interrupts = self.interrupts;
        let open = self.open.entry(key).or_insert_with(|| Open {
            builder: Builder::new(interrupts),
            comm: header.comm,
            next_sequence: 0,
        });
        let cpu = CpuId(header.cpu);
        let lost = header.sequence.saturating_sub(open.next_sequence);
        if lost > 0 {
            open.builder.gap(lost, cpu);
        }
        open.next_sequence = header.sequence + u64::from(header.count);
        open.comm = header.comm;
        let mut end = None;
        for event in events {
            if let Some(now) = open.builder.push(&event, cpu) {
                end = Some(now);
            }
        }
        if let Some(end) = end {
            self.close(key, end, complete);
            self.apply_next(key.0, complete);
        }
    }

    /// Whether an earlier root call of the task has not come to its end yet.
    fn has_older(&self, key: (TaskId, u64)) -> bool {
        let waits = self
            .waiting
            .range((key.0, 0, 0)..(key.0, key.1, 0))
            .next()
            .is_some();
        waits
            || self
                .open
                .keys()
                .any(|open| open.0 == key.0 && open.1 < key.1)
    }

    /// A task that begins another root call has left the one before, seen or not.
    fn close_older(&mut self, key: (TaskId, u64), complete: &mut impl FnMut(RootCall)) {
        let mut older: Vec<_> = self
            .open
            .keys()
            .filter(|open| open.0 == key.0 && open.1 < key.1)
            .copied()
            .collect();
        older.sort_unstable();
        for key in older {
            self.close(key, End::Lost, complete);
        }
    }

    fn close(&mut self, key: (TaskId, u64), end: End, complete: &mut impl FnMut(RootCall)) {
        if let Some(open) = self.open.remove(&key) {
            complete(open.builder.finish(key.0, open.comm, end));
        }
    }
}
