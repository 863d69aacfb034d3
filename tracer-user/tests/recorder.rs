//! A trace that is recorded: the replay prints what was printed, and files are as large and as many
//! as was asked for.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use std::io::{Read as _, Seek as _};

use made_up::{batches, events, functions, head, read, tree};
use proptest::prelude::*;
use tracer::{
    filter::{Failures, Filter},
    graph::{AttachedLate, Rebuilder},
    model::{FunctionId, Nanoseconds},
    pipeline::{Pipeline, Printer, Show, replay},
    recording::{
        Ending, Frame, Hits, Missed, Piece, Recorder, Recording,
        steps::Step,
        target::{Limit, Target, WhenFull},
    },
};
use tracer_common::{CpuCounters, Event};

/// What a live trace prints of a stream while it records it, and the recording.
fn live(stream: &[Step], show: &Show, attached_late: &AttachedLate) -> (String, Vec<u8>) {
    let table = functions();
    let mut file = tempfile::tempfile().unwrap();
    let target = Target::File {
        file: file.try_clone().unwrap(),
        limit: None,
    };
    let recorder = Recorder::begin(target, head(), &table, attached_late.clone());
    let mut out = Vec::new();
    let form = show.form(Some(&mut out), &table, 4);
    let printer = Printer::new(form, &table, &show.filter, show.count);
    let rebuilder =
        Rebuilder::new(show.capture.interrupts).with_attached_late(attached_late.clone());
    let mut pipeline = Pipeline::new(rebuilder, printer, Some(recorder.unwrap()));
    for step in stream {
        match step {
            Step::Batch(batch) => pipeline.batch(batch.clone()),
            Step::Pass => pipeline.pass(),
        }
    }
    let finished = pipeline.finish(CpuCounters::default(), Default::default());
    finished.printed.unwrap();
    finished.recorded.unwrap();
    let mut recording = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut recording).unwrap();
    (String::from_utf8(out).unwrap(), recording)
}

fn printed_as(bytes: &[u8], show: &Show) -> String {
    let mut out = Vec::new();
    let recording = Recording::open(bytes).unwrap();
    let (_, readable) = replay::replay(show, recording, &mut out).unwrap();
    assert!(readable.is_whole());
    String::from_utf8(out).unwrap()
}

