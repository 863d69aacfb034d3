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

use super::{
    AttachedLate, Batch,
    builder::Builder,
    cut::CutOff,
    limits::Limits,
    open_roots::{Added, OpenRoots},
    waiting::{Place, Waiting},
};
use crate::model::{End, Interrupts, OpenRootCall, RootCall, RootCallId, Trees};

/// Turns batches into root calls.
pub struct Rebuilder {
    interrupts: Interrupts,
    trees: Trees,
    attached_late: AttachedLate,
    limits: Limits,
    open: OpenRoots,
    cut: CutOff,
    /// Batches that came before an earlier one of the same task.
    waiting: Waiting,
    pass: u64,
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
            open: OpenRoots::default(),
            cut: CutOff::default(),
            waiting: Waiting::default(),
            pass: 0,
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
        let expected = self.open.next_sequence(place.call).unwrap_or(0);
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
    /// [`crate::model::MOST_OPEN_SHOWN`] at most.
    #[must_use]
    pub fn open_calls(&self) -> Vec<OpenRootCall> {
        self.open.shown()
    }

    /// Forgets what is still open.
    pub fn forget(&mut self) {
        self.open.clear();
        self.waiting = Waiting::default();
    }

    /// Gives out what is still open.
    pub fn finish(&mut self, complete: &mut impl FnMut(RootCall)) {
        self.apply_in_order(self.waiting.places(), complete);
        for call in self.open.by_age() {
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
        let next = match self.open.next_sequence(call) {
            Some(sequence) => Place { call, sequence },
            None => self.waiting.first_of(call.task).filter(|next| {
                let is_beginning = next.sequence == 0;
                is_beginning && self.open.older(next.call).next().is_none()
            })?,
        };
        let batch = self.waiting.remove(&next)?;
        Some((next.call, batch))
    }

    fn apply(&mut self, call: RootCallId, batch: &Batch, complete: &mut impl FnMut(RootCall)) {
        if self.cut.takes(batch) {
            return;
        }
        let late = &self.attached_late;
        match self.open.add(call, batch, late) {
            Added::NotOpen => self.begin(call, batch, complete),
            Added::Ended(end) => self.close(call, end, complete),
            Added::GoesOn => self.make_room(complete),
        }
    }

    /// Applies the first batch of a root call. A short one ends in it, and is never among those
    /// that are open.
    fn begin(&mut self, call: RootCallId, batch: &Batch, complete: &mut impl FnMut(RootCall)) {
        self.close_older(call, complete);
        self.without_beginning += u64::from(batch.header().sequence > 0);
        let builder = Builder::new(self.interrupts, self.trees);
        match self.open.begin(call, builder, batch, &self.attached_late) {
            Some(whole) => complete(whole),
            None => self.make_room(complete),
        }
    }

    /// Gives out calls that are open, until there are no more than may be.
    fn make_room(&mut self, complete: &mut impl FnMut(RootCall)) {
        while let Some(call) = self.open.one_too_many(self.limits) {
            self.close(call, End::NoRoom, complete);
            self.cut.insert(call);
        }
    }

    /// Whether an earlier root call of the task has not come to its end yet.
    fn has_older(&self, call: RootCallId) -> bool {
        self.waiting.has_before(call) || self.open.older(call).next().is_some()
    }

    /// A task that begins another root call has left the one before, seen or not.
    fn close_older(&mut self, call: RootCallId, complete: &mut impl FnMut(RootCall)) {
        let older: Vec<_> = self.open.older(call).collect();
        for call in older {
            self.close(call, End::Lost, complete);
        }
    }

    fn close(&mut self, call: RootCallId, end: End, complete: &mut impl FnMut(RootCall)) {
        if let Some(root) = self.open.finish(call, end) {
            complete(root);
        }
    }
}

fn place(batch: &Batch) -> Place {
    let header = batch.header();
    Place {
        call: RootCallId::of(header),
        sequence: header.sequence,
    }
}
