//! Recordings that no tracer wrote: a small file must not take much memory, whatever it says.
//! Memory is counted by the allocator of this test alone.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use clap::ValueEnum as _;
use made_up::{batch, functions, head};
use tracer::{
    graph::AttachedLate,
    model::{FunctionId, FunctionInfo, FunctionTable, SleepTime},
    output::{Format, folded},
    pipeline::{Outcome, Pipeline, Printer, Show, Shown, replay},
    recording::{
        Counters, Data, End, Ending, Frame, Known, Learning, Piece, Recorder, Recording, Writer,
        columns::Collector, target::Target,
    },
    summary::{CallTree, Collecting, Diff, LatencyLayout, Side},
};
use tracer_common::{BATCH_CAPACITY, Context, CpuCounters, Event, EventKind};

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is done by the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test runs at a time, for they have one allocator.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most memory that something takes at a time, beside what was taken before, MiB.
fn most_memory(run: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    run();
    (MOST.load(Ordering::Relaxed) - before) >> 20
}

fn event(kind: EventKind, function: u32, depth: usize) -> Event {
    Event {
        time_ns: 1000,
        function,
        frame: u16::try_from(depth % 8).unwrap(),
        depth: u8::try_from(depth).unwrap_or(u8::MAX),
        kind_and_context: Event::pack(kind, Context::Task as u8),
        ..Event::default()
    }
}

/// A recording of one root call that is made of these events.
fn recording(events: impl Iterator<Item = Event>, table: &FunctionTable) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.write(&Frame::Head(head())).unwrap();
    let mut collector = Collector::default();
    let mut events = events.peekable();
    let mut sequence = 0;
    while events.peek().is_some() {
        let part: Vec<Event> = events.by_ref().take(BATCH_CAPACITY).collect();
        collector.batch(&batch(7, 5, 0, sequence, &part));
        sequence += part.len() as u64;
        if collector.events() >= 1 << 16 {
            let data = collector.take(table, &AttachedLate::default());
            writer.write(&Frame::Data(data)).unwrap();
        }
    }
    let data = collector.take(table, &AttachedLate::default());
    writer.write(&Frame::Data(data)).unwrap();
    let end = End {
        ending: Ending::Stopped,
        counters: Counters::default(),
    };
    writer.write(&Frame::End(end)).unwrap();
    writer.into_inner()
}

fn shown(bytes: &[u8], result: Shown) -> Outcome {
    let show = Show {
        result,
        ..Show::default()
    };
    let recording = Recording::open(bytes).unwrap();
    let (outcome, readable) = replay::replay(&show, recording, io::sink()).unwrap();
    assert!(readable.is_whole());
    outcome
}

/// A call within a call, as often as a few KB can say it.
#[test]
fn calls_without_end_within_each_other_are_cut() {
    let _alone = alone();
    let depth = 300_000;
    let deep = (0..depth).map(|depth| event(EventKind::Entry, 1, depth));
    let bytes = recording(deep, &functions());
    assert!(bytes.len() < 1 << 20);
    let all = Format::value_variants().iter().map(|&it| Shown::Each(it));
    for result in all.chain([Shown::Latency(LatencyLayout::default())]) {
        let memory = most_memory(|| {
            let totals = shown(&bytes, result).totals;
            assert_eq!(totals.events + totals.not_kept, depth as u64);
            assert_eq!((totals.whole_calls, totals.partial_calls), (0, 1));
        });
        assert!(memory < 64, "{result:?} took {memory} MiB");
    }
}

