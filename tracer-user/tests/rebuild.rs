//! Rebuilding, against call trees that are made up at random: cut into batches, shuffled as rings
//! shuffle them, with batches lost.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use bytes::Bytes;
use made_up::{Tree, arriving, batch, batches, events, last_part, recorded, tree};
use proptest::prelude::*;
use tracer::{
    graph::{AttachedLate, Batch, Rebuilder},
    model::{
        Closed, CpuId, End, FunctionId, Interrupts, Nanoseconds, Node, RootCall, SleepTime,
        TaskKey, Totals,
    },
};
use tracer_common::{Arrival, Context, Event, EventKind};

/// The nodes that the tree should have: function, or what was recorded of a mark, and depth, in the
/// order of entry.
fn expected(tree: &Tree, depth: u32, out: &mut Vec<(u32, u32)>) {
    out.push((tree.function, depth));
    if let Some(last) = last_part(tree.function) {
        out.push((recorded(last).into(), depth + 1));
    }
    for child in &tree.children {
        expected(child, depth + 1, out);
    }
}

fn found(call: &RootCall) -> Vec<(u32, u32)> {
    let calls = call.nodes.iter().filter_map(|node| match node {
        Node::Call(call) => Some((call.function.0, call.depth)),
        Node::Mark(mark) => Some((u32::try_from(mark.record.len()).unwrap(), mark.depth)),
        Node::Gap { .. } => None,
    });
    calls.collect()
}

fn rebuild(batches: impl IntoIterator<Item = Batch>) -> (Vec<RootCall>, Totals) {
    let mut rebuilder = Rebuilder::new(Interrupts::Shown);
    let mut calls = Vec::new();
    for batch in batches {
        rebuilder.push(batch, &mut |call| calls.push(call));
    }
    rebuilder.finish(&mut |call| calls.push(call));
    let mut totals = Totals::default();
    for call in &calls {
        totals.add(call);
    }
    (calls, totals)
}

