//! A rebuilder that is flooded: thousands of short root calls of a few tasks, of which any batch
//! may be missing, in little room.
//!
//! The bytes are the room, then runs of root calls in two bytes each: whose, of how many batches,
//! how many, which batches of eight are lost, and whether a pass ends after each. A task's batches
//! come in order, so each root call that brought anything is told once, unless it was given out for
//! want of room, and every event that came is in a root call or counted. It runs on a small stack:
//! nothing may go deeper with the number of root calls.

use std::thread;

use tracer::{
    graph::{Batch, Rebuilder, limits::Limits},
    model::{End, Interrupts, RootCall, Trees},
};
use tracer_common::{Arrival, BatchHeader, Context, Event, EventKind};

/// A thirty-second of what a thread has.
const STACK: usize = 256 << 10;
/// Root calls of an input.
const MOST_CALLS: usize = 1 << 12;
const TASKS: u32 = 4;

/// What is known of a root call.
#[derive(Clone, Debug, Default)]
struct Account {
    came: u64,
    /// The number of the last event that came, and one more.
    reached: u64,
    is_whole: bool,
}

/// Root calls of the same kind, one after the other.
#[derive(Clone, Copy)]
struct Run {
    task: u32,
    batches: u64,
    calls: usize,
    /// A bit for each of eight batches.
    lost: u8,
    has_passes: bool,
}

impl Run {
    fn of(kind: u8, lost: u8) -> Self {
        Self {
            task: 1 + u32::from(kind) % TASKS,
            batches: 1 + u64::from(kind >> 2 & 3),
            calls: 1 << (kind >> 4 & 7),
            lost,
            has_passes: kind & 0x80 != 0,
        }
    }

    /// The root, with a leaf in every batch but the last.
    fn events(self, batch: u64) -> [Event; 2] {
        let event = |kind, depth: u8| Event {
            time_ns: 1000,
            function: 1 + u32::from(depth),
            frame: 0x8000 - u16::from(depth) * 8,
            depth,
            kind_and_context: Event::pack(kind, Context::Task as u8),
            ..Event::default()
        };
        let last = self.batches - 1;
        let first = match batch {
            0 => event(EventKind::Entry, 0),
            _ => event(EventKind::Exit, 1),
        };
        let second = if batch == last {
            event(EventKind::Exit, 0)
        } else {
            event(EventKind::Entry, 1)
        };
        [first, second]
    }
}

/// Nothing is told twice or not at all, whatever is lost.
pub fn flood(bytes: &[u8]) {
    let thread = thread::Builder::new().stack_size(STACK);
    thread::scope(|scope| {
        let run = thread.spawn_scoped(scope, || flooded(bytes));
        run.expect("there are threads").join().expect("it holds");
    });
}

fn flooded(bytes: &[u8]) {
    let Some((&room, runs)) = bytes.split_first() else {
        return;
    };
    let part = |number: u8| usize::from(room >> number & 3);
    let limits = Limits {
        open: [1, 2, 3, 1 << 16][part(0)],
        events: [4, 64, 1024, 1 << 21][part(2)],
        waiting: [0, 64, 1024, 1 << 21][part(4)],
    };
    let trees = [Trees::Whole, Trees::Roots][part(6) & 1];
    let mut rebuilder = Rebuilder::new(Interrupts::Shown)
        .with_trees(trees)
        .with_limits(limits);
    let mut told = Vec::new();
    let mut accounts = Vec::new();
    for run in runs.chunks_exact(2).map(|run| Run::of(run[0], run[1])) {
        for _ in 0..run.calls.min(MOST_CALLS - accounts.len()) {
            let number = accounts.len();
            let tell = &mut |call| told.push(call);
            accounts.push(root_call(run, number, &mut rebuilder, tell));
            if run.has_passes {
                rebuilder.pass(tell);
            }
        }
    }
    rebuilder.pass(&mut |call| told.push(call));
    rebuilder.pass(&mut |call| told.push(call));
    assert!(!rebuilder.waits());
    rebuilder.finish(&mut |call| told.push(call));
    check(&told, &accounts, rebuilder.not_kept());
}

/// A root call comes, or what is not lost of it.
fn root_call(
    run: Run,
    number: usize,
    rebuilder: &mut Rebuilder,
    tell: &mut impl FnMut(RootCall),
) -> Account {
    let mut account = Account {
        is_whole: true,
        ..Account::default()
    };
    for batch in 0..run.batches {
        let bit = (number as u64 * run.batches + batch) % 8;
        if run.lost >> bit & 1 != 0 {
            account.is_whole = false;
            continue;
        }
        let events = run.events(batch);
        let mut comm = [0; 16];
        comm[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let header = BatchHeader {
            sequence: batch * events.len() as u64,
            root_time_ns: 1 + number as u64,
            tid: run.task,
            tgid: run.task,
            cpu: 0,
            count: u16::try_from(events.len()).expect("a batch holds few events"),
            early: Arrival::InOrder as u16,
            comm,
        };
        account.came += events.len() as u64;
        account.reached = header.sequence + events.len() as u64;
        rebuilder.push(Batch::of(&header, &events).expect("it is a batch"), tell);
    }
    account
}

fn check(told: &[RootCall], accounts: &[Account], not_kept: u64) {
    let mut numbers = vec![0; accounts.len()];
    for call in told {
        let number = super::rings::number_of(&call.comm);
        let account = &accounts[number];
        numbers[number] += 1;
        if call.end != End::NoRoom {
            let of_it = call.events + call.not_kept;
            assert_eq!(of_it, account.came);
            assert_eq!(of_it + call.lost, account.reached);
        }
        assert!(!call.is_whole() || account.is_whole);
    }
    for (times, account) in numbers.iter().zip(accounts) {
        assert_eq!(*times, u32::from(account.came > 0));
    }
    let came: u64 = accounts.iter().map(|account| account.came).sum();
    let of_calls: u64 = told.iter().map(|call| call.events + call.not_kept).sum();
    assert_eq!(of_calls + not_kept, came);
}
