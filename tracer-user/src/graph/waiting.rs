//! Batches that came before an earlier one of the same task.
//!
//! One that came in order waits for a complete pass over the rings at most, an early one until a
//! later one need not wait. So what waits is little, as long as passes come; where they do not, in
//! a damaged or made-up recording, there is a limit ([`super::limits`]). A pass looks only at what
//! has waited through it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    graph::Batch,
    model::{RootCallId, TaskKey},
};

/// Events that an entry of the map takes the room of.
const ENTRY: usize = 8;

/// Where a batch belongs: in the order in which those of one task are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its root call.
    pub call: RootCallId,
    /// The number of its first event.
    pub sequence: u64,
}

/// A batch with the number of the pass in which it came.
struct Came {
    pass: u64,
    batch: Batch,
}

/// The batches.
#[derive(Default)]
pub struct Waiting {
    batches: BTreeMap<Place, Came>,
    /// Those that wait for a pass at most.
    in_order: BTreeSet<(u64, Place)>,
    room: usize,
}

impl Waiting {
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The events that wait, and the room that their batches take besides.
    pub const fn room(&self) -> usize {
        self.room
    }

    /// Lets a batch wait that has come in this pass.
    pub fn insert(&mut self, place: Place, pass: u64, batch: Batch) {
        self.remove(&place);
        if !batch.is_early() {
            self.in_order.insert((pass, place));
        }
        self.room += room(&batch);
        self.batches.insert(place, Came { pass, batch });
    }

    /// Takes the batch that waits in a place.
    pub fn remove(&mut self, place: &Place) -> Option<Batch> {
        let Came { pass, batch } = self.batches.remove(place)?;
        self.in_order.remove(&(pass, *place));
        self.room -= room(&batch);
        Some(batch)
    }

    /// The first place of a task where one waits.
    pub fn first_of(&self, task: TaskKey) -> Option<Place> {
        let from = Place {
            call: RootCallId::first_of(task),
            sequence: 0,
        };
        let (&place, _) = self.batches.range(from..).next()?;
        (place.call.task == task).then_some(place)
    }

    /// Whether one of an earlier root call of the task waits.
    pub fn has_before(&self, call: RootCallId) -> bool {
        self.first_of(call.task)
            .is_some_and(|first| first.call < call)
    }

    /// Where those wait that came in order and before this pass, in the order of their places.
    pub fn overdue(&self, pass: u64) -> Vec<Place> {
        let overdue = self
            .in_order
            .iter()
            .take_while(|&&(came, _)| came < pass)
            .map(|&(_, place)| place);
        let mut overdue: Vec<Place> = overdue.collect();
        overdue.sort_unstable();
        overdue
    }

    /// All places, in order.
    pub fn places(&self) -> Vec<Place> {
        self.batches.keys().copied().collect()
    }
}

fn room(batch: &Batch) -> usize {
    usize::from(batch.header().count) + ENTRY
}
