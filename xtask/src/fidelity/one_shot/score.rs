//! Recall, with the kernel's own beside it.
//!
//! Both scores take three listings: the kernel's first, its second, and ours. What the first two
//! have in common is what is asked for.

use std::slice::from_ref;

use super::Recall;
use crate::fidelity::compare::{self, Comparison, Difference, Paths, Without};
use crate::fidelity::parse::Listing;

/// One comparison of the three.
pub struct Score {
    pub recall: Recall,
    pub precision: f64,
    /// What is asked for and ours has not.
    pub missing: Vec<Difference>,
}

/// Of a command: the calls of all root calls together.
pub fn whole(listings: &[Listing; 3], without: &Without) -> Score {
    let [first, second, ours] = paths(listings, without);
    let found = compare::compare(&compare::repeated(&first, &second), &ours);
    let of_first = compare::compare(&first, &ours);
    Score {
        recall: Recall {
            own: compare::compare(&first, &second).recall,
            ours: of_first.recall,
            relative: found.recall,
        },
        precision: of_first.precision,
        missing: found.missing,
    }
}

/// Of bursts: the worst root call. How many a listing has is a matter of when it began, so each of
/// the second listing, and each of ours, is held against the one of the reference that it is most
/// like, and has to have all of that.
pub fn each(listings: &[Listing; 3], without: &Without) -> Score {
    let [first, second, ours] = paths(listings, without);
    let found = worst(&ours, &compare::repeated(&first, &second));
    let share = |worst: Option<Comparison>| worst.map_or(0.0, |worst| worst.recall);
    Score {
        recall: Recall {
            own: share(worst(&second, &first)),
            ours: share(worst(&ours, &first)),
            relative: found.as_ref().map_or(0.0, |found| found.recall),
        },
        precision: compare::compare(&first, &ours).precision,
        missing: found.map_or_else(Vec::new, |found| found.missing),
    }
}

/// The one of `calls` that has least of the reference that it is most like.
fn worst(calls: &[Paths], reference: &[Paths]) -> Option<Comparison> {
    let compared = calls.iter().filter_map(|call| {
        let like = compare::likest(call, reference)?;
        Some(compare::compare(from_ref(like), from_ref(call)))
    });
    compared.min_by(|one, other| one.recall.total_cmp(&other.recall))
}

fn paths(listings: &[Listing; 3], without: &Without) -> [Vec<Paths>; 3] {
    [0, 1, 2].map(|at| compare::paths(&listings[at].calls, without))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity::parse::Node;

    /// A root call with a call of each of these functions.
    fn call(functions: &[&str]) -> Vec<Node> {
        let node = |(at, name): (usize, &&str)| Node {
            name: (*name).to_owned(),
            depth: at.min(1),
            value: None,
        };
        functions.iter().enumerate().map(node).collect()
    }

    fn listing(calls: &[&[&str]]) -> Listing {
        Listing {
            calls: calls.iter().map(|functions| call(functions)).collect(),
            torn: 0,
        }
    }

    fn is(share: f64, expected: f64) -> bool {
        (share - expected).abs() < 1e-9
    }

    #[test]
    fn what_function_graph_does_not_repeat_is_not_asked_for() {
        let listings = [
            listing(&[&["r", "a", "b", "timer"]]),
            listing(&[&["r", "a", "b"]]),
            listing(&[&["r", "a", "c"]]),
        ];
        let score = whole(&listings, &Without::default());
        assert!(is(score.recall.own, 0.75) && is(score.recall.ours, 0.5));
        assert!(is(score.recall.relative, 2.0 / 3.0));
        assert!(is(score.precision, 2.0 / 3.0));
        let missing: Vec<&str> = score
            .missing
            .iter()
            .map(|one| one.function.as_str())
            .collect();
        assert_eq!(missing, ["b"]);
    }

    #[test]
    fn good_root_calls_do_not_hide_a_poor_one() {
        let full: &[&str] = &["r", "a", "b", "c"];
        let listings = [
            listing(&[full, full]),
            listing(&[full]),
            listing(&[&["r", "a"], full, full, full]),
        ];
        assert!(is(
            whole(&listings, &Without::default()).recall.relative,
            1.0
        ));
        let score = each(&listings, &Without::default());
        assert!(is(score.recall.own, 1.0) && is(score.recall.relative, 0.5));
        let missing: Vec<&str> = score
            .missing
            .iter()
            .map(|one| one.function.as_str())
            .collect();
        assert_eq!(missing, ["b", "c"]);
    }
}
