//! Recordings: what goes in comes out, and nothing else does, whatever happens to the file.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use std::io::Write as _;

use made_up::{batches, events, functions, head, read, tree};
use proptest::prelude::*;
use tracer::{
    graph::{AttachedLate, Batch},
    model::{FieldInfo, FieldShape, FunctionId, FunctionInfo, Nanoseconds, ValueType},
    pipeline::{Show, replay},
    recording::{
        Damage, Data, End, Frame, Head, Hits, Missed, Piece, Reader, Recording, RecordingError,
        Writer, columns::Collector, steps::Step,
    },
};
use tracer_common::{Event, EventKind};

/// A stream that becomes a frame.
fn collect(steps: &[Step]) -> Data {
    let mut collector = Collector::default();
    for step in steps {
        match step {
            Step::Batch(batch) => collector.batch(batch),
            Step::Pass => collector.pass(),
        }
    }
    collector.take(&functions(), &AttachedLate::default())
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

    /// Of a file that was cut anywhere, all whole frames are read, and the rest is said to be
    /// damage.
    #[test]
    fn a_cut_costs_the_last_frame(
        streams in prop::collection::vec(any_stream(), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
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

    /// A bit that is flipped anywhere costs one frame, or the file if it is in its first bytes, and
    /// changes none. Of the number of the form it may make one that is read, too.
    #[test]
    fn a_flipped_bit_costs_one_frame(
        streams in prop::collection::vec(any_stream(), 0..4),
        place in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let frames = frames(&streams);
        let mut bytes = written(&frames);
        let ends: Vec<usize> = (0..=frames.len()).map(|count| written(&frames[..count]).len()).collect();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let Ok(pieces) = read(&bytes) else {
            prop_assert!(place < ends[0]);
            return Ok(());
        };
        // None: the number of the form has become that of an older one, which is read, too.
        let hit = ends.iter().filter(|&&end| end <= place).count().checked_sub(1);
        let form = ends[0] - 4..ends[0];
        prop_assert!(hit.is_some() || form.contains(&place));
        let expected: Vec<Piece> = frames.iter().enumerate().map(|(index, frame)| {
            if Some(index) == hit {
                Piece::Damage(Damage { from: ends[index] as u64, bytes: (ends[index + 1] - ends[index]) as u64 })
            } else {
                Piece::Frame(frame.clone())
            }
        }).collect();
        prop_assert_eq!(pieces, expected);
    }

    /// Whatever stands between frames, they are found; whatever bytes come, reading them ends.
    #[test]
    fn rubbish_costs_nothing_else(
        streams in prop::collection::vec(any_stream(), 1..3),
        rubbish in prop::collection::vec(any::<u8>(), 1..200),
        marks in any::<bool>(),
    ) {
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
        let attached_late: Vec<Step> = streams.iter().flatten().cloned().collect();
        prop_assert_eq!(printed(&written(&frames(&[attached_late]))), printed(&written(&frames(&streams))));
    }
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
            "written by another version of tracer (its form is 4",
        ),
    ];
    for (bytes, words) in cases {
        let error = Reader::new(bytes).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// Functions that joined while the trace went on are excused in the replay as they were live.
#[test]
fn what_is_attached_late_is_recorded() {
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
        let attached_late = AttachedLate::default();
        attached_late.done(FunctionId(2), Nanoseconds(since));
        let mut collector = Collector::default();
        for batch in batches(1, 5, &list, 100) {
            collector.batch(&batch);
        }
        let data = collector.take(&functions(), &attached_late);
        let text = printed(&written(&[
            Frame::Head(Head::default()),
            Frame::Data(data),
            Frame::End(End::default()),
        ]));
        assert_eq!(text.contains("entry not seen"), gaps, "{text}");
    }
}

/// The bytes of frames as this form has them. If this fails, recordings of before cannot be read
/// any more: raise [`tracer::recording::form::FORM`] and, if so, `OLDEST_FORM`.
#[test]
fn the_form_has_not_changed() {
    let mut list = Vec::new();
    let tree = made_up::Tree {
        function: 1,
        children: Vec::new(),
    };
    events(&tree, 0, 0x8000, &mut list);
    let whole = made_up::batch(7, 900, 0, 0, &list);
    let stream = vec![Step::Batch(whole), Step::Pass];
    let mut text = Vec::new();
    let missed = Missed {
        lost_whole: 1,
        roots: Hits {
            entries: 2,
            exits: 3,
        },
        below: Hits {
            entries: 4,
            exits: 5,
        },
    };
    for frame in frames(&[stream]).into_iter().chain([Frame::Missed(missed)]) {
        for byte in postcard::to_stdvec(&frame).unwrap() {
            write!(text, "{byte:02x}").unwrap();
        }
        writeln!(text).unwrap();
    }
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}

/// Where functions have fields, these stand beside the data, and are read into their functions.
#[test]
fn fields_are_recorded_with_their_functions() {
    let header = tracer_common::BatchHeader {
        count: 1,
        ..Default::default()
    };
    let batch = Batch::of(&header, &[tracer_common::Event::default()]).unwrap();
    let mut data = collect(&[Step::Batch(batch)]);
    let fields = vec![FieldInfo {
        name: "sk->sk_err".to_owned(),
        read: 0,
        shape: FieldShape::Value(ValueType::Signed { bytes: 4 }),
    }];
    data.functions[0].info = Some(FunctionInfo {
        fields,
        ..FunctionInfo::new("f".to_owned(), None)
    });
    let frame = Frame::of_data(data.clone());
    assert!(matches!(frame, Frame::DataWithFields(..)));
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.write(&frame).unwrap();
    let pieces = read(&writer.into_inner()).unwrap();
    assert_eq!(pieces, [Piece::Frame(Frame::Data(data))]);
}
