//! Recordings: what goes in comes out, and nothing else does, whatever happens to the file.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use std::io::{Read as _, Seek as _, Write as _};

use made_up::{batches, events, tree};
use proptest::prelude::*;
use tracer::{
    filter::Filter,
    graph::{FunctionId, Joined, Nanoseconds, Rebuilder},
    kernel::btf::ReturnType,
    plan::{FunctionInfo, FunctionTable},
    recording::{
        Damage, Data, End, Ending, Frame, Head, Piece, Reader, RecordingError, Writer,
        columns::{Collector, Step},
    },
    session::{
        Recorder, Show,
        pipeline::Pipeline,
        printer::Printer,
        replay::{self, Recording},
        target::{Limit, Target, WhenFull},
    },
    stream::Batch,
};
use tracer_common::{CpuCounters, Event, EventKind};

fn functions() -> FunctionTable {
    FunctionTable::new((0..20).map(|id| {
        let info = FunctionInfo {
            name: format!("function_{id}"),
            returns: (id % 3 != 0).then_some(ReturnType::Signed { bytes: 4 }),
        };
        (FunctionId(id), info)
    }))
}

/// A stream that becomes a frame.
fn collect(steps: &[Step]) -> Data {
    let mut collector = Collector::default();
    for step in steps {
        match step {
            Step::Batch(batch) => collector.batch(batch),
            Step::Pass => collector.pass(),
        }
    }
    collector.take(&functions(), &Joined::default())
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    let length = writer.written();
    let bytes = writer.into_inner();
    assert_eq!(bytes.len() as u64, length);
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Piece>, RecordingError> {
    let mut reader = Reader::new(bytes)?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        pieces.push(piece);
    }
    Ok(pieces)
}

fn head() -> Head {
    Head {
        tracer: "test".to_owned(),
        possible_cpus: 4,
        ..Head::default()
    }
}

/// A head, a frame for each stream, an end.
fn frames(streams: &[Vec<Step>]) -> Vec<Frame> {
    let mut frames = vec![Frame::Head(head())];
    frames.extend(streams.iter().map(|stream| Frame::Data(collect(stream))));
    frames.push(Frame::End(End::default()));
    frames
}

fn any_event() -> impl Strategy<Value = Event> {
    let fields = (
        any::<u64>(),
        any::<u64>(),
        any::<u32>(),
        any::<u16>(),
        any::<u8>(),
        any::<u8>(),
    );
    fields.prop_map(
        |(time_ns, value, function, frame, depth, kind_and_context)| Event {
            time_ns,
            value,
            function,
            frame,
            depth,
            kind_and_context,
        },
    )
}

/// Batches of anything, also of what no kernel sends, with passes between.
fn any_stream() -> impl Strategy<Value = Vec<Step>> {
    let batch = (
        any::<(u64, u64, u32, u32, u32)>(),
        0u16..2,
        any::<[u8; 16]>(),
        prop::collection::vec(any_event(), 0..12),
    );
    let batch = batch.prop_map(
        |((sequence, root_time_ns, tid, tgid, cpu), early, comm, events)| {
            let header = tracer_common::BatchHeader {
                sequence,
                root_time_ns,
                tid,
                tgid,
                cpu,
                count: u16::try_from(events.len()).unwrap(),
                early,
                comm,
            };
            Step::Batch(Batch::of(&header, &events).unwrap())
        },
    );
    prop::collection::vec(prop_oneof![3 => batch, 1 => Just(Step::Pass)], 0..8)
}

