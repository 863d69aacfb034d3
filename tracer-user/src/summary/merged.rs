//! The trees of all root calls, laid over each other.
//!
//! A node stands for a path of functions from a root down, and has the sums over all calls that
//! were made on it: [`Sums`], unless who merges wants others. Memory goes with the number of
//! different paths, which is limited: what would be a path too many is counted to its beginning.

use std::collections::BTreeMap;

use crate::model::{FunctionId, Nanoseconds, Node, RootCall, SleepTime};

/// Paths that are told apart, at most; of some hundred bytes each.
const MOST_PATHS: usize = 1 << 20;

/// The sums over the calls of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Calls.
    pub calls: u64,
    /// Calls of which both ends were seen; the times are theirs.
    pub timed: u64,
    /// Time from entry to return.
    pub total: Nanoseconds,
    /// The same without the time of the calls below.
    pub self_time: Nanoseconds,
    /// The average time from entry to return, ns.
    mean: f64,
    /// The squares of the distances from it, summed up, ns².
    squares: f64,
}

#[allow(clippy::cast_precision_loss)]
impl Sums {
    /// Adds a call of which both ends were seen. Average and squares by Welford's method, which
    /// does not lose digits.
    fn time(&mut self, total: Nanoseconds, self_time: Nanoseconds) {
        self.timed += 1;
        self.total += total;
        self.self_time += self_time;
        let distance = total.0 as f64 - self.mean;
        self.mean += distance / self.timed as f64;
        self.squares += distance * (total.0 as f64 - self.mean);
    }

    /// Adds the sums over other calls.
    pub fn add(&mut self, other: &Self) {
        let timed = self.timed + other.timed;
        if timed > 0 {
            let distance = other.mean - self.mean;
            let part = other.timed as f64 / timed as f64;
            self.mean += distance * part;
            self.squares += other.squares + distance * distance * part * self.timed as f64;
        }
        self.calls += other.calls;
        self.timed = timed;
        self.total += other.total;
        self.self_time += other.self_time;
    }

    /// The average time from entry to return, ns.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The square of the average's standard error, ns².
    #[must_use]
    pub fn error_squared(&self) -> f64 {
        let calls = self.timed as f64;
        self.squares / (calls - 1.0).max(1.0) / calls.max(1.0)
    }
}

#[derive(Clone, Debug, Default)]
struct Branch<S> {
    sums: S,
    below: BTreeMap<FunctionId, Place>,
}

/// Where a path stands in the merged trees. It stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(usize);

impl Place {
    /// Above all roots.
    pub const TOP: Self = Self(0);
}

/// A path with its sums.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    /// The functions, the root first.
    pub functions: &'a [FunctionId],
    /// Of the calls that end here.
    pub sums: Sums,
}

/// The merged trees.
#[derive(Clone, Debug)]
pub struct Merged<S = Sums> {
    sleep: SleepTime,
    /// The first one stands above all roots.
    branches: Vec<Branch<S>>,
    most: usize,
    /// Calls that were counted to the beginning of their path.
    pub shortened: u64,
}

/// Where a node of a root call is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// On its path.
    There(Place),
    /// At the beginning of its path, because there are too many paths.
    Above(Place),
    /// It is no call.
    Nowhere,
}

impl super::Collect for Merged {
    fn add(&mut self, call: &RootCall) {
        self.add(call);
    }
}

impl<S: Default> Merged<S> {
    /// Nothing is merged yet, and at most so many paths will be told apart.
    #[must_use]
    pub fn with_limit(sleep: SleepTime, most: usize) -> Self {
        Self {
            sleep,
            branches: vec![Branch::default()],
            most,
            shortened: 0,
        }
    }

    /// Where the nodes of a part of a root call are counted: a call at `depth` with all below it.
    /// Makes room for new paths.
    pub fn places(&mut self, nodes: &[Node], depth: u32) -> Vec<Counted> {
        let mut path: Vec<Place> = Vec::new();
        let count = |node: &Node| {
            let Node::Call(call) = node else {
                return Counted::Nowhere;
            };
            path.truncate(call.depth.saturating_sub(depth) as usize);
            let above = path.last().copied().unwrap_or(Place::TOP);
            let place = self.at(above, call.function);
            // What it calls is counted to the same place.
            path.push(place.unwrap_or(above));
            self.shortened += u64::from(place.is_none());
            place.map_or(Counted::Above(above), Counted::There)
        };
        nodes.iter().map(count).collect()
    }