proptest! {
    /// In whatever order the batches of several tasks come, the trees are right.
    #[test]
    fn order_of_batches_does_not_matter(
        trees in prop::collection::vec(tree(), 1..4),
        size in 1usize..20,
        seed in any::<u64>(),
    ) {
        let mut all = Vec::new();
        for (index, tree) in trees.iter().enumerate() {
            let mut list = Vec::new();
            events(tree, 0, 0x8000, &mut list);
            all.extend(batches(u32::try_from(index).unwrap() + 1, 5, &list, size));
        }
        // A shuffle that the seed decides.
        let mut state = seed | 1;
        for index in (1..all.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            all.swap(index, (state >> 33) as usize % (index + 1));
        }
        let (calls, totals) = rebuild(all);
        prop_assert_eq!(calls.len(), trees.len());
        for call in &calls {
            let mut right = Vec::new();
            expected(&trees[call.task.id().0 as usize - 1], 0, &mut right);
            prop_assert_eq!(found(call), right);
            prop_assert!(call.is_whole());
        }
        prop_assert_eq!(totals.lost, 0);
    }

    /// An event that went into the ring ahead of its batch, any number of passes before it, is put
    /// in its place and makes no gap; nor does it when the exit comes in a batch of its own.
    #[test]
    fn early_events_wait_for_what_is_before_them(
        trees in prop::collection::vec(tree(), 1..4),
        early in prop::collection::vec((any::<prop::sample::Index>(), 1usize..6), 1..4),
        passes in 0usize..4,
    ) {
        let mut rebuilder = Rebuilder::new(Interrupts::Shown);
        let mut calls = Vec::new();
        for (index, tree) in trees.iter().enumerate() {
            let root_time = 5 + index as u64;
            let mut list = Vec::new();
            events(tree, 0, 0x8000, &mut list);
            // Events that go ahead: neither the root's entry nor its exit.
            let ahead: std::collections::BTreeSet<usize> = early
                .iter()
                .filter(|_| list.len() > 2)
                .flat_map(|(place, count)| {
                    let first = 1 + place.index(list.len() - 2);
                    first..(first + count).min(list.len() - 1)
                })
                .collect();
            for &place in &ahead {
                let single = arriving(Arrival::Early, 1, root_time, 0, place as u64, &list[place..=place]);
                rebuilder.push(single, &mut |call| calls.push(call));
            }
            for _ in 0..passes {
                rebuilder.pass(&mut |call| calls.push(call));
            }
            let mut first = 0;
            while first < list.len() {
                let end = ahead.range(first..).next().copied().unwrap_or(list.len());
                if end > first {
                    let rest = batch(1, root_time, 0, first as u64, &list[first..end]);
                    rebuilder.push(rest, &mut |call| calls.push(call));
                }
                rebuilder.pass(&mut |call| calls.push(call));
                first = end + 1;
            }
        }
        prop_assert_eq!(calls.len(), trees.len());
        for (call, tree) in calls.iter().zip(&trees) {
            let mut right = Vec::new();
            expected(tree, 0, &mut right);
            prop_assert_eq!(found(call), right);
            prop_assert!(call.is_whole());
        }
    }

    /// A lost batch in the middle is counted to the event, and every call that both its entry and
    /// its exit survived has its right duration.
    #[test]
    fn a_lost_batch_is_a_gap(
        tree in tree(),
        size in 1usize..8,
        lost in any::<prop::sample::Index>(),
    ) {
        let mut list = Vec::new();
        events(&tree, 0, 0x8000, &mut list);
        let mut all = batches(1, 5, &list, size);
        prop_assume!(all.len() > 2);
        let place = 1 + lost.index(all.len() - 2);
        let missing = all.remove(place);
        let missing_events = missing.hits();
        let (calls, totals) = rebuild(all);
        prop_assert_eq!(calls.len(), 1);
        let call = &calls[0];
        prop_assert_eq!(call.end, End::Returned);
        prop_assert_eq!(call.lost, missing_events);
        prop_assert_eq!(call.events + call.lost, list.len() as u64);
        prop_assert!(call.gaps > 0 && !call.is_whole());
        prop_assert_eq!(totals.lost, missing_events);
        let Node::Call(root) = &call.nodes[0] else { panic!("the root is a call") };
        prop_assert_eq!(root.duration(SleepTime::Counted).unwrap().0, (list.len() as u64 - 1) * 10);
        for node in &call.nodes {
            if let Node::Call(call) = node
                && let (Some(entered), Closed::Returned { at, .. }) = (call.entered, call.closed)
            {
                prop_assert!(at > entered);
            }
        }
    }

    /// Root calls of one task one after the other, some batches lost, passes anywhere: a call that
    /// lost nothing is whole, and what was lost before a later batch of its call is counted to the
    /// event.
    #[test]
    fn a_loss_stays_in_its_call(
        trees in prop::collection::vec(tree(), 2..8),
        size in 1usize..8,
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        passes in prop::collection::vec(any::<bool>(), 0..400),
    ) {
        let mut all = Vec::new();
        for (index, tree) in trees.iter().enumerate() {
            let mut list = Vec::new();
            events(tree, 0, 0x8000, &mut list);
            all.extend(batches(1, 5 + index as u64, &list, size));
        }
        let mut dropped = std::collections::BTreeMap::new();
        for index in lost {
            if all.len() > 1 {
                let batch = all.remove(index.index(all.len()));
                let header = *batch.header();
                let known: &mut Vec<_> = dropped.entry(header.root_time_ns).or_default();
                known.push((header.sequence, batch.hits()));
            }
        }
        let last: std::collections::BTreeMap<u64, u64> =
            all.iter().map(|batch| (batch.header().root_time_ns, batch.header().sequence)).collect();
        let mut rebuilder = Rebuilder::new(Interrupts::Shown);
        let mut calls = Vec::new();
        for (index, batch) in all.into_iter().enumerate() {
            rebuilder.push(batch, &mut |call| calls.push(call));
            if passes.get(index).copied().unwrap_or(false) {
                rebuilder.pass(&mut |call| calls.push(call));
            }
        }
        rebuilder.finish(&mut |call| calls.push(call));
        prop_assert_eq!(calls.len(), last.len());
        for (call, (root_time, last_sequence)) in calls.iter().zip(&last) {
            let gaps = dropped.get(root_time).cloned().unwrap_or_default();
            let lost: u64 = gaps.iter().filter(|(sequence, _)| sequence < last_sequence).map(|(_, count)| count).sum();
            prop_assert_eq!(call.lost, lost);
            prop_assert_eq!(call.is_whole(), gaps.is_empty());
        }
    }

    /// Whatever bytes come, reading them does not panic.
    #[test]
    fn any_bytes_are_a_batch_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(batch) = Batch::new(Bytes::from(bytes)) {
            prop_assert_eq!(batch.events().count(), batch.header().count as usize);
            rebuild([batch]);
        }
    }

    /// Whatever events come, rebuilding does not panic and counts each.
    #[test]
    fn any_events_are_counted(
        raw in prop::collection::vec((any::<u32>(), any::<u16>(), any::<u8>(), 0u8..0x50), 1..100),
    ) {
        let list: Vec<Event> = raw.into_iter().map(|(function, frame, depth, kind_and_context)| Event {
            time_ns: 1,
            value: 0,
            function: function % 5,
            frame: frame % 3,
            depth,
            kind_and_context,
        }).collect();
        let damaged = list.iter().filter(|event| event.kind().is_none() || event.context().is_none()).count() as u64;
        let one = batch(1, 5, 0, 0, &list);
        let (calls, _) = rebuild([one]);
        let events: u64 = calls.iter().map(|call| call.events).sum();
        let hits: u64 = list.iter().map(Event::hits).sum();
        prop_assert!(events + damaged <= hits);
        prop_assert!(!calls.is_empty());
    }
}

