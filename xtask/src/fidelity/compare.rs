//! How much of one listing is in the other.
//!
//! A call's path is the names from the root down to it. Both listings are reduced to "how often does this path
//! occur in a root call, on average"; what they share is the smaller number, path by path. Recall is the share
//! of the kernel's listing that is in ours, precision the share of ours that is in the kernel's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::parse::Node;

/// Occurrences of each path per root call.
pub type Paths = BTreeMap<String, f64>;

/// Counts paths. Calls of functions in `without` are taken out, what they called moves up to their caller.
pub fn paths(calls: &[Vec<Node>], without: &BTreeSet<String>) -> Paths {
    let mut paths = Paths::new();
    #[allow(clippy::cast_precision_loss)]
    let share = 1.0 / calls.len().max(1) as f64;
    for call in calls {
        let mut stack: Vec<(usize, String)> = Vec::new();
        for node in call {
            while stack.last().is_some_and(|(depth, _)| *depth >= node.depth) {
                stack.pop();
            }
            if without.contains(&node.name) {
                continue;
            }
            let path = match stack.last() {
                Some((_, parent)) => format!("{parent}/{}", node.name),
                None => node.name.clone(),
            };
            *paths.entry(path.clone()).or_default() += share;
            stack.push((node.depth, path));
        }
    }
    paths
}

/// One comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The share of the reference that we have, 0 to 1.
    pub recall: f64,
    /// The share of ours that the reference has, 0 to 1.
    pub precision: f64,
    /// Functions whose calls are missing, with the calls per root call, most first.
    pub missing: Vec<(String, f64)>,
    /// Functions whose calls are too many, likewise.
    pub surplus: Vec<(String, f64)>,
}

/// Compares `ours` with `reference`.
pub fn compare(reference: &Paths, ours: &Paths) -> Comparison {
    let common: f64 = reference
        .iter()
        .map(|(path, count)| count.min(ours.get(path).copied().unwrap_or(0.0)))
        .sum();
    let share = |paths: &Paths| {
        let sum: f64 = paths.values().sum();
        if sum > 0.0 { common / sum } else { 0.0 }
    };
    Comparison {
        recall: share(reference),
        precision: share(ours),
        missing: excess(reference, ours),
        surplus: excess(ours, reference),
    }
}

/// By how much `a` has more calls of a function than `b`, over all paths.
fn excess(a: &Paths, b: &Paths) -> Vec<(String, f64)> {
    let mut functions: BTreeMap<&str, f64> = BTreeMap::new();
    for (path, count) in a {
        let more = count - b.get(path).copied().unwrap_or(0.0);
        if more > 0.005 {
            let name = path.rsplit('/').next().unwrap_or(path);
            *functions.entry(name).or_default() += more;
        }
    }
    let mut functions: Vec<_> = functions
        .into_iter()
        .map(|(name, count)| (name.to_owned(), (count * 1000.0).round() / 1000.0))
        .collect();
    functions.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(nodes: &[(&str, usize)]) -> Vec<Node> {
        nodes
            .iter()
            .map(|&(name, depth)| Node {
                name: name.to_owned(),
                depth,
            })
            .collect()
    }

    #[test]
    fn a_listing_is_all_of_itself() {
        let calls = [call(&[("r", 0), ("a", 1), ("b", 2), ("a", 1)])];
        let paths = paths(&calls, &BTreeSet::new());
        let same = compare(&paths, &paths);
        assert!((same.recall - 1.0).abs() < 1e-9 && (same.precision - 1.0).abs() < 1e-9);
        assert!(same.missing.is_empty() && same.surplus.is_empty());
    }

    #[test]
    fn what_is_missing_lowers_recall_only() {
        let none = BTreeSet::new();
        let reference = paths(&[call(&[("r", 0), ("a", 1), ("b", 2), ("c", 1)])], &none);
        let ours = paths(&[call(&[("r", 0), ("a", 1), ("c", 1)])], &none);
        let comparison = compare(&reference, &ours);
        assert!((comparison.recall - 0.75).abs() < 1e-9);
        assert!((comparison.precision - 1.0).abs() < 1e-9);
        assert_eq!(comparison.missing, [("b".to_owned(), 1.0)]);
    }

    #[test]
    fn children_of_what_is_taken_out_move_up() {
        let without = BTreeSet::from(["a".to_owned()]);
        let reference = paths(&[call(&[("r", 0), ("a", 1), ("b", 2)])], &without);
        let ours = paths(&[call(&[("r", 0), ("b", 1)])], &BTreeSet::new());
        assert!((compare(&reference, &ours).recall - 1.0).abs() < 1e-9);
    }
}
