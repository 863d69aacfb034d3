//! What comes has no end by itself: what is kept of it has, and what is not kept is counted to the
//! event.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use by_hand::{LOCK, SENDMSG, SENDTO};
use made_up::{batch, batches, tree};
use proptest::prelude::*;
use tracer::{
    graph::{
        Rebuilder,
        limits::{MOST_DEPTH, MOST_EVENTS, MOST_EVENTS_IN_ALL, MOST_OPEN},
    },
    model::{
        Closed, End, Interrupts, Missing, Nanoseconds, Node, RootCall, SleepTime, Totals, Trees,
    },
    pipeline::Show,
};
use tracer_common::{BATCH_CAPACITY, Context, Event, EventKind};

fn event(kind: EventKind, function: u32, depth: usize, time_ns: u64) -> Event {
    Event {
        time_ns,
        value: 0,
        function,
        // Unlike its neighbours' for as deep as a frame can say it.
        frame: u16::try_from(depth * 8 % 0xfff8).unwrap(),
        depth: u8::try_from(depth).unwrap_or(u8::MAX),
        kind_and_context: Event::pack(kind, Context::Task as u8),
    }
}

/// A root call as it goes on: numbers its events, and hands them over in full batches.
struct Task {
    tid: u32,
    began: u64,
    sequence: u64,
    events: Vec<Event>,
    now: u64,
}

impl Task {
    fn new(tid: u32, began: u64) -> Self {
        Self {
            tid,
            began,
            sequence: 0,
            events: Vec::new(),
            now: began,
        }
    }

    fn event(&mut self, kind: EventKind, function: u32, depth: usize, rebuilt: &mut Rebuilt) {
        self.now += 10;
        self.events.push(event(kind, function, depth, self.now));
        if self.events.len() == BATCH_CAPACITY {
            self.hand_over(rebuilt);
        }
    }

    fn leaf(&mut self, function: u32, rebuilt: &mut Rebuilt) {
        self.event(EventKind::Entry, function, 1, rebuilt);
        self.event(EventKind::Exit, function, 1, rebuilt);
    }

    fn hand_over(&mut self, rebuilt: &mut Rebuilt) {
        let batch = batch(self.tid, self.began, 0, self.sequence, &self.events);
        self.sequence += self.events.len() as u64;
        self.events.clear();
        let calls = &mut rebuilt.calls;
        rebuilt.rebuilder.push(batch, &mut |call| calls.push(call));
    }
}

/// A rebuilder with what it made.
struct Rebuilt {
    rebuilder: Rebuilder,
    calls: Vec<RootCall>,
}

impl Rebuilt {
    fn new(trees: Trees) -> Self {
        Self {
            rebuilder: Rebuilder::new(Interrupts::Shown).with_trees(trees),
            calls: Vec::new(),
        }
    }

    fn pass(&mut self) {
        let calls = &mut self.calls;
        self.rebuilder.pass(&mut |call| calls.push(call));
    }

    fn finish(&mut self) -> Totals {
        let calls = &mut self.calls;
        self.rebuilder.finish(&mut |call| calls.push(call));
        let mut totals = Totals::default();
        for call in calls {
            totals.add(call);
        }
        totals
    }
}

/// A root with so many leaves.
fn wide(leaves: u64, trees: Trees) -> Rebuilt {
    let mut rebuilt = Rebuilt::new(trees);
    let mut task = Task::new(5, 100);
    task.event(EventKind::Entry, SENDTO, 0, &mut rebuilt);
    for _ in 0..leaves {
        task.leaf(LOCK, &mut rebuilt);
    }
    task.event(EventKind::Exit, SENDTO, 0, &mut rebuilt);
    task.hand_over(&mut rebuilt);
    rebuilt
}

/// A root that calls itself so often, one within the other.
fn deep(depth: usize) -> Rebuilt {
    let mut rebuilt = Rebuilt::new(Trees::Whole);
    let mut task = Task::new(5, 100);
    for depth in 0..depth {
        task.event(EventKind::Entry, SENDMSG, depth, &mut rebuilt);
    }
    for depth in (0..depth).rev() {
        task.event(EventKind::Exit, SENDMSG, depth, &mut rebuilt);
    }
    task.hand_over(&mut rebuilt);
    rebuilt
}