#[test]
fn an_interrupt_is_excluded_with_all_that_it_called() {
    use Context::{HardIrq, Task};
    use EventKind::{Entry, Exit};
    let mut list = Vec::new();
    let make = |function, frame, depth, kind, context| Event {
        time_ns: 0,
        value: 0,
        function,
        frame,
        depth,
        kind_and_context: Event::pack(kind, context as u8),
    };
    // `irq_enter_rcu` is entered before the count says "interrupt" and returns after;
    // `irq_exit_rcu` the other way.
    list.push(make(1, 9, 0, Entry, Task));
    list.push(make(2, 8, 1, Entry, Task));
    list.push(make(2, 8, 1, Exit, HardIrq));
    list.push(make(3, 8, 1, Entry, HardIrq));
    list.push(make(4, 7, 2, Entry, HardIrq));
    list.push(make(4, 7, 2, Exit, HardIrq));
    list.push(make(3, 8, 1, Exit, HardIrq));
    list.push(make(5, 8, 1, Entry, HardIrq));
    list.push(make(5, 8, 1, Exit, Task));
    list.push(make(6, 8, 1, Entry, Task));
    list.push(make(6, 8, 1, Exit, Task));
    list.push(make(1, 9, 0, Exit, Task));
    let mut rebuilder = Rebuilder::new(Interrupts::Excluded);
    let mut calls = Vec::new();
    rebuilder.push(batch(1, 5, 0, 0, &list), &mut |call| calls.push(call));
    assert_eq!(found(&calls[0]), [(1, 0), (2, 1), (6, 1)]);
    assert!(calls[0].is_whole());
}

