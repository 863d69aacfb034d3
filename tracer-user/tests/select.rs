//! What is taken of root calls, on trees that are made up at random, some torn.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use made_up::{calls, functions};
use proptest::prelude::*;
use tracer::{
    filter::{Extent, Failures, Filter, Names, select::Selection},
    model::{Call, Closed, Node, RootCall},
    summary::{Collect as _, Condition, Explain},
};

fn calls_of(root: &RootCall) -> impl Iterator<Item = &Call> {
    root.nodes.iter().filter_map(|node| match node {
        Node::Call(call) => Some(call),
        Node::Mark(_) | Node::Gap { .. } => None,
    })
}

/// The same root call, in which every call fails for which a bit says so.
fn failing(mut root: RootCall, bits: u64) -> RootCall {
    for (index, node) in root.nodes.iter_mut().enumerate() {
        if let Node::Call(call) = node
            && let Closed::Returned { value, .. } = &mut call.closed
        {
            let fails = call.depth == 0 || bits >> (index % 64) & 1 == 1;
            *value = if fails { 0xffff_ffea } else { 0 };
        }
    }
    root
}

fn names(glob: &str) -> Names {
    Names::new(&[glob.to_owned()])
}

proptest! {
    /// Every call is on the path or is counted as folded, and all on the path hand up the error.
    #[test]
    fn a_failing_path_counts_every_call(all in calls(), bits: u64) {
        let filter = Filter {
            failed: Some(Failures::default()),
            extent: Extent::FailingPath,
            ..Filter::default()
        };
        for root in all {
            let root = failing(root, bits);
            let before = calls_of(&root).count();
            let is_gap = |node: &&Node| matches!(node, Node::Gap { .. });
            let gaps = root.nodes.iter().filter(is_gap).count();
            let Some(path) = filter.apply(root, &functions()) else { continue };
            let shown = calls_of(&path).count();
            let folded: u32 = calls_of(&path).map(|call| call.folded.unwrap()).sum();
            prop_assert_eq!(shown + folded as usize, before);
            prop_assert_eq!(path.nodes.len() - shown, gaps);
            for (depth, call) in calls_of(&path).enumerate() {
                prop_assert_eq!(call.depth as usize, depth);
                prop_assert_eq!(call.closed.value(), Some(0xffff_ffea));
            }
        }
    }

    /// What is excluded is gone, the root excepted, and nothing else is.
    #[test]
    fn hidden_lines_alone_are_gone(all in calls()) {
        let filter = Filter { excluded: names("function_1*"), ..Filter::default() };
        let table = functions();
        for root in all {
            let is_left = |call: &&Call| {
                call.depth == 0 || !table.name(call.function).starts_with("function_1")
            };
            let left = calls_of(&root).filter(is_left).count();
            let shown = filter.apply(root, &table).unwrap();
            prop_assert_eq!(calls_of(&shown).count(), left);
        }
    }

    /// Another root: each of its calls that is in no other one of them is a root call, with all
    /// below it.
    #[test]
    fn another_root_takes_its_outermost_calls(all in calls()) {
        let selection = Selection { roots: names("function_?"), ..Selection::default() };
        let table = functions();
        for root in all {
            let has = |call: &&Call| table.name(call.function).len() == "function_1".len();
            let number = calls_of(&root).filter(has).count();
            let taken = selection.take(root, &table);
            let within: usize = taken.iter().map(|part| calls_of(part).filter(has).count()).sum();
            prop_assert_eq!(within, number);
            for part in &taken {
                prop_assert!(calls_of(part).next().is_some_and(|call| call.depth == 0));
                prop_assert_eq!(calls_of(part).filter(|call| call.depth == 0).count(), 1);
            }
        }
    }

    /// An explanation of anything has ten lines at most, and no share above the whole.
    #[test]
    fn anything_is_explained(all in calls(), bits: u64) {
        let failed = Condition { failed: Some(Failures::default()), ..Condition::default() };
        let slow = Condition { slower_than: Some(tracer::model::Nanoseconds(60)), ..Condition::default() };
        for condition in [failed, slow] {
            let table = functions();
            let mut explain = Explain::new(&table, condition);
            for (index, root) in all.iter().enumerate() {
                let root = if index % 2 == 0 { failing(root.clone(), bits) } else { root.clone() };
                explain.add(&root);
            }
            let mut text = Vec::new();
            explain.write(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            prop_assert!(text.lines().count() <= 11);
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let share: u32 = line.split('%').next().unwrap().trim().parse().unwrap();
                prop_assert!(share <= 100, "{}", line);
            }
        }
    }
}