/// Batches of several tasks, torn, in disorder and some lost, with passes anywhere.
fn troubled_stream() -> impl Strategy<Value = Vec<Step>> {
    let task = (tree(), 1usize..8, 1u32..4, 0u64..4);
    let places = prop::collection::vec(any::<prop::sample::Index>(), 0..12);
    (
        prop::collection::vec(task, 1..6),
        places.clone(),
        places.clone(),
        places,
    )
        .prop_map(|(tasks, swaps, losses, passes)| {
            let mut stream = Vec::new();
            for (tree, size, task, root_time) in tasks {
                let mut list = Vec::new();
                events(&tree, 0, 0x8000, &mut list);
                stream.extend(
                    batches(task, root_time, &list, size)
                        .into_iter()
                        .map(Step::Batch),
                );
            }
            for pair in swaps.chunks_exact(2) {
                let (one, other) = (pair[0].index(stream.len()), pair[1].index(stream.len()));
                stream.swap(one, other);
            }
            for place in losses {
                if stream.len() > 1 {
                    stream.remove(place.index(stream.len()));
                }
            }
            for place in passes {
                stream.insert(place.index(stream.len() + 1), Step::Pass);
            }
            stream
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever came over the rings, and however it was shown: the replay prints what was printed.
    #[test]
    fn a_replay_prints_what_was_printed(
        stream in troubled_stream(),
        count in prop::option::of(1u64..3),
        depth in prop::option::of(1u32..4),
        failed in any::<bool>(),
        attached_late_at in 0u64..6,
    ) {
        let filter = Filter { depth, failed: failed.then(Failures::default), ..Filter::default() };
        let show = Show { count, filter, ..Show::default() };
        let attached_late = AttachedLate::default();
        attached_late.done(FunctionId(4), Nanoseconds(attached_late_at));
        let (text, recording) = live(&stream, &show, &attached_late);
        prop_assert_eq!(printed_as(&recording, &show), text);
    }
}

/// A trace that had enough leaves what was open then out of its recording, too.
#[test]
fn a_recording_of_one_call_has_one_call() {
    let mut list = Vec::new();
    let tree = made_up::Tree {
        function: 1,
        children: Vec::new(),
    };
    events(&tree, 0, 0x8000, &mut list);
    let whole = batches(1, 5, &list, 10);
    let open = batches(2, 5, &list[..1], 10);
    let stream: Vec<Step> = open.into_iter().chain(whole).map(Step::Batch).collect();
    let show = Show {
        count: Some(1),
        ..Show::default()
    };
    let (text, recording) = live(&stream, &show, &AttachedLate::default());
    assert!(!text.contains("tracing ended here"), "{text}");
    assert_eq!(printed_as(&recording, &Show::default()), text);
}

/// Records so many frames to a file of at most `bytes` bytes; says whether the recorder had enough
/// before the last one.
fn record_limited(path: &std::path::Path, then: WhenFull, bytes: u64, frames: u64) -> bool {
    let table = functions();
    let target = Target::File {
        file: std::fs::File::create(path).unwrap(),
        limit: Some(Limit { bytes, then }),
    };
    let mut recorder = Recorder::begin(target, head(), &table, AttachedLate::default()).unwrap();
    let mut had_enough = false;
    let mut noise = 1u64;
    for batch in 0..frames * 256 {
        had_enough |= recorder.is_done();
        let list: Vec<Event> = (0..256)
            .map(|_| {
                // What a generator of random numbers makes does not compress.
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                Event {
                    time_ns: noise,
                    value: noise.rotate_left(32),
                    function: 1,
                    ..Event::default()
                }
            })
            .collect();
        recorder.batch(&made_up::batch(1, batch, 0, 0, &list));
    }
    recorder
        .finish(Ending::Stopped, CpuCounters::default(), Missed::default())
        .unwrap();
    had_enough
}

fn missed(lost_whole: u64) -> Missed {
    Missed {
        lost_whole,
        roots: Hits {
            entries: 5,
            exits: 6,
        },
        below: Hits {
            entries: 7,
            exits: u64::MAX,
        },
    }
}

/// What is in no root call is in the recording, and a replay tells it.
#[test]
fn what_never_came_is_recorded() {
    let show = Show::default();
    let table = functions();
    let mut file = tempfile::tempfile().unwrap();
    let target = Target::File {
        file: file.try_clone().unwrap(),
        limit: None,
    };
    let recorder = Recorder::begin(target, head(), &table, AttachedLate::default()).unwrap();
    let form = show.form(None::<Vec<u8>>, &table, 4);
    let printer = Printer::new(form, &table, &show.filter, None);
    let mut pipeline = Pipeline::new(
        Rebuilder::new(show.capture.interrupts),
        printer,
        Some(recorder),
    );
    // Of the four root calls that lost their beginning one brings its end.
    pipeline.batch(made_up::batch(1, 5, 0, 2, &[Event::default()]));
    let counters = CpuCounters {
        lost_beginnings: 4,
        ..CpuCounters::default()
    };
    let Missed { roots, below, .. } = missed(0);
    let finished = pipeline.finish(counters, [roots.into(), below.into()]);
    finished.recorded.unwrap();
    assert_eq!(finished.missed, missed(3));
    file.rewind().unwrap();
    let recording = Recording::open(file).unwrap();
    let (outcome, readable) = replay::replay(&show, recording, std::io::sink()).unwrap();
    assert!(readable.is_whole());
    assert_eq!(outcome.unseen, 3);
    assert_eq!(outcome.skipped_roots, roots.into());
    assert_eq!(outcome.skipped_below, below.into());
}

/// The last so much is kept, and written as often as it is asked for.
#[test]
fn a_flight_recorder_keeps_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    std::fs::write(&path, "before").unwrap();
    let table = functions();
    let target = Target::Memory {
        path: path.clone(),
        bytes: 64 << 10,
        keep: 0,
    };
    let mut recorder = Recorder::begin(target, head(), &table, AttachedLate::default()).unwrap();
    let mut list = Vec::new();
    let tree = made_up::Tree {
        function: 1,
        children: Vec::new(),
    };
    events(&tree, 0, 0x8000, &mut list);
    let mut written = Vec::new();
    for ask in 0..2 {
        for number in 0..40_000 {
            recorder.batch(&made_up::batch(1, ask * 40_000 + number, 0, 0, &list));
        }
        let counters = CpuCounters {
            lost_events: ask + 1,
            ..CpuCounters::default()
        };
        recorder.save(counters, missed(ask));
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() < 128 << 10, "{}", bytes.len());
        let mut recording = Recording::open(bytes.as_slice()).unwrap();
        let mut times = Vec::new();
        while let Some(data) = recording.next_data().unwrap() {
            times.extend(data.steps().map(|step| match step {
                Step::Batch(batch) => batch.header().root_time_ns,
                Step::Pass => 0,
            }));
        }
        assert!(recording.readable.is_whole());
        let end = recording.readable.end.unwrap();
        assert_eq!(end.counters.lost_events, ask + 1);
        assert_eq!(recording.readable.missed, missed(ask));
        assert!(times.is_sorted());
        assert_eq!(times.last(), Some(&(ask * 40_000 + 39_999)));
        written.push(times[0]);
    }
    assert!(written[1] > 0, "the oldest stay: {written:?}");
    recorder
        .finish(Ending::Enough, CpuCounters::default(), Missed::default())
        .unwrap();
    assert_eq!(ending(&path), Ending::Enough);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// With room for older ones, nothing that was written takes the place of another, until there are
/// too many.
#[test]
fn a_flight_recorder_keeps_what_it_wrote_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    // Made by who wanted to know whether it can be made.
    std::fs::write(&path, "").unwrap();
    let table = functions();
    for number in 0..4 {
        let target = Target::Memory {
            path: path.clone(),
            bytes: 64 << 10,
            keep: 2,
        };
        let mut recorder =
            Recorder::begin(target, head(), &table, AttachedLate::default()).unwrap();
        recorder.batch(&made_up::batch(1, number, 0, 0, &[Event::default()]));
        recorder
            .finish(Ending::Enough, CpuCounters::default(), Missed::default())
            .unwrap();
    }
    let first_batch = |name: &str| {
        let file = std::fs::File::open(directory.path().join(name)).unwrap();
        let mut recording = Recording::open(file).unwrap();
        let data = recording.next_data().unwrap().unwrap();
        let Some(Step::Batch(batch)) = data.steps().next() else {
            panic!("no batch in {name}");
        };
        batch.header().root_time_ns
    };
    assert_eq!(
        ["recording", "recording.1", "recording.2"].map(first_batch),
        [3, 2, 1]
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
}

fn ending(path: &std::path::Path) -> Ending {
    let bytes = std::fs::read(path).unwrap();
    let Some(Piece::Frame(Frame::End(end))) = read(&bytes).unwrap().pop() else {
        panic!("no end");
    };
    end.ending
}

#[test]
fn a_full_recording_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    assert!(record_limited(&path, WhenFull::End, 4 << 20, 5));
    assert!(std::fs::metadata(&path).unwrap().len() <= 4 << 20);
    assert_eq!(ending(&path), Ending::Full);
    assert!(!record_limited(&path, WhenFull::End, 1 << 30, 1));
    assert_eq!(ending(&path), Ending::Stopped);
}

