//! `--why-failed`: of a root call that failed, the path from it down to the function that returned
//! the failure first.
//!
//! From a call the path goes on to the last of its callees that returned the same error: what the
//! caller handed up is what it was told last. The error is the number, whatever carries it: an
//! `int`, a `long`, an error pointer, an `unsigned long` as mmap's (`IS_ERR_VALUE`,
//! include/linux/err.h), or a register of unknown type. Where no callee returned it, it may have
//! passed through one that says no more than false or NULL: `capable` is false because
//! `cap_capable` returned -EPERM. So callees that return a truth value or NULL are looked through.
//! What an interrupt called in between is no callee.
//!
//! All other calls are folded: each call of the path has the number of those that it made. Marks of
//! what is missing stay, for the cause may be there.

use super::outcome::Failure;
use crate::model::{Call, FunctionId, FunctionTable, Node, ValueType};

/// Leaves the failing path of a tree. `root` is the place of the root's own call, which failed.
pub fn fold(
    nodes: Vec<Node>,
    root: usize,
    failure: Failure,
    functions: &FunctionTable,
) -> Vec<Node> {
    let path = Search {
        nodes: &nodes,
        functions,
    }
    .path(root, failure);
    let mut folded = folded_by(&nodes, &path).into_iter();
    let mut path = path.into_iter().peekable();
    let mut left = Vec::new();
    let mut levels = 0;
    for (index, mut node) in nodes.into_iter().enumerate() {
        match &mut node {
            Node::Call(call) => {
                if path.next_if_eq(&index).is_none() {
                    continue;
                }
                call.folded = folded.next();
                levels = call.depth + 1;
            }
            Node::Mark(_) => continue,
            Node::Gap { depth, .. } => *depth = levels.min(*depth),
        }
        left.push(node);
    }
    left
}

/// The function that returned the failure of a root call first.
pub fn source(nodes: &[Node], failure: Failure, functions: &FunctionTable) -> Option<FunctionId> {
    let root = nodes.iter().rposition(|node| node.depth() == 0)?;
    let path = Search { nodes, functions }.path(root, failure);
    match &nodes[*path.last()?] {
        Node::Call(call) => Some(call.function),
        Node::Mark(_) | Node::Gap { .. } => None,
    }
}

const fn is_call(node: &Node) -> bool {
    matches!(node, Node::Call(_))
}

/// For each call of the path, how many calls are folded that belong to it and to no call further
/// down. The first one has all that stands elsewhere, too.
fn folded_by(nodes: &[Node], path: &[usize]) -> Vec<u32> {
    let calls = |nodes: &[Node]| nodes.iter().filter(|node| is_call(node)).count();
    let mut within: Vec<usize> = path
        .iter()
        .map(|&at| calls(&nodes[at..end(nodes, at)]))
        .collect();
    if let Some(first) = within.first_mut() {
        *first = calls(nodes);
    }
    let next = within.iter().skip(1).copied().chain([0]);
    let folded = within.iter().zip(next).map(|(all, below)| all - 1 - below);
    folded
        .map(|calls| u32::try_from(calls).unwrap_or(u32::MAX))
        .collect()
}

/// After the last node below a call.
fn end(nodes: &[Node], at: usize) -> usize {
    let depth = nodes[at].depth();
    let below = nodes[at + 1..]
        .iter()
        .position(|node| node.depth() <= depth);
    below.map_or(nodes.len(), |below| at + 1 + below)
}

struct Search<'a> {
    nodes: &'a [Node],
    functions: &'a FunctionTable,
}

impl Search<'_> {
    /// The places of the path, the root's first.
    fn path(&self, root: usize, failure: Failure) -> Vec<usize> {
        let mut path = vec![root];
        let mut failure = failure;
        while let Some(&at) = path.last()
            && let Some((found, next)) = self.next(at, failure)
        {
            path.extend(self.between(at, found));
            path.push(found);
            failure = next;
        }
        path
    }

    /// The callee that returned it to the call at a place: a direct one, or else one below callees
    /// that are looked through; the last of them. With what it returned.
    fn next(&self, at: usize, failure: Failure) -> Option<(usize, Failure)> {
        let Node::Call(caller) = &self.nodes[at] else {
            return None;
        };
        let mut direct = None;
        let mut deeper = None;
        // Calls at this depth may be what is searched for.
        let mut reach = caller.depth + 1;
        for index in at + 1..end(self.nodes, at) {
            let Node::Call(call) = &self.nodes[index] else {
                continue;
            };
            reach = reach.min(call.depth);
            if call.depth > reach || call.context != caller.context {
                continue;
            }
            if let Some(same) = self.same(call, failure) {
                let found = if call.depth == caller.depth + 1 {
                    &mut direct
                } else {
                    &mut deeper
                };
                *found = Some((index, same));
            } else if self.says_no_more(call) {
                reach = call.depth + 1;
            }
        }
        direct.or(deeper)
    }

    /// The calls around `found` that lie below the one at `at`.
    fn between(&self, at: usize, found: usize) -> Vec<usize> {
        let mut depth = self.nodes[found].depth();
        let mut between: Vec<usize> = (at + 1..found)
            .rev()
            .filter(|&index| {
                let node = &self.nodes[index];
                let is_around = is_call(node) && node.depth() < depth;
                if is_around {
                    depth = node.depth();
                }
                is_around
            })
            .collect();
        between.reverse();
        between
    }

    /// What a call returned, if that is the same failure, or one that explains it: an error number
    /// explains NULL and false.
    fn same(&self, call: &Call, failure: Failure) -> Option<Failure> {
        let register = call.closed.value()?;
        let returns = self.functions.returns(call.function);
        let own = error(returns, register).or_else(|| Failure::of(returns, register))?;
        let explains = !matches!(failure, Failure::Error(_)) && matches!(own, Failure::Error(_));
        (own == failure || explains).then_some(own)
    }

    /// Whether a call returned a truth value or NULL.
    fn says_no_more(&self, call: &Call) -> bool {
        let returns = self.functions.returns(call.function);
        let value = call.closed.value();
        match returns {
            Some(ValueType::Bool) => value.is_some(),
            Some(ValueType::Pointer) => value == Some(0),
            _ => false,
        }
    }
}

/// An error number, also where only its caller knows that it is one.
fn error(returns: Option<&ValueType>, register: u64) -> Option<Failure> {
    let signed = match returns {
        // An `int` leaves anything in the upper half; usually nothing.
        None if register >> 32 == 0 => ValueType::Signed { bytes: 4 },
        None | Some(ValueType::Unsigned { bytes: 8 }) => ValueType::Signed { bytes: 8 },
        _ => return None,
    };
    Failure::of(Some(&signed), register)
}
