//! `tracer explain`: what the slow or failed root calls of a recording do that the others do not.
//!
//! Root calls are told apart by a condition ([`split`]) into the *marked* ones and the others. The
//! time of a root call is the sum of its parts ([`parts`]): what each function took itself, how
//! long the task was off the CPU in it, interrupts on top. Each part that takes longer in the
//! marked calls, on average, has its share of all that takes longer. Beside that, paths that only
//! the marked calls take, and what goes with being marked ([`traits`]): CPU, task, root, argument.
//! [`lines`] puts all that in order, the largest share first.
//!
//! Shares are what was measured, and say nothing of chance where there are few calls. That a call
//! is marked goes with a CPU or a task is said only if it is significant as in [`super::diff`].

mod lines;
mod parts;
mod sentences;
pub mod split;
mod traits;

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::{Collect, Counted, Merged, Place};
use crate::{
    filter::{Failure, why},
    model::{FunctionId, FunctionTable, Node, RootCall, SleepTime},
};

pub use split::{Condition, Durations};

use parts::{Part, Spent};
use traits::Traits;

/// The marked root calls stand second where there are two of something.
const OTHERS: usize = 0;
const MARKED: usize = 1;

/// Paths that are told apart, at most; of some hundred bytes each.
const MOST_PATHS: usize = 1 << 18;

/// Of the calls of a path, in both groups.
#[derive(Clone, Copy, Debug, Default)]
struct PathSums {
    /// Root calls that take it.
    taken_by: [u64; 2],
    /// Time of its calls, ns.
    total: [u64; 2],
    /// The root call that was counted last.
    last: u64,
}

/// Root calls, told apart and summed up.
pub struct Explain<'a> {
    functions: &'a FunctionTable,
    condition: Condition,
    root_calls: u64,
    calls: [u64; 2],
    total: [u64; 2],
    paths: Merged<PathSums>,
    parts: FxHashMap<Part, [u64; 2]>,
    /// Where the marked calls spend most of a part.
    places: FxHashMap<(Part, Place), u64>,
    /// The locks that marked calls wait for, by address.
    locks: FxHashMap<(Part, u64), u64>,
    /// Calls that interrupts make.
    interrupts: [u64; 2],
    traits: Traits,
    /// The functions that returned the failure first.
    sources: FxHashMap<(FunctionId, Failure), u64>,
}

impl<'a> Explain<'a> {
    /// Nothing is known yet.
    pub fn new(functions: &'a FunctionTable, condition: Condition) -> Self {
        Self {
            functions,
            condition,
            root_calls: 0,
            calls: [0; 2],
            total: [0; 2],
            paths: Merged::with_limit(SleepTime::Counted, MOST_PATHS),
            parts: FxHashMap::default(),
            places: FxHashMap::default(),
            locks: FxHashMap::default(),
            interrupts: [0; 2],
            traits: Traits::default(),
            sources: FxHashMap::default(),
        }
    }

    /// Writes what the marked root calls have in common.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        lines::write(self, out)
    }

    fn add_paths(&mut self, nodes: &[Node], group: usize) -> Vec<Counted> {
        let places = self.paths.places(nodes, 0);
        for (node, counted) in nodes.iter().zip(&places) {
            let (Node::Call(call), Counted::There(place)) = (node, counted) else {
                continue;
            };
            let sums = self.paths.sums_mut(*place);
            if sums.last != self.root_calls {
                sums.last = self.root_calls;
                sums.taken_by[group] += 1;
            }
            let time = call.duration(SleepTime::Counted).unwrap_or_default();
            sums.total[group] = sums.total[group].saturating_add(time.0);
        }
        places
    }

    fn add_parts(&mut self, spent: &Spent, places: &[Counted], group: usize) {
        self.interrupts[group] += spent.interrupts;
        for piece in &spent.pieces {
            let sum = &mut self.parts.entry(piece.part).or_default()[group];
            *sum = sum.saturating_add(piece.ns);
            if group != MARKED {
                continue;
            }
            if let Some(Counted::There(place) | Counted::Above(place)) =
                piece.node.and_then(|node| places.get(node))
            {
                *self.places.entry((piece.part, *place)).or_default() += piece.ns;
            }
            if let Some(lock) = piece.lock {
                *self.locks.entry((piece.part, lock)).or_default() += piece.ns;
            }
        }
    }
}

impl Collect for Explain<'_> {
    fn add(&mut self, call: &RootCall) {
        let Some(root) = call.root() else {
            return;
        };
        let Some(total) = root.duration(SleepTime::Counted) else {
            return;
        };
        let failure = self.condition.failure(root, self.functions);
        let group = usize::from(self.condition.marks(root, self.functions));
        self.root_calls += 1;
        self.calls[group] += 1;
        self.total[group] = self.total[group].saturating_add(total.0);
        self.traits.add(call, root, self.functions, group);
        let spent = Spent::of(call, root, self.functions);
        let places = self.add_paths(&spent.nodes, group);
        self.add_parts(&spent, &places, group);
        if group == MARKED
            && let Some(failure) = failure
            && let Some(source) = why::source(&call.nodes, failure, self.functions)
        {
            *self.sources.entry((source, failure)).or_default() += 1;
        }
    }
}
