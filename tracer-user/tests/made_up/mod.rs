//! Call trees that are made up at random, and the batches that a kernel would send of them.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]
#![allow(dead_code, reason = "not every test needs all of them")]

use proptest::prelude::*;
use tracer::{
    graph::{Batch, Rebuilder},
    model::{
        FunctionId, FunctionInfo, FunctionTable, Interrupts, RecordField, RecordFieldKind,
        RecordType, RootCall, ValueType,
    },
    recording::{Head, Piece, Reader, RecordingError},
};
use tracer_common::{Arrival, BatchHeader, Context, Event, EventKind, FIRST_MARK};

/// A call: its function and what it calls.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What was called.
    pub function: u32,
    /// What it called.
    pub children: Vec<Tree>,
}

/// A random tree.
pub fn tree() -> impl Strategy<Value = Tree> {
    let leaf = (1u32..20).prop_map(|function| Tree {
        function,
        children: Vec::new(),
    });
    leaf.prop_recursive(6, 60, 5, |inner| {
        (1u32..20, prop::collection::vec(inner, 0..5))
            .prop_map(|(function, children)| Tree { function, children })
    })
}

/// From this function on calls have a mark right after their entry, with one part more each.
pub const FIRST_MARKED: u32 = 16;

/// The last part of what is recorded of the mark of a function, if it has one.
pub fn last_part(function: u32) -> Option<u8> {
    let part = function.checked_sub(FIRST_MARKED)?;
    u8::try_from(part).ok()
}

/// The bytes that are recorded of a mark whose last part that is.
pub fn recorded(last_part: u8) -> u16 {
    8 * u16::from(last_part) + 5
}

/// The events of a tree, in order, 10 ns apart.
pub fn events(tree: &Tree, depth: u8, frame: u16, out: &mut Vec<Event>) {
    let make = |kind, out: &Vec<Event>| Event {
        time_ns: 1000 + out.len() as u64 * 10,
        value: u64::from(tree.function) * 2,
        function: tree.function,
        frame,
        depth,
        kind_and_context: Event::pack(kind, Context::Task as u8),
    };
    let entry = make(EventKind::Entry, out);
    out.push(entry);
    for part in last_part(tree.function).map_or(0..0, |last| 0..last + 1) {
        let (kind, depth) = match part {
            0 => (EventKind::Mark, depth + 1),
            _ => (EventKind::MarkPart, part),
        };
        let mark = Event {
            function: FIRST_MARK,
            frame: recorded(last_part(tree.function).unwrap_or(0)),
            depth,
            ..make(kind, out)
        };
        out.push(mark);
    }
    for child in &tree.children {
        events(child, depth + 1, frame.wrapping_sub(8), out);
    }
    let exit = make(EventKind::Exit, out);
    out.push(exit);
}

/// A batch that comes in order.
pub fn batch(tid: u32, root_time_ns: u64, cpu: u32, sequence: u64, events: &[Event]) -> Batch {
    arriving(Arrival::InOrder, tid, root_time_ns, cpu, sequence, events)
}

/// A batch.
pub fn arriving(
    arrival: Arrival,
    tid: u32,
    root_time_ns: u64,
    cpu: u32,
    sequence: u64,
    events: &[Event],
) -> Batch {
    let header = BatchHeader {
        sequence,
        root_time_ns,
        tid,
        tgid: tid,
        cpu,
        count: u16::try_from(events.len()).unwrap(),
        early: arrival as u16,
        comm: *b"test\0\0\0\0\0\0\0\0\0\0\0\0",
    };
    Batch::of(&header, events).unwrap()
}

/// The same with some entries and the exits that follow them as one event.
pub fn with_leaves(events: &[Event]) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::new();
    for event in events {
        let is_exit = event.kind() == Some(EventKind::Exit) && event.function % 3 > 0;
        match out.last_mut() {
            Some(last)
                if is_exit
                    && last.kind() == Some(EventKind::Entry)
                    && last.time_ns <= event.time_ns
                    && (last.function, last.frame, last.depth)
                        == (event.function, event.frame, event.depth) =>
            {
                last.value = event.value;
                last.frame = u16::try_from(event.time_ns - last.time_ns).unwrap();
                last.kind_and_context = Event::pack(EventKind::Leaf, Context::Task as u8);
            }
            _ => out.push(*event),
        }
    }
    out
}

/// Batches of `size` hits, on four CPUs in turn; some calls that call nothing are one event.
pub fn batches(tid: u32, root_time_ns: u64, events: &[Event], size: usize) -> Vec<Batch> {
    events
        .chunks(size)
        .enumerate()
        .map(|(number, chunk)| {
            let sequence = (number * size) as u64;
            batch(
                tid,
                root_time_ns,
                u32::try_from(number % 4).unwrap(),
                sequence,
                &with_leaves(chunk),
            )
        })
        .collect()
}

/// The functions of [`tree`].
pub fn functions() -> FunctionTable {
    FunctionTable::new(
        (0..20)
            .map(|id| {
                let info = FunctionInfo::new(
                    format!("function_{id}"),
                    (id % 3 != 0).then_some(ValueType::Signed { bytes: 4 }),
                );
                (FunctionId(id), info)
            })
            .chain([mark()]),
    )
}

/// What the marks are.
fn mark() -> (FunctionId, FunctionInfo) {
    let field = |name: &str, offset, bytes, kind| RecordField {
        name: name.to_owned(),
        offset,
        bytes,
        kind,
    };
    let record = RecordType {
        system: "made_up".to_owned(),
        fields: vec![
            field("number", 0, 4, RecordFieldKind::Number { signed: true }),
            field("text", 8, 5, RecordFieldKind::Text),
        ],
        print: r#""number=%d", REC->number"#.to_owned(),
    };
    let returns = Some(ValueType::Record(record));
    let info = FunctionInfo::new("mark".to_owned(), returns);
    (FunctionId::of_mark(0), info)
}

/// The head of a recording.
pub fn head() -> Head {
    Head {
        tracer: "test".to_owned(),
        possible_cpus: 4,
        ..Head::default()
    }
}

/// All of a recording.
pub fn read(bytes: &[u8]) -> Result<Vec<Piece>, RecordingError> {
    let mut reader = Reader::new(bytes)?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        pieces.push(piece);
    }
    Ok(pieces)
}

/// Root calls of random trees, some torn.
pub fn calls() -> impl Strategy<Value = Vec<RootCall>> {
    let one = (tree(), 1usize..8, any::<prop::sample::Index>());
    (prop::collection::vec(one, 1..5), any::<bool>()).prop_map(|(trees, whole)| {
        let mut rebuilder = Rebuilder::new(Interrupts::Shown);
        let mut calls = Vec::new();
        for (index, (tree, size, lost)) in trees.into_iter().enumerate() {
            let mut list = Vec::new();
            events(&tree, 0, 0x8000, &mut list);
            let task = u32::try_from(index).unwrap() + 1;
            let mut batches = batches(task, 5, &list, size);
            if !whole && batches.len() > 1 {
                batches.remove(lost.index(batches.len()));
            }
            for batch in batches {
                rebuilder.push(batch, &mut |call| calls.push(call));
            }
        }
        rebuilder.finish(&mut |call| calls.push(call));
        calls
    })
}