/// Streams of calls as a kernel sends them.
fn stream() -> impl Strategy<Value = Vec<Step>> {
    (tree(), 1usize..20, any::<u8>()).prop_map(|(tree, size, task)| {
        let mut list = Vec::new();
        events(&tree, 0, 0x8000, &mut list);
        batches(u32::from(task) + 1, 5, &list, size)
            .into_iter()
            .flat_map(|batch| [Step::Batch(batch), Step::Pass])
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any stream comes out as it went in.
    #[test]
    fn what_goes_in_comes_out(streams in prop::collection::vec(any_stream(), 0..4)) {
        let frames = frames(&streams);
        let pieces = read(&written(&frames)).unwrap();
        let whole: Vec<Piece> = frames.into_iter().map(Piece::Frame).collect();
        prop_assert_eq!(&pieces, &whole);
        for (piece, stream) in pieces[1..].iter().zip(&streams) {
            let Piece::Frame(Frame::Data(data)) = piece else { panic!("no data: {piece:?}") };
            prop_assert_eq!(&data.steps().collect::<Vec<_>>(), stream);
        }
    }

    /// Of a file that was cut anywhere, all whole frames are read, and the rest is said to be damage.
    #[test]
    fn a_cut_costs_the_last_frame(streams in prop::collection::vec(any_stream(), 0..4), cut in any::<prop::sample::Index>()) {
        let frames = frames(&streams);
        let bytes = written(&frames);
        let ends: Vec<usize> = (0..=frames.len()).map(|count| written(&frames[..count]).len()).collect();
        let cut = cut.index(bytes.len());
        let pieces = match read(&bytes[..cut]) {
            Err(error) => {
                prop_assert!(cut < ends[0] && matches!(error, RecordingError::Empty), "{}", error);
                return Ok(());
            }
            Ok(pieces) => pieces,
        };
        let whole = ends.iter().filter(|&&end| end <= cut).count() - 1;
        let mut expected: Vec<Piece> = frames[..whole].iter().cloned().map(Piece::Frame).collect();
        if cut > ends[whole] {
            expected.push(Piece::Damage(Damage { from: ends[whole] as u64, bytes: (cut - ends[whole]) as u64 }));
        }
        prop_assert_eq!(pieces, expected);
    }

    /// A bit that is flipped anywhere costs one frame, or the file if it is in its first bytes, and changes none.
    #[test]
    fn a_flipped_bit_costs_one_frame(streams in prop::collection::vec(any_stream(), 0..4), place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let frames = frames(&streams);
        let mut bytes = written(&frames);
        let ends: Vec<usize> = (0..=frames.len()).map(|count| written(&frames[..count]).len()).collect();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let Ok(pieces) = read(&bytes) else {
            prop_assert!(place < ends[0]);
            return Ok(());
        };
        let hit = ends.iter().filter(|&&end| end <= place).count() - 1;
        let expected: Vec<Piece> = frames.iter().enumerate().map(|(index, frame)| {
            if index == hit {
                Piece::Damage(Damage { from: ends[index] as u64, bytes: (ends[index + 1] - ends[index]) as u64 })
            } else {
                Piece::Frame(frame.clone())
            }
        }).collect();
        prop_assert_eq!(pieces, expected);
    }

    /// Whatever stands between frames, they are found; whatever bytes come, reading them ends.
    #[test]
    fn rubbish_costs_nothing_else(streams in prop::collection::vec(any_stream(), 1..3), rubbish in prop::collection::vec(any::<u8>(), 1..200), marks in any::<bool>()) {
        let frames = frames(&streams);
        let mut bytes = written(&frames);
        let place = written(&frames[..1]).len();
        let mut rubbish = rubbish;
        if marks {
            rubbish.extend(b"\xf7TRF\0\0\0\0\xf7TRF");
        }
        bytes.splice(place..place, rubbish.iter().copied());
        let pieces = read(&bytes).unwrap();
        let found: Vec<&Frame> = pieces.iter().filter_map(|piece| match piece {
            Piece::Frame(frame) => Some(frame),
            Piece::Damage(_) => None,
        }).collect();
        prop_assert_eq!(found, frames.iter().collect::<Vec<_>>());
        let _ = read(&rubbish);
    }

    /// A recording replays as the stream prints, wherever it is cut into frames.
    #[test]
    fn frames_do_not_show(streams in prop::collection::vec(stream(), 1..5)) {
        let joined: Vec<Step> = streams.iter().flatten().cloned().collect();
        prop_assert_eq!(printed(&written(&frames(&[joined]))), printed(&written(&frames(&streams))));
    }
}

/// What a live trace prints of a stream while it records it, and the recording.
fn live(stream: &[Step], show: &Show, joined: &Joined) -> (String, Vec<u8>) {
    let table = functions();
    let mut file = tempfile::tempfile().unwrap();
    let target = Target::File {
        file: file.try_clone().unwrap(),
        limit: None,
    };
    let recorder = Recorder::begin(target, head(), &table, joined.clone());
    let mut out = Vec::new();
    let form = show.form(Some(&mut out), &table, 4);
    let printer = Printer::new(form, &table, &show.filter, show.count);
    let rebuilder = Rebuilder::new(show.interrupts).with_joined(joined.clone());
    let mut pipeline = Pipeline::new(rebuilder, printer, Some(recorder.unwrap()));
    for step in stream {
        match step {
            Step::Batch(batch) => pipeline.batch(batch.clone()),
            Step::Pass => pipeline.pass(),
        }
    }
    let finished = pipeline.finish(CpuCounters::default());
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
        joined_at in 0u64..6,
    ) {
        let filter = Filter { depth, failed, ..Filter::default() };
        let show = Show { count, filter, ..Show::default() };
        let joined = Joined::default();
        joined.done(FunctionId(4), Nanoseconds(joined_at));
        let (text, recording) = live(&stream, &show, &joined);
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
    let (text, recording) = live(&stream, &show, &Joined::default());
    assert!(!text.contains("tracing ended here"), "{text}");
    assert_eq!(printed_as(&recording, &Show::default()), text);
}

/// Records so many frames to a file of at most `bytes` bytes; says whether the recorder had enough before the last one.
fn record_limited(path: &std::path::Path, then: WhenFull, bytes: u64, frames: u64) -> bool {
    let table = functions();
    let target = Target::File {
        file: std::fs::File::create(path).unwrap(),
        limit: Some(Limit { bytes, then }),
    };
    let mut recorder = Recorder::begin(target, head(), &table, Joined::default()).unwrap();
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
        .finish(Ending::Stopped, CpuCounters::default())
        .unwrap();
    had_enough
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
    };
    let mut recorder = Recorder::begin(target, head(), &table, Joined::default()).unwrap();
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
        recorder.save();
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
        assert!(times.is_sorted());
        assert_eq!(times.last(), Some(&(ask * 40_000 + 39_999)));
        written.push(times[0]);
    }
    assert!(written[1] > 0, "the oldest stay: {written:?}");
    recorder
        .finish(Ending::Enough, CpuCounters::default())
        .unwrap();
    assert_eq!(ending(&path), Ending::Enough);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
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
    let refused = Recorder::begin(target, head(), &table, Joined::default());
    assert_eq!(
        refused.err().unwrap().kind(),
        std::io::ErrorKind::StorageFull
    );
}

