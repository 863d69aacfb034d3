//! Are the calls of a listing from another kernel in ours, in their order, as far as this kernel
//! makes them?
//!
//! No two kernels make quite the same calls. What this one never makes in the whole recording of
//! its own tracer is skipped; the rest must come in the other listing's order, in as many calls as
//! the kernel's own best root call has them.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    compare::{Without, kept},
    parse::Node,
};

/// How much of the other listing is found, in calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InOrder {
    /// Of its root call.
    pub of: usize,
    /// Of functions that this kernel calls, too.
    pub made: usize,
    /// In their order in the kernel's best root call.
    pub kernel: usize,
    /// In their order in our best root call.
    pub ours: usize,
}

/// Looks for the first root call of `other` in both.
pub fn in_order(other: &[Vec<Node>], kernel: &[Vec<Node>], ours: &[Vec<Node>]) -> Option<InOrder> {
    let other = names(other.first()?);
    let made: HashSet<&str> = kernel.iter().flat_map(|call| names(call)).collect();
    let expected: Vec<&str> = other
        .iter()
        .copied()
        .filter(|name| made.contains(name))
        .collect();
    let best = |calls: &[Vec<Node>]| {
        let found = calls.iter().map(|call| longest(&expected, &names(call)));
        found.max().unwrap_or_default()
    };
    Some(InOrder {
        of: other.len(),
        made: expected.len(),
        kernel: best(kernel),
        ours: best(ours),
    })
}

/// Without what interrupts brought in.
fn names(call: &[Node]) -> Vec<&str> {
    let without = Without {
        interrupts: true,
        ..Without::default()
    };
    let calls = kept(call, &without).into_iter();
    calls.map(|(_, node)| node.name.as_str()).collect()
}

/// The length of the longest sequence that both have, with anything in between.
fn longest(a: &[&str], b: &[&str]) -> usize {
    let mut before = vec![0; b.len() + 1];
    for name in a {
        let mut row = vec![0; b.len() + 1];
        for (place, other) in b.iter().enumerate() {
            row[place + 1] = if name == other {
                before[place] + 1
            } else {
                row[place].max(before[place + 1])
            };
        }
        before = row;
    }
    before.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(names: &[&str]) -> Vec<Node> {
        let node = |(place, name): (usize, &&str)| Node {
            name: (*name).to_owned(),
            depth: usize::from(place > 0),
            value: None,
        };
        names.iter().enumerate().map(node).collect()
    }

    #[test]
    fn what_the_kernel_never_calls_is_not_expected() {
        let other = [call(&["r", "a", "gone", "b", "c"])];
        let kernel = [call(&["r", "a", "new", "b"]), call(&["r", "c"])];
        let ours = [call(&["r", "b", "a"])];
        let found = in_order(&other, &kernel, &ours);
        let expected = InOrder {
            of: 5,
            made: 4,
            kernel: 3,
            ours: 2,
        };
        assert_eq!(found, Some(expected));
    }
}