#[test]
fn full_recordings_rotate() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    let then = WhenFull::Rotate {
        path: path.clone(),
        keep: 2,
    };
    assert!(!record_limited(&path, then, 4 << 20, 9));
    let mut names: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["recording", "recording.1", "recording.2"]);
    assert_eq!(ending(&path), Ending::Stopped);
    let mut last = u64::MAX;
    for name in names {
        let path = directory.path().join(name);
        assert!(std::fs::metadata(&path).unwrap().len() <= 4 << 20);
        let bytes = std::fs::read(&path).unwrap();
        let mut recording = Recording::open(bytes.as_slice()).unwrap();
        assert_eq!(recording.head, head());
        let mut newest = 0;
        while let Some(data) = recording.next_data().unwrap() {
            for step in data.steps() {
                let Step::Batch(batch) = step else { continue };
                newest = newest.max(batch.header().root_time_ns);
            }
        }
        // Each file is older than the one before it.
        assert!(newest < last);
        last = newest;
        assert!(recording.readable.is_whole());
    }
}

/// A target that takes nothing ends the trace, with the error that says why.
#[test]
fn a_full_disk_is_noticed() {
    let table = functions();
    let file = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let target = Target::File {
        file: file.unwrap(),
        limit: None,
    };
    let refused = Recorder::begin(target, head(), &table, AttachedLate::default());
    assert_eq!(
        refused.err().unwrap().kind(),
        std::io::ErrorKind::StorageFull
    );
}