fn printed(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let recording = Recording::open(bytes).unwrap();
    replay::replay(&Show::default(), recording, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_cannot_be_a_recording_says_what_to_do() {
    let mut newer = written(&[]);
    let form = newer.len() - 4;
    newer[form] += 1;
    let cases: [(&[u8], &str); 5] = [
        (b"", "it is empty"),
        (b"\x89trac", "it is empty"),
        (b"PK\x03\x04", "it is no recording; make one with"),
        (&[0; 4096], "it is no recording"),
        (
            &newer,
            "written by another version of tracer (its form is 2",
        ),
    ];
    for (bytes, words) in cases {
        let error = Reader::new(bytes).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// Functions that joined while the trace went on are excused in the replay as they were live.
#[test]
fn what_joined_is_recorded() {
    let mut list = Vec::new();
    let leaf = |function| made_up::Tree {
        function,
        children: Vec::new(),
    };
    let tree = made_up::Tree {
        function: 1,
        children: vec![leaf(2), leaf(3)],
    };
    events(&tree, 0, 0x8000, &mut list);
    // The entry of function 2 was not seen.
    list.retain(|event| !(event.function == 2 && event.kind() == Some(EventKind::Entry)));
    for (since, gaps) in [(6, false), (4, true)] {
        let joined = Joined::default();
        joined.done(FunctionId(2), Nanoseconds(since));
        let mut collector = Collector::default();
        for batch in batches(1, 5, &list, 100) {
            collector.batch(&batch);
        }
        let data = collector.take(&functions(), &joined);
        let text = printed(&written(&[
            Frame::Head(Head::default()),
            Frame::Data(data),
            Frame::End(End::default()),
        ]));
        assert_eq!(text.contains("entry not seen"), gaps, "{text}");
    }
}

/// The bytes of a frame as version 1 of the form has them. If this fails, recordings of before cannot be read any more: raise
/// [`tracer::recording::form::FORM`].
#[test]
fn the_form_has_not_changed() {
    let mut list = Vec::new();
    let tree = made_up::Tree {
        function: 1,
        children: Vec::new(),
    };
    events(&tree, 0, 0x8000, &mut list);
    let stream: Vec<Step> = batches(7, 900, &list, 10)
        .into_iter()
        .map(Step::Batch)
        .chain([Step::Pass])
        .collect();
    let mut text = Vec::new();
    for frame in frames(&[stream]) {
        for byte in postcard::to_stdvec(&frame).unwrap() {
            write!(text, "{byte:02x}").unwrap();
        }
        writeln!(text).unwrap();
    }
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}