/// `tick_nohz_handler` with `noirqs`: what excludes interrupts is about those on top of a root
/// call.
#[test]
fn a_root_that_an_interrupt_calls_is_shown_without_interrupts() {
    let make = |frame, function, depth, kind, context: Context| Event {
        function,
        frame,
        depth,
        kind_and_context: Event::pack(kind, context as u8),
        ..Event::default()
    };
    let list = [
        make(1, 9, 0, EventKind::Entry, Context::HardIrq),
        make(2, 8, 1, EventKind::Entry, Context::HardIrq),
        make(3, 7, 2, EventKind::Entry, Context::Nmi),
        make(3, 7, 2, EventKind::Exit, Context::Nmi),
        make(2, 8, 1, EventKind::Exit, Context::HardIrq),
        make(1, 9, 0, EventKind::Exit, Context::HardIrq),
    ];
    let mut rebuilder = Rebuilder::new(Interrupts::Excluded);
    let mut calls = Vec::new();
    rebuilder.push(batch(1, 5, 0, 0, &list), &mut |call| calls.push(call));
    assert_eq!(found(&calls[0]), [(9, 0), (8, 1)]);
    assert!(calls[0].is_whole());
}

/// A function that got its probes in the middle of a root call shows an exit alone; one that had
/// them shows a gap.
#[test]
fn a_function_that_joins_is_no_gap() {
    let leaf = |function| Tree {
        function,
        children: Vec::new(),
    };
    let tree = Tree {
        function: 1,
        children: vec![leaf(2), leaf(3)],
    };
    let mut list = Vec::new();
    events(&tree, 0, 0x8000, &mut list);
    list.remove(1);
    let attached_late = AttachedLate::default();
    // The root call begins at 5: before function 2 has all its probes, while it gets them, and
    // after.
    for (since, is_whole) in [(Some(6), true), (None, true), (Some(4), false)] {
        attached_late.begin(FunctionId(2));
        if let Some(since) = since {
            attached_late.done(FunctionId(2), Nanoseconds(since));
        }
        let mut rebuilder =
            Rebuilder::new(Interrupts::Shown).with_attached_late(attached_late.clone());
        let mut calls = Vec::new();
        rebuilder.push(batch(1, 5, 0, 0, &list), &mut |call| calls.push(call));
        assert_eq!(calls[0].is_whole(), is_whole, "{since:?}");
        let shown = if is_whole {
            vec![(1, 0), (3, 1)]
        } else {
            vec![(1, 0), (2, 1), (3, 1)]
        };
        assert_eq!(found(&calls[0]), shown);
    }
}

#[test]
fn a_task_that_dies_ends_its_call() {
    let mut list = Vec::new();
    let tree = Tree {
        function: 1,
        children: vec![Tree {
            function: 2,
            children: Vec::new(),
        }],
    };
    events(&tree, 0, 0x8000, &mut list);
    list.truncate(2);
    list.push(Event {
        kind_and_context: Event::pack(EventKind::Died, Context::Task as u8),
        ..Event::default()
    });
    let (calls, _) = rebuild([batch(1, 5, 0, 0, &list)]);
    assert_eq!(calls[0].end, End::Died);
    assert_eq!(found(&calls[0]), [(1, 0), (2, 1)]);
}

#[test]
fn a_root_call_whose_end_is_lost_ends_when_the_next_begins() {
    let tree = Tree {
        function: 1,
        children: vec![
            Tree {
                function: 2,
                children: Vec::new(),
            };
            3
        ],
    };
    let mut list = Vec::new();
    events(&tree, 0, 0x8000, &mut list);
    let mut first = batches(1, 5, &list, 3);
    first.pop();
    first.extend(batches(1, 50, &list, 3));
    let (calls, _) = rebuild(first);
    assert_eq!(calls[0].end, End::Lost);
    assert!(calls[1].is_whole());
}