/// The end of a listing of one root call, from where it was cut on.
fn listing(call: &RootCall) -> String {
    let calls = std::slice::from_ref(call);
    let text = by_hand::written(&Show::default(), &by_hand::functions(), calls);
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len() - 4..].iter().map(|line| line.trim_end());
    last.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_root_call_that_is_too_large_is_cut_and_has_its_end() {
    let beyond = 1000;
    let all = MOST_EVENTS + beyond;
    let rebuilt = wide(all / 2 - 1, Trees::Whole);
    let [call] = &rebuilt.calls[..] else {
        panic!("one call");
    };
    assert_eq!(call.events + call.not_kept, all);
    // The exits of what is open have their places in any case: those of the last leaf and of the
    // root.
    assert_eq!(call.not_kept, beyond - 2);
    assert_eq!((call.lost, call.end), (0, End::Returned));
    assert!(!call.is_whole());
    let Node::Call(root) = &call.nodes[0] else {
        panic!("the root is a call");
    };
    let duration = root.duration(SleepTime::Counted);
    assert_eq!(duration, Some(Nanoseconds((all - 1) * 10)));
    insta::assert_snapshot!(listing(call));
}

#[test]
fn a_call_that_is_too_deep_is_counted() {
    let rebuilt = deep(3 * MOST_DEPTH);
    let [call] = &rebuilt.calls[..] else {
        panic!("one call");
    };
    assert_eq!(call.not_kept, 4 * MOST_DEPTH as u64);
    assert_eq!(call.events, 2 * MOST_DEPTH as u64);
    assert_eq!(call.nodes.len(), MOST_DEPTH + 1);
    let returned = |node: &Node| match node {
        Node::Call(call) => matches!(call.closed, Closed::Returned { .. }),
        Node::Mark(_) => false,
        Node::Gap { missing, .. } => *missing == Missing::NotKept,
    };
    assert!(call.nodes.iter().all(returned));
    assert_eq!(call.end, End::Returned);
    assert!(!call.is_whole());
    assert!(deep(MOST_DEPTH).calls[0].is_whole());
}

/// Calls that never end do not take the room of others: the largest goes first, and is told as far
/// as it is known.
#[test]
fn open_calls_have_a_limit_together() {
    let mut rebuilt = Rebuilt::new(Trees::Whole);
    let sizes = [3, 2, 2, 1].map(|part| part * MOST_EVENTS_IN_ALL / 6);
    let mut tasks: Vec<Task> = (1..).zip(sizes).map(|(tid, _)| Task::new(tid, 7)).collect();
    for task in &mut tasks {
        task.event(EventKind::Entry, SENDTO, 0, &mut rebuilt);
    }
    for (task, size) in tasks.iter_mut().zip(sizes) {
        for _ in 0..size / 2 {
            task.leaf(LOCK, &mut rebuilt);
        }
        task.hand_over(&mut rebuilt);
    }
    let cut: Vec<(u32, End)> = rebuilt
        .calls
        .iter()
        .map(|call| (call.task.id().0, call.end))
        .collect();
    assert_eq!(cut, [(1, End::NoRoom)]);
    insta::assert_snapshot!(listing(&rebuilt.calls[0]));
    // It goes on, and ends: that is no other call.
    tasks[0].leaf(LOCK, &mut rebuilt);
    tasks[0].hand_over(&mut rebuilt);
    tasks[0].event(EventKind::Exit, SENDTO, 0, &mut rebuilt);
    tasks[0].hand_over(&mut rebuilt);
    assert_eq!(rebuilt.rebuilder.not_kept(), 3);
    // The next one of the same task is whole.
    let mut next = Task::new(1, 8);
    next.event(EventKind::Entry, SENDTO, 0, &mut rebuilt);
    next.event(EventKind::Exit, SENDTO, 0, &mut rebuilt);
    next.hand_over(&mut rebuilt);
    assert!(rebuilt.calls[1].is_whole());
    let totals = rebuilt.finish();
    assert_eq!((totals.whole_calls, totals.partial_calls), (1, 4));
    let pushed: u64 = tasks.iter().map(|task| task.sequence).sum::<u64>() + 2;
    assert_eq!(totals.events + rebuilt.rebuilder.not_kept(), pushed);
}