/// Many different calls far down: what is told of each is as long as its path.
#[test]
fn many_long_paths_are_not_in_memory_together() {
    let _alone = alone();
    let (depth, leaves) = (1000, 5000);
    let table = FunctionTable::new((0..depth + leaves).map(|id| {
        let info = FunctionInfo::new(format!("some_function_with_a_name_{id}"), None);
        (FunctionId(id), info)
    }));
    let entry = |id: u32| event(EventKind::Entry, id, id as usize);
    let exit = |id: u32| Event {
        time_ns: 2_000_000 - u64::from(id),
        ..event(EventKind::Exit, id, id as usize)
    };
    let below = (depth..depth + leaves).flat_map(|id| {
        let leaf = |kind, time_ns| Event {
            time_ns,
            ..event(kind, id, depth as usize)
        };
        [leaf(EventKind::Entry, 1000), leaf(EventKind::Exit, 1001)]
    });
    let events = (0..depth)
        .map(entry)
        .chain(below)
        .chain((0..depth).rev().map(exit));
    let bytes = recording(events, &table);
    let memory = most_memory(|| {
        let functions = FunctionTable::default();
        let mut side = Side::new(&functions, SleepTime::Counted);
        let mut tree = CallTree::new(
            &functions,
            "some_function_with_a_name_0",
            SleepTime::Counted,
        );
        let show = Show::default();
        for number in 0..2 {
            let recording = Recording::open(bytes.as_slice()).unwrap();
            let form: Box<dyn tracer::model::Sink> = match number {
                0 => Box::new(Collecting(&mut side)),
                _ => Box::new(Collecting(&mut tree)),
            };
            replay::replay_into(&show, recording, &functions, form).unwrap();
        }
        folded::write(&side.merged, &functions, &mut io::sink()).unwrap();
        tree.write(&mut io::sink()).unwrap();
        let nothing = Side::new(&functions, SleepTime::Counted);
        Diff::new(&nothing, &side).write(&mut io::sink()).unwrap();
    });
    assert!(memory < 64, "{memory} MiB");
}

/// A trace that is only recorded: a root call that stays open takes no memory, and is whole when it
/// has returned.
#[test]
fn recording_does_not_keep_what_is_open() {
    let _alone = alone();
    let table = functions();
    let leaves = 1_000_000_u64;
    let memory = most_memory(|| {
        let target = Target::File {
            file: tempfile::tempfile().unwrap(),
            limit: None,
        };
        let recorder = Recorder::begin(target, head(), &table, AttachedLate::default()).unwrap();
        let show = Show::default();
        let form = show.form(None::<io::Sink>, &table, 4);
        let printer = Printer::new(form, &table, &show.filter, None);
        let rebuilder = tracer::graph::Rebuilder::new(show.capture.interrupts);
        let mut pipeline = Pipeline::new(rebuilder, printer, Some(recorder));
        let leaf = [event(EventKind::Entry, 2, 1), event(EventKind::Exit, 2, 1)];
        let part = leaf.repeat(BATCH_CAPACITY / 2);
        pipeline.batch(batch(7, 5, 0, 0, &[event(EventKind::Entry, 1, 0)]));
        let mut sequence = 1;
        while sequence < leaves * 2 {
            pipeline.batch(batch(7, 5, 0, sequence, &part));
            sequence += part.len() as u64;
        }
        let end = [event(EventKind::Exit, 1, 0)];
        pipeline.batch(batch(7, 5, 0, sequence, &end));
        let finished = pipeline.finish(CpuCounters::default(), Default::default());
        finished.recorded.unwrap();
        let totals = finished.totals;
        assert_eq!((totals.whole_calls, totals.partial_calls), (1, 0));
        assert_eq!(totals.events, sequence + 1);
    });
    assert!(memory < 32, "{memory} MiB");
}

/// Functions that no event has, and more functions than a kernel has: neither takes memory by the
/// length of the recording.
#[test]
fn functions_without_end_are_not_learned() {
    let _alone = alone();
    let memory = most_memory(|| {
        let (table, attached_late) = (FunctionTable::default(), AttachedLate::default());
        let mut learning = Learning::new(&table, &attached_late);
        for id in 0..1000 {
            let name = "a".repeat(1 << 20);
            let known = Known {
                id,
                info: Some(FunctionInfo::new(name, None)),
                attached_late_ns: Some(1),
            };
            learning.learn(&Data {
                functions: vec![known],
                ..Data::default()
            });
        }
        assert!(table.get(FunctionId(0)).is_some());
        assert!(table.get(FunctionId(999)).is_none());
    });
    assert!(memory < 300, "{memory} MiB");
    let mut data = Data {
        functions: (0..1_000_000)
            .map(|id| Known {
                id,
                info: None,
                attached_late_ns: None,
            })
            .collect(),
        ..Data::default()
    };
    let frame = |data: &Data| {
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.write(&Frame::Data(data.clone())).unwrap();
        writer.into_inner()
    };
    let many = frame(&data);
    let memory = most_memory(|| {
        let damage = made_up::read(&many).unwrap();
        assert!(matches!(damage[..], [Piece::Damage(_)]));
    });
    assert!(memory < 64, "{memory} MiB");
    data.functions.truncate(1);
    assert!(!data.is_sound());
}