/// A call whose exit the kernel side has missed ends where it says so, and nobody waits for another
/// one of the task.
#[test]
fn a_root_call_whose_exit_was_missed_ends_with_the_mark() {
    let tree = Tree {
        function: 1,
        children: vec![Tree {
            function: 2,
            children: Vec::new(),
        }],
    };
    let mut list = Vec::new();
    events(&tree, 0, 0x8000, &mut list);
    let whole = batch(1, 50, 0, 0, &list);
    list.pop();
    list.push(Event {
        kind_and_context: Event::pack(EventKind::Missed, Context::Task as u8),
        ..Event::default()
    });
    let mut rebuilder = Rebuilder::new(Interrupts::Shown);
    let mut calls = Vec::new();
    for batch in [batch(1, 5, 0, 0, &list), whole] {
        rebuilder.push(batch, &mut |call| calls.push(call));
    }
    assert!(!rebuilder.waits());
    let ends: Vec<_> = calls.iter().map(|call| call.end).collect();
    assert_eq!(ends, [End::Lost, End::Returned]);
    assert_eq!(found(&calls[0]), [(1, 0), (2, 1)]);
}

proptest! {
    /// Root calls of which any batch is missing: those that are given out and those whose first
    /// batch is the lost one of all that they had are all.
    #[test]
    fn what_is_seen_and_what_is_lost_whole_are_all(
        lost in prop::collection::vec(prop::collection::vec(any::<bool>(), 1..4), 1..60),
    ) {
        let tree = Tree { function: 1, children: Vec::new() };
        let mut rebuilder = Rebuilder::new(Interrupts::Shown);
        let (mut seen, mut lost_beginnings) = (0, 0);
        for (call, lost) in (1_u64..).zip(&lost) {
            let mut list = Vec::new();
            for _ in 0..lost.len() {
                events(&tree, 0, 0x8000, &mut list);
            }
            // Only the last exit is the root's.
            let last = list.len() - 1;
            for event in &mut list[1..last] {
                event.depth = 1;
            }
            let batches = batches(7, call, &list, 2);
            lost_beginnings += u64::from(lost[0]);
            for (batch, _) in batches.into_iter().zip(lost).filter(|(_, lost)| !**lost) {
                rebuilder.push(batch, &mut |_| seen += 1);
            }
            for _ in 0..2 {
                rebuilder.pass(&mut |_| seen += 1);
            }
        }
        rebuilder.finish(&mut |_| seen += 1);
        let whole = lost_beginnings - rebuilder.without_beginning();
        prop_assert_eq!(seen + whole, lost.len() as u64);
    }
}

/// Idle tasks have one number and may begin root calls at the same time. Each CPU's is a task of
/// its own, however their batches come.
#[test]
fn idle_tasks_are_told_apart_by_cpu() {
    let leaf = |function| Tree {
        function,
        children: Vec::new(),
    };
    let trees = [2, 3].map(|function| Tree {
        function: 1,
        children: vec![leaf(function); 6],
    });
    let idle = |cpu: u32, root_time| {
        let mut list = Vec::new();
        events(&trees[cpu as usize], 0, 0x8000, &mut list);
        let parts: Vec<Batch> = (0..)
            .step_by(3)
            .zip(list.chunks(3))
            .map(|(sequence, part)| batch(0, root_time, cpu, sequence, part))
            .collect();
        parts
    };
    // Both begin at 5; then one begins before the other and ends after it.
    let mut interleaved = Vec::new();
    for (one, other) in [(5, 5), (10, 11)] {
        for (one, other) in idle(0, one).into_iter().zip(idle(1, other)) {
            interleaved.extend([one, other]);
        }
    }
    let (calls, totals) = rebuild(interleaved);
    assert_eq!((totals.whole_calls, totals.partial_calls), (4, 0));
    for (number, call) in calls.iter().enumerate() {
        let cpu = u32::try_from(number % 2).unwrap();
        assert_eq!(call.task, TaskKey::Idle(CpuId(cpu)));
        let mut right = Vec::new();
        expected(&trees[cpu as usize], 0, &mut right);
        assert_eq!(found(call), right);
    }
}
