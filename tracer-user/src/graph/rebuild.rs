//! Batches in any order become root calls.
//!
//! A task hands its batch over before it leaves a CPU, so when a batch is seen in one ring, every
//! earlier batch of that task is already in some ring: one more pass over all rings finds it, or it
//! is lost. The caller says when a pass is complete ([`Rebuilder::pass`]); what is still missing
//! one pass later is a gap. An early batch ([`tracer_common::Arrival`]) says nothing of those
//! before it: it waits until a later one does. What a call that has ended held up goes on by
//! itself: a loop, however many calls have waited behind one that was lost.
//!
//! Memory: what [`super::limits`] allows of open root calls and of batches that wait.

use std::collections::BTreeMap;

use tracer_common::{Event, EventKind};

use super::{
    AttachedLate,
    builder::Builder,
    cut::CutOff,
    limits::Limits,
    waiting::{Place, Waiting},
};
use crate::{
    graph::Batch,
    model::{
        CpuId, End, FunctionId, Interrupts, MOST_OPEN_SHOWN, Nanoseconds, OpenRootCall, ProcessId,
        RootCall, RootCallId, Trees,
    },
};

/// A root call that has not come to its end.
struct Open {
    builder: Builder,
    process: ProcessId,
    comm: [u8; 16],
    next_sequence: u64,
    /// The number of the last batch of it.
    last: u64,
}

/// Turns batches into root calls.
pub struct Rebuilder {
    interrupts: Interrupts,
    trees: Trees,
    attached_late: AttachedLate,
    limits: Limits,
    open: BTreeMap<RootCallId, Open>,
    /// The open ones by their last batch.
    silent: BTreeMap<u64, RootCallId>,
    /// Events that are kept of the open ones.
    kept: u64,
    cut: CutOff,
    /// Batches that came before an earlier one of the same task.
    waiting: Waiting,
    pass: u64,
    /// Batches that were applied.
    applied: u64,
    /// Root calls whose first batch did not come.
    without_beginning: u64,
}

impl Rebuilder {
    /// Nothing is open.
    #[must_use]
    pub fn new(interrupts: Interrupts) -> Self {
        Self {
            interrupts,
            trees: Trees::Whole,
            attached_late: AttachedLate::default(),
            limits: Limits::default(),
            open: BTreeMap::new(),
            silent: BTreeMap::new(),
            kept: 0,
            cut: CutOff::default(),
            waiting: Waiting::default(),
            pass: 0,
            applied: 0,
            without_beginning: 0,
        }
    }

    /// Functions that get their probes on the way; none without.
    #[must_use]
    pub fn with_attached_late(mut self, attached_late: AttachedLate) -> Self {
        self.attached_late = attached_late;
        self
    }

    /// How much is kept of root calls; all of them without.
    #[must_use]
    pub const fn with_trees(mut self, trees: Trees) -> Self {
        self.trees = trees;
        self
    }

    /// How much is kept of all of them together.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes a batch; gives out the root calls that it completes.
    pub fn push(&mut self, batch: Batch, complete: &mut impl FnMut(RootCall)) {
        let place = place(&batch);
        let open = self.open.get(&place.call);
        let expected = open.map_or(0, |open| open.next_sequence);
        if self.cut.takes(&batch) {
            return;
        }
        if place.sequence > expected || self.has_older(place.call) {
            self.waiting.insert(place, self.pass, batch);
            if self.waiting.room() > self.limits.waiting {
                self.apply_in_order(self.waiting.places(), complete);
            }
            return;
        }
        self.advance(batch, complete);
    }

    /// Says that every ring has been read to its end once more: batches that waited through the
    /// whole pass wait in vain for what is missing before them.
    pub fn pass(&mut self, complete: &mut impl FnMut(RootCall)) {
        let overdue = self.waiting.overdue(self.pass);
        self.pass += 1;
        for place in overdue {
            // What a task has before an overdue batch is all that will ever be there.
            while let Some(first) = self.waiting.first_of(place.call.task)
                && first <= place
            {
                self.apply_waiting(&first, complete);
            }
        }
    }

    /// Whether any batch waits for a pass. If none does, a pass changes nothing.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Events that came after their root call was given out for want of room. They are in no call's
    /// numbers.
    #[must_use]
    pub const fn not_kept(&self) -> u64 {
        self.cut.not_kept
    }

    /// Root calls, given out or open, whose first batch had not come when the next one was taken.
    /// The kernel side counts all whose first batch it could not hand over, so the others were lost
    /// whole.
    #[must_use]
    pub const fn without_beginning(&self) -> u64 {
        self.without_beginning
    }

    /// The root calls that are open, those that have been for the longest first,
    /// [`MOST_OPEN_SHOWN`] at most.
    #[must_use]
    pub fn open_calls(&self) -> Vec<OpenRootCall> {
        let mut all: Vec<_> = self.open.iter().collect();
        all.sort_by_key(|(call, _)| (call.began, call.task));
        all.truncate(MOST_OPEN_SHOWN);
        let open = all.into_iter();
        open.map(|(call, open)| open.builder.open_now(call.task, open.comm))
            .collect()
    }

    /// Forgets what is still open.
    pub fn forget(&mut self) {
        self.open.clear();
        self.silent.clear();
        self.kept = 0;
        self.waiting = Waiting::default();
    }

