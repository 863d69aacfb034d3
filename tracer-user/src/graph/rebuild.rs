//! Batches in any order become root calls.
//!
//! A task hands its batch over before it leaves a CPU, so when a batch is seen in one ring, every earlier batch
//! of that task is already in some ring: one more pass over all rings finds it, or it is lost. The
//! caller says when a pass is complete ([`Rebuilder::pass`]); what is still missing one pass later
//! is a gap. An early batch ([`tracer_common::Arrival`]) says nothing of those before it: it waits until a later one does.
//! Memory: the open root calls and the batches that wait for a pass.

use std::collections::BTreeMap;

use tracer_common::EventKind;

use super::{
    CpuId, FunctionId, Joined, Nanoseconds, ProcessId, TaskId,
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
        self.lost = self.lost.saturating_add(call.lost);
        self.gaps += call.gaps;
    }
}

/// A root call: its task and its beginning in ns.
type Key = (TaskId, u64);

/// The open root call of one task.
struct Open {
    builder: Builder,
    process: ProcessId,
    comm: [u8; 16],
    next_sequence: u64,
}

/// Turns batches into root calls.
pub struct Rebuilder {
    interrupts: Interrupts,
    joined: Joined,
    open: BTreeMap<Key, Open>,
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
            joined: Joined::default(),
            open: BTreeMap::new(),
            waiting: BTreeMap::new(),
            pass: 0,
        }
    }

    /// Functions that get their probes on the way; none without.
    #[must_use]
    pub fn with_joined(mut self, joined: Joined) -> Self {
        self.joined = joined;
        self
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
        self.apply(&batch, complete);
        self.apply_waiting(key, complete);
    }

    /// Says that every ring has been read to its end once more: batches that waited through the
    /// whole pass wait in vain for what is missing before them.
    pub fn pass(&mut self, complete: &mut impl FnMut(RootCall)) {
        let this_pass = self.pass;
        self.pass += 1;
        let mut task = None;
        let mut overdue = Vec::new();
        for (&key, (pass, batch)) in self.waiting.iter().rev() {
            if *pass < this_pass && !batch.is_early() {
                task = Some(key.0);
            }
            // What a task has before an overdue batch is all that will ever be there.
            if task == Some(key.0) {
                overdue.push(key);
            }
        }
        self.apply_in_order(overdue, complete);
    }

    /// Whether any batch waits for a pass. If none does, a pass changes nothing.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Gives out what is still open.
    pub fn finish(&mut self, complete: &mut impl FnMut(RootCall)) {
        let waiting = self.waiting.keys().rev().copied().collect();
        self.apply_in_order(waiting, complete);
        let mut keys: Vec<_> = self.open.keys().copied().collect();
        keys.sort_unstable_by_key(|&(task, time)| (time, task));
        for key in keys {
            self.close(key, End::Cut, complete);
        }
    }

    /// Applies batches that wait, whatever is missing before them. The keys are in order, the last one first.
    fn apply_in_order(
        &mut self,
        mut keys: Vec<(TaskId, u64, u64)>,
        complete: &mut impl FnMut(RootCall),
    ) {
        while let Some(key) = keys.pop() {
            if let Some((_, batch)) = self.waiting.remove(&key) {
                self.apply(&batch, complete);
                self.apply_waiting((key.0, key.1), complete);
            }
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

    fn apply_waiting(&mut self, key: Key, complete: &mut impl FnMut(RootCall)) {
        while let Some(open) = self.open.get(&key) {
            let next = (key.0, key.1, open.next_sequence);
            let Some((_, batch)) = self.waiting.remove(&next) else {
                return;
            };
            self.apply(&batch, complete);
        }
    }

    fn apply(&mut self, batch: &Batch, complete: &mut impl FnMut(RootCall)) {
        let header = batch.header();
        let key = (TaskId(header.tid), header.root_time_ns);
        if !self.open.contains_key(&key) {
            self.close_older(key, complete);
        }
        let interrupts = self.interrupts;
        let open = self.open.entry(key).or_insert_with(|| Open {
            builder: Builder::new(interrupts),
            process: ProcessId(header.tgid),
            comm: header.comm,
            next_sequence: 0,
        });
        let cpu = CpuId(header.cpu);
        let lost = header.sequence.saturating_sub(open.next_sequence);
        if lost > 0 {
            open.builder.gap(lost, cpu);
        }
        open.next_sequence = header.sequence.saturating_add(header.count.into());
        if !batch.is_early() {
            // An early one may have been handed over while the task was still to be switched to.
            open.comm = header.comm;
        }
        let mut end = None;
        for event in batch.events() {
            // Its entry came before the function had a probe for it: it is not missing, nor is it in the tree.
            if event.kind() == Some(EventKind::Exit)
                && !open.builder.has_open(&event)
                && self
                    .joined
                    .excuses(FunctionId(event.function), Nanoseconds(key.1))
            {
                continue;
            }
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
    fn has_older(&self, key: Key) -> bool {
        let waits = self
            .waiting
            .range((key.0, 0, 0)..(key.0, key.1, 0))
            .next()
            .is_some();
        waits || self.older(key).next().is_some()
    }

    /// Open root calls of the task that began before this one.
    fn older(&self, key: Key) -> impl Iterator<Item = Key> + '_ {
        self.open.range((key.0, 0)..key).map(|(&key, _)| key)
    }

    /// A task that begins another root call has left the one before, seen or not.
    fn close_older(&mut self, key: Key, complete: &mut impl FnMut(RootCall)) {
        let older: Vec<_> = self.older(key).collect();
        for key in older {
            self.close(key, End::Lost, complete);
        }
    }

    fn close(&mut self, key: Key, end: End, complete: &mut impl FnMut(RootCall)) {
        if let Some(open) = self.open.remove(&key) {
            let Open {
                builder,
                process,
                comm,
                ..
            } = open;
            complete(builder.finish(process, key.0, comm, end));
        }
    }
}