    /// What is called on a path.
    pub fn below(&self, place: Place) -> impl Iterator<Item = (FunctionId, Place)> + '_ {
        let below = self.branches[place.0].below.iter();
        below.map(|(&function, &place)| (function, place))
    }

    /// The sums over the calls of a path.
    pub fn sums(&self, place: Place) -> &S {
        &self.branches[place.0].sums
    }

    /// The same, to be changed.
    pub fn sums_mut(&mut self, place: Place) -> &mut S {
        &mut self.branches[place.0].sums
    }

    /// The sums of all paths, to be changed.
    pub fn all_sums(&mut self) -> impl Iterator<Item = &mut S> {
        self.branches.iter_mut().map(|branch| &mut branch.sums)
    }

    fn at(&mut self, above: Place, function: FunctionId) -> Option<Place> {
        let new = Place(self.branches.len());
        if let Some(&place) = self.branches[above.0].below.get(&function) {
            return Some(place);
        }
        if new.0 >= self.most {
            return None;
        }
        self.branches[above.0].below.insert(function, new);
        self.branches.push(Branch::default());
        Some(new)
    }
}

impl Merged {
    /// Nothing is merged yet.
    #[must_use]
    pub fn new(sleep: SleepTime) -> Self {
        Self::with_limit(sleep, MOST_PATHS)
    }

    /// Adds a root call.
    pub fn add(&mut self, root: &RootCall) {
        let times = self_times(root, self.sleep);
        self.add_part(&root.nodes, &times, 0);
    }

    /// Adds a part of a root call: a call at `depth` with all below it, and their times from
    /// [`self_times`].
    pub fn add_part(&mut self, nodes: &[Node], times: &[Option<Nanoseconds>], depth: u32) {
        let places = self.places(nodes, depth);
        for ((node, &self_time), counted) in nodes.iter().zip(times).zip(places) {
            match (node, counted) {
                (Node::Call(call), Counted::There(place)) => {
                    let total = call.duration(self.sleep);
                    let sums = self.sums_mut(place);
                    sums.calls += 1;
                    if let (Some(total), Some(self_time)) = (total, self_time) {
                        sums.time(total, self_time);
                    }
                }
                (_, Counted::Above(place)) => {
                    self.sums_mut(place).self_time += self_time.unwrap_or_default();
                }
                _ => {}
            }
        }
    }

    /// Every path, a function before what it calls.
    pub fn walk(&self, visit: &mut impl FnMut(&Path<'_>)) {
        let mut functions = Vec::new();
        let mut open = vec![self.branches[0].below.iter()];
        while let Some(siblings) = open.last_mut() {
            let Some((&function, &place)) = siblings.next() else {
                open.pop();
                functions.pop();
                continue;
            };
            functions.push(function);
            let branch = &self.branches[place.0];
            visit(&Path {
                functions: &functions,
                sums: branch.sums,
            });
            open.push(branch.below.iter());
        }
    }
}

/// For each node of a root call, its time without that of the calls below; none where its own time
/// is not known.
#[must_use]
pub fn self_times(root: &RootCall, sleep: SleepTime) -> Vec<Option<Nanoseconds>> {
    let duration = |node: &Node| match node {
        Node::Call(call) => call.duration(sleep),
        Node::Mark(_) | Node::Gap { .. } => None,
    };
    let mut times: Vec<_> = root.nodes.iter().map(duration).collect();
    let mut open: Vec<usize> = Vec::new();
    for (index, node) in root.nodes.iter().enumerate() {
        open.truncate(node.depth() as usize);
        if let (Some(&above), Some(time)) = (open.last(), duration(node))
            && let Some(rest) = &mut times[above]
        {
            *rest = rest.since(time);
        }
        if matches!(node, Node::Call(_)) {
            open.push(index);
        }
    }
    times
}