    /// Gives out what is still open.
    pub fn finish(&mut self, complete: &mut impl FnMut(RootCall)) {
        self.apply_in_order(self.waiting.places(), complete);
        let mut calls: Vec<_> = self.open.keys().copied().collect();
        calls.sort_unstable_by_key(|call| (call.began, call.task));
        for call in calls {
            self.close(call, End::Cut, complete);
        }
    }

    /// Applies batches that wait, whatever is missing before them.
    fn apply_in_order(&mut self, places: Vec<Place>, complete: &mut impl FnMut(RootCall)) {
        for place in places {
            self.apply_waiting(&place, complete);
        }
    }

    fn apply_waiting(&mut self, place: &Place, complete: &mut impl FnMut(RootCall)) {
        if let Some(batch) = self.waiting.remove(place) {
            self.advance(batch, complete);
        }
    }

    /// Applies a batch, and then all of the same task that need not wait any longer.
    fn advance(&mut self, batch: Batch, complete: &mut impl FnMut(RootCall)) {
        let call = place(&batch).call;
        let mut next = Some((call, batch));
        while let Some((call, batch)) = next {
            self.apply(call, &batch, complete);
            next = self.next_after(call);
        }
    }

    /// The batch that goes on with a root call; if that has ended, the one that begins the next of
    /// the same task.
    fn next_after(&mut self, call: RootCallId) -> Option<(RootCallId, Batch)> {
        let next = match self.open.get(&call) {
            Some(open) => Place {
                call,
                sequence: open.next_sequence,
            },
            None => self.waiting.first_of(call.task).filter(|next| {
                let is_beginning = next.sequence == 0;
                is_beginning && self.older(next.call).next().is_none()
            })?,
        };
        let batch = self.waiting.remove(&next)?;
        Some((next.call, batch))
    }

    fn apply(&mut self, call: RootCallId, batch: &Batch, complete: &mut impl FnMut(RootCall)) {
        if self.cut.takes(batch) {
            return;
        }
        let Some(open) = self.open.get_mut(&call) else {
            return self.begin(call, batch, complete);
        };
        self.silent.remove(&open.last);
        self.applied += 1;
        open.last = self.applied;
        self.silent.insert(open.last, call);
        self.kept -= open.builder.kept();
        let end = open.add(call.began, batch, &self.attached_late);
        self.kept += open.builder.kept();
        match end {
            Some(end) => self.close(call, end, complete),
            None => self.make_room(complete),
        }
    }

    /// Applies the first batch of a root call. A short one ends in it, and is never among those
    /// that are open.
    fn begin(&mut self, call: RootCallId, batch: &Batch, complete: &mut impl FnMut(RootCall)) {
        self.close_older(call, complete);
        let header = batch.header();
        self.without_beginning += u64::from(header.sequence > 0);
        self.applied += 1;
        let mut open = Open {
            builder: Builder::new(self.interrupts, self.trees),
            process: ProcessId(header.tgid),
            comm: header.comm,
            next_sequence: 0,
            last: self.applied,
        };
        if let Some(end) = open.add(call.began, batch, &self.attached_late) {
            return complete(open.finish(call, end));
        }
        self.silent.insert(open.last, call);
        self.kept += open.builder.kept();
        self.open.insert(call, open);
        self.make_room(complete);
    }

    /// Gives out calls that are open, until there are no more than may be.
    fn make_room(&mut self, complete: &mut impl FnMut(RootCall)) {
        if self.open.len() > self.limits.open
            && let Some((_, &silent)) = self.silent.first_key_value()
        {
            self.cut_off(silent, complete);
        }
        while self.kept > self.limits.events
            && let Some((&largest, _)) =
                self.open.iter().max_by_key(|(_, open)| open.builder.kept())
        {
            self.cut_off(largest, complete);
        }
    }

    fn cut_off(&mut self, call: RootCallId, complete: &mut impl FnMut(RootCall)) {
        self.close(call, End::NoRoom, complete);
        self.cut.insert(call);
    }

    /// Whether an earlier root call of the task has not come to its end yet.
    fn has_older(&self, call: RootCallId) -> bool {
        self.waiting.has_before(call) || self.older(call).next().is_some()
    }

    /// Open root calls of the task that began before this one.
    fn older(&self, call: RootCallId) -> impl Iterator<Item = RootCallId> + '_ {
        let first = RootCallId::first_of(call.task);
        self.open.range(first..call).map(|(&call, _)| call)
    }

    /// A task that begins another root call has left the one before, seen or not.
    fn close_older(&mut self, call: RootCallId, complete: &mut impl FnMut(RootCall)) {
        let older: Vec<_> = self.older(call).collect();
        for call in older {
            self.close(call, End::Lost, complete);
        }
    }

    fn close(&mut self, call: RootCallId, end: End, complete: &mut impl FnMut(RootCall)) {
        if let Some(open) = self.open.remove(&call) {
            self.silent.remove(&open.last);
            self.kept -= open.builder.kept();
            complete(open.finish(call, end));
        }
    }
}

impl Open {
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

fn place(batch: &Batch) -> Place {
    let header = batch.header();
    Place {
        call: RootCallId::of(header),
        sequence: header.sequence,
    }
}
