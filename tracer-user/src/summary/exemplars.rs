//! Root calls that are worth reading one by one: the slowest, and of each error the slowest that
//! returned it.
//!
//! They are kept whole while many go by, so there is a limit to how many and to the calls in each.
//! A tree that is too large loses its shortest calls, which is counted.

use std::collections::BTreeMap;

use super::Collect;
use crate::{
    filter,
    model::{Call, FunctionId, FunctionTable, Nanoseconds, Node, RootCall, SleepTime},
    values,
};

/// The slowest root calls that are kept.
const SLOWEST: usize = 20;
/// Root calls that are kept of each error of each root.
const FAILED: usize = 3;
/// Errors that are told apart, by root.
const MOST_ERRORS: usize = 16;
/// Calls and gaps in a tree.
const MOST_NODES: usize = 2000;

/// A root call that is kept.
#[derive(Clone, Debug)]
pub struct Exemplar {
    /// Its number among all that were shown, from 1 on.
    pub number: u64,
    /// How long it took; none where an end was not seen.
    pub duration: Option<Nanoseconds>,
    /// The call, perhaps without its shortest calls.
    pub call: RootCall,
    /// Calls and gaps that are excluded from its tree.
    pub skipped: usize,
}

impl Exemplar {
    /// Keeps a root call.
    pub(super) fn of(
        number: u64,
        duration: Option<Nanoseconds>,
        root: &RootCall,
        sleep: SleepTime,
    ) -> Self {
        let mut call = root.clone();
        let skipped = shorten(&mut call.nodes, sleep);
        Self {
            number,
            duration,
            call,
            skipped,
        }
    }
}

/// What is kept.
pub struct Exemplars<'a> {
    functions: &'a FunctionTable,
    sleep: SleepTime,
    seen: u64,
    slowest: Vec<Exemplar>,
    failed: BTreeMap<(FunctionId, &'static str), Vec<Exemplar>>,
}

impl<'a> Exemplars<'a> {
    /// Nothing is kept yet.
    pub const fn new(functions: &'a FunctionTable, sleep: SleepTime) -> Self {
        Self {
            functions,
            sleep,
            seen: 0,
            slowest: Vec::new(),
            failed: BTreeMap::new(),
        }
    }

    /// The slowest first.
    pub fn slowest(&self) -> &[Exemplar] {
        &self.slowest
    }

    /// Those that returned an error, by root and error, the slowest of each first.
    pub fn failed(&self) -> impl Iterator<Item = &Exemplar> {
        self.failed.values().flatten()
    }

    fn error(&self, call: &Call) -> Option<&'static str> {
        let returns = self.functions.returns(call.function);
        values::returned_error(returns, call.closed.value()?)
    }
}

impl Collect for Exemplars<'_> {
    fn add(&mut self, root: &RootCall) {
        self.seen += 1;
        let Some(call) = root.root() else {
            return;
        };
        let duration = call.duration(self.sleep);
        let candidate = Candidate {
            number: self.seen,
            duration,
            root,
            sleep: self.sleep,
        };
        if let Some(error) = self.error(call) {
            let kinds = self.failed.len();
            let key = (call.function, error);
            if kinds < MOST_ERRORS || self.failed.contains_key(&key) {
                candidate.offer_to(self.failed.entry(key).or_default(), FAILED);
            }
        }
        if duration.is_some() {
            candidate.offer_to(&mut self.slowest, SLOWEST);
        }
    }
}

/// A root call that goes by.
struct Candidate<'a> {
    number: u64,
    duration: Option<Nanoseconds>,
    root: &'a RootCall,
    sleep: SleepTime,
}

impl Candidate<'_> {
    /// Puts it into a list of so many, if it is slower than one of them. Among equals the first
    /// stays.
    fn offer_to(&self, list: &mut Vec<Exemplar>, most: usize) {
        let place = list.partition_point(|exemplar| exemplar.duration >= self.duration);
        if place < most {
            list.truncate(most - 1);
            list.insert(place, self.exemplar());
        }
    }

    fn exemplar(&self) -> Exemplar {
        Exemplar::of(self.number, self.duration, self.root, self.sleep)
    }
}

/// Leaves the longest calls, [`MOST_NODES`] at most. Says how many are skipped.
fn shorten(nodes: &mut Vec<Node>, sleep: SleepTime) -> usize {
    let all = nodes.len();
    if all <= MOST_NODES {
        return 0;
    }
    let durations = nodes.iter().filter_map(|node| match node {
        Node::Call(call) => call.duration(sleep),
        Node::Mark(_) | Node::Gap { .. } => None,
    });
    let mut durations: Vec<_> = durations.collect();
    durations.sort_unstable_by(|one, other| other.cmp(one));
    if let (Some(&longest), Some(&too_short)) = (durations.first(), durations.get(MOST_NODES)) {
        let threshold = Nanoseconds(too_short.0.saturating_add(1)).min(longest);
        filter::prune(nodes, threshold, sleep);
    }
    // Where no duration tells them apart, those that came first stay.
    nodes.truncate(MOST_NODES);
    all - nodes.len()
}