/// Calls whose ends were lost and whose tasks are gone: those that have been silent for the longest
/// are given out.
#[test]
fn calls_that_stay_open_have_a_limit() {
    let mut rebuilt = Rebuilt::new(Trees::Whole);
    let all = 3 * u32::try_from(MOST_OPEN).unwrap();
    for tid in 1..=all {
        let mut task = Task::new(tid, 7);
        task.event(EventKind::Entry, SENDTO, 0, &mut rebuilt);
        task.hand_over(&mut rebuilt);
    }
    let tids: Vec<u32> = rebuilt.calls.iter().map(|call| call.task.id().0).collect();
    assert_eq!(tids, (1..=all - all / 3).collect::<Vec<_>>());
    let totals = rebuilt.finish();
    assert_eq!(
        (totals.partial_calls, totals.events),
        (all.into(), all.into())
    );
}

/// Without passes nothing says that what is missing is lost. It is taken for lost when too much
/// waits.
#[test]
fn what_waits_has_a_limit() {
    let mut rebuilt = Rebuilt::new(Trees::Whole);
    let root = [
        event(EventKind::Entry, SENDTO, 0, 5),
        event(EventKind::Exit, SENDTO, 0, 6),
    ];
    let all: u32 = 300_000;
    for tid in 1..=all {
        // The entry is missing.
        let calls = &mut rebuilt.calls;
        let torn = batch(tid, 5, 0, 1, &root[1..]);
        rebuilt.rebuilder.push(torn, &mut |call| calls.push(call));
    }
    assert!(rebuilt.calls.len() > all as usize / 2);
    rebuilt.pass();
    rebuilt.pass();
    let totals = rebuilt.finish();
    let all = u64::from(all);
    let found = (totals.partial_calls, totals.events, totals.lost);
    assert_eq!(found, (all, all, all));
}

/// Where trees are not asked for, none is kept, and a call that would be too large is whole.
#[test]
fn without_trees_there_is_nothing_to_cut() {
    let rebuilt = wide(MOST_EVENTS, Trees::Roots);
    let [call] = &rebuilt.calls[..] else {
        panic!("one call");
    };
    assert!(call.is_whole());
    assert_eq!((call.events, call.nodes.len()), (2 * MOST_EVENTS + 2, 1));
}

proptest! {
    /// With trees or without, the root and all numbers are the same, whatever is lost.
    #[test]
    fn without_trees_all_numbers_are_the_same(
        trees in prop::collection::vec(tree(), 1..6),
        size in 1usize..8,
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        passes in prop::collection::vec(any::<bool>(), 0..400),
    ) {
        let mut all = Vec::new();
        for (number, tree) in (0..).zip(&trees) {
            let mut list = Vec::new();
            made_up::events(tree, 0, 0x8000, &mut list);
            all.extend(batches(1, 5 + number, &list, size));
        }
        for index in lost {
            if all.len() > 1 {
                all.remove(index.index(all.len()));
            }
        }
        let [whole, roots] = [Trees::Whole, Trees::Roots].map(|trees| {
            let mut rebuilt = Rebuilt::new(trees);
            for (number, batch) in all.iter().enumerate() {
                let calls = &mut rebuilt.calls;
                rebuilt.rebuilder.push(batch.clone(), &mut |call| calls.push(call));
                if passes.get(number) == Some(&true) {
                    rebuilt.pass();
                }
            }
            rebuilt.finish();
            rebuilt.calls
        });
        let of_root = |mut call: RootCall| {
            call.nodes.retain(|node| node.depth() == 0);
            call
        };
        let whole: Vec<RootCall> = whole.into_iter().map(of_root).collect();
        prop_assert_eq!(whole, roots);
    }
}
