//! A flood of short root calls with loss, on a thread with a small stack: the account is right to
//! the event, and nothing goes deeper with the number of calls.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use std::{ops::Range, thread};

use made_up::batch;
use proptest::prelude::*;
use tracer::{
    graph::Rebuilder,
    model::{End, Interrupts, RootCall},
};
use tracer_common::{Context, Event, EventKind};

/// An eighth of what a thread has.
const STACK: usize = 256 << 10;

/// A generator of numbers that anyone can repeat.
struct Numbers(u64);

impl Numbers {
    /// A number from 0 to 99.
    fn percent(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % 100
    }
}

/// What comes of one task.
#[derive(Clone, Debug)]
struct Flood {
    calls: u32,
    /// Batches of a root call, each of two events: the root calls a leaf in every batch but the
    /// last.
    batches: u64,
    /// Batches that are lost, in a hundred.
    lost: u64,
    /// Batches after which a pass ends, in a hundred.
    passes: u64,
    seed: u64,
}

/// What is known of a root call that brought something.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    /// Number of its events up to the last that came.
    reached: u64,
    events: u64,
    /// Whether the root's exit came.
    ended: bool,
    whole: bool,
}

fn event(kind: EventKind, depth: u8) -> Event {
    Event {
        time_ns: 1000,
        value: 0,
        function: 1 + u32::from(depth),
        frame: 0x8000 - u16::from(depth) * 8,
        depth,
        kind_and_context: Event::pack(kind, Context::Task as u8),
    }
}

/// The events of a root call: the root's entry, leaves, the root's exit.
fn events_of(batches: u64) -> Vec<Event> {
    let leaf = [event(EventKind::Entry, 1), event(EventKind::Exit, 1)];
    let leaves = (1..batches).flat_map(|_| leaf);
    let root = [event(EventKind::Entry, 0), event(EventKind::Exit, 0)];
    root[..1]
        .iter()
        .copied()
        .chain(leaves)
        .chain([root[1]])
        .collect()
}

/// Lets the flood come; says what came of each root call that brought anything, and what the
/// rebuilder made of it.
fn rebuilt(flood: &Flood) -> (Vec<Came>, Vec<RootCall>) {
    let mut numbers = Numbers(flood.seed);
    let mut rebuilder = Rebuilder::new(Interrupts::Shown);
    let (mut all, mut calls) = (Vec::new(), Vec::new());
    let events = events_of(flood.batches);
    for number in 0..flood.calls {
        let mut came = Came {
            whole: true,
            ..Came::default()
        };
        for (sequence, part) in (0..).step_by(2).zip(events.chunks(2)) {
            if numbers.percent() < flood.lost {
                came.whole = false;
                continue;
            }
            let end = sequence + part.len() as u64;
            came.reached = end;
            came.events += part.len() as u64;
            came.ended = end == events.len() as u64;
            let batch = batch(7, u64::from(number) + 1, 0, sequence, part);
            rebuilder.push(batch, &mut |call| calls.push(call));
            if numbers.percent() < flood.passes {
                rebuilder.pass(&mut |call| calls.push(call));
            }
        }
        if came.events > 0 {
            all.push(came);
        }
    }
    rebuilder.finish(&mut |call| calls.push(call));
    (all, calls)
}

/// Every root call that brought something is there once, in order, whole or partial, and its
/// events are those that came or are lost.
fn check(flood: &Flood) {
    let (all, calls) = rebuilt(flood);
    assert_eq!(calls.len(), all.len());
    for (call, came) in calls.iter().zip(&all) {
        assert_eq!(call.events, came.events);
        assert_eq!(call.events + call.lost, came.reached);
        assert_eq!(call.is_whole(), came.whole);
        assert_eq!(call.end == End::Returned, came.ended);
    }
}

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK).spawn(run);
    thread.unwrap().join().unwrap();
}

fn percent(range: Range<u64>) -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), range]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_account_is_right(
        calls in 1u32..2000,
        batches in 1u64..5,
        lost in percent(0..100),
        passes in percent(0..100),
        seed in any::<u64>(),
    ) {
        let flood = Flood { calls, batches, lost, passes, seed };
        on_a_small_stack(move || check(&flood));
    }
}

/// A million root calls wait for one whose end was lost, and no pass comes; fewer, with a pass
/// for every thousand.
#[test]
fn a_million_calls_behind_a_lost_one() {
    on_a_small_stack(|| {
        for (lost, passes, all) in [(1, 0, 1_000_000), (0, 0, 1000), (10, 1, 100_000)] {
            // The first loses its end.
            let mut rebuilder = Rebuilder::new(Interrupts::Shown);
            let (mut calls, mut events) = (0u64, 0u64);
            let mut complete = |call: RootCall| {
                calls += 1;
                events += call.events + call.lost;
            };
            let root = events_of(1);
            rebuilder.push(batch(7, 1, 0, 0, &root[..1]), &mut complete);
            let mut numbers = Numbers(lost);
            let mut came = 0;
            for number in 2..=all {
                if numbers.percent() < lost {
                    continue;
                }
                came += 1;
                rebuilder.push(batch(7, number, 0, 0, &root), &mut complete);
                if passes > 0 && number % 1000 == 0 {
                    rebuilder.pass(&mut complete);
                }
            }
            rebuilder.pass(&mut complete);
            rebuilder.pass(&mut complete);
            assert!(!rebuilder.waits());
            rebuilder.finish(&mut complete);
            assert_eq!((calls, events), (1 + came, 1 + 2 * came));
        }
    });
}
