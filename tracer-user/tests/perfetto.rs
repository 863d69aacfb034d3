//! Perfetto's form, decoded field by field by a reader that knows nothing of the writer's messages.
//! Numbers of fields are those of protos/perfetto/trace in Perfetto's source.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use std::{collections::BTreeMap, fmt::Write as _};

use by_hand::{LOCK, SENDTO, Task, everything, functions, marked, written};
use made_up::calls;
use proptest::prelude::*;
use tracer::{
    model::{End, FunctionTable, Node, RootCall, SleepTime},
    output::Format,
    pipeline::{Show, Shown},
};

/// A field of a message.
#[derive(Clone, Copy, Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(self) -> u64 {
        match self {
            Field::Number(number) => number,
            Field::Bytes(_) => panic!("bytes instead of a number"),
        }
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Field::Bytes(bytes) => bytes,
            Field::Number(_) => panic!("a number instead of bytes"),
        }
    }

    fn text(self) -> &'a str {
        str::from_utf8(self.bytes()).unwrap()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The fields of a message, in order.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                let (own, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(own)
            }
            other => panic!("wire type {other}"),
        };
        all.push((key >> 3, field));
    }
    all
}

fn get(message: &[u8], number: u64) -> Option<Field<'_>> {
    let mut all = fields(message).into_iter();
    all.find(|&(other, _)| other == number)
        .map(|(_, field)| field)
}

fn every(message: &[u8], number: u64) -> impl Iterator<Item = Field<'_>> {
    let all = fields(message).into_iter();
    all.filter(move |&(other, _)| other == number)
        .map(|(_, field)| field)
}

/// Names by their numbers: categories (1), events (2), annotations (3).
type Names<'a> = BTreeMap<(u64, u64), &'a str>;

fn annotations(names: &Names<'_>, message: &[u8], number: u64) -> String {
    let all = every(message, number).map(|annotation| {
        let annotation = annotation.bytes();
        let name = names[&(3, get(annotation, 1).unwrap().number())];
        let mut value = String::new();
        for (number, field) in fields(annotation) {
            match number {
                2 => write!(value, "{}", field.number() != 0),
                3 => write!(value, "{}", field.number()),
                4 => write!(value, "{}", field.number().cast_signed()),
                6 => write!(value, "{}", field.text()),
                7 => write!(value, "{:#x}", field.number()),
                11 if value.is_empty() => write!(value, "({})", annotations(names, annotation, 11)),
                _ => Ok(()),
            }
            .unwrap();
        }
        format!("{name}={value}")
    });
    all.collect::<Vec<_>>().join(" ")
}

/// A slice or an instant, as the trace processor would have it: events of a time in their order,
/// ends belong to the slice that began last.
#[derive(Clone, Debug, PartialEq)]
struct Slice {
    track: u64,
    at: u64,
    /// None for an instant.
    duration: Option<u64>,
    depth: usize,
    text: String,
}

/// The tracks by their numbers, and what is on them in the order of time.
fn read(trace: &[u8]) -> (BTreeMap<u64, String>, Vec<Slice>) {
    let mut names = Names::new();
    let mut tracks = BTreeMap::new();
    let mut events = Vec::new();
    let mut has_clock = false;
    for packet in every(trace, 1).map(Field::bytes) {
        assert_eq!(get(packet, 10).unwrap().number(), 1, "the sequence");
        for (kind, field) in get(packet, 12).map_or(Vec::new(), |new| fields(new.bytes())) {
            let number = get(field.bytes(), 1).unwrap().number();
            let name = get(field.bytes(), 2).unwrap().text();
            assert_eq!(
                names.insert((kind, number), name),
                None,
                "{name} is said twice"
            );
        }
        if let Some(clock) = get(packet, 6) {
            assert_eq!(
                get(clock.bytes(), 2).unwrap().number(),
                3,
                "CLOCK_MONOTONIC"
            );
            assert_eq!(
                get(packet, 13).unwrap().number(),
                1,
                "nothing before is needed"
            );
            has_clock = true;
        }
        if let Some(track) = get(packet, 60) {
            let uuid = get(track.bytes(), 1).unwrap().number();
            let old = tracks.insert(uuid, described(track.bytes()));
            assert_eq!(old, None, "a track is made known once");
        }
        if let Some(event) = get(packet, 11) {
            assert!(has_clock);
            assert_eq!(get(packet, 13).unwrap().number(), 2, "needs the names");
            let at = get(packet, 8).unwrap().number();
            events.push((at, event.bytes(), names.clone()));
        }
    }
    events.sort_by_key(|&(at, ..)| at);
    (tracks.clone(), nested(&events, &tracks))
}

fn described(track: &[u8]) -> String {
    let one = |field: Field<'_>| match field {
        Field::Number(number) => number.to_string(),
        Field::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
    };
    let parts = fields(track).into_iter().filter_map(|(number, field)| {
        let kind = match number {
            2 => return Some(format!("name {}", field.text())),
            3 => "process",
            4 => "thread",
            _ => return None,
        };
        let inner = fields(field.bytes()).into_iter();
        let inner: Vec<_> = inner.map(|(_, field)| one(field)).collect();
        Some(format!("{kind} {}", inner.join(" ")))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn nested(events: &[(u64, &[u8], Names<'_>)], tracks: &BTreeMap<u64, String>) -> Vec<Slice> {
    let mut slices: Vec<Slice> = Vec::new();
    let mut open: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, event, names) in events {
        let track = get(event, 11).unwrap().number();
        assert!(tracks.contains_key(&track));
        let open = open.entry(track).or_default();
        let kind = get(event, 9).unwrap().number();
        if kind == 2 {
            let begun = open.pop().expect("an end has a beginning");
            slices[begun].duration = Some(at - slices[begun].at);
            continue;
        }
        let name = get(event, 10).map(|iid| names[&(2, iid.number())]);
        let name = name.unwrap_or_else(|| get(event, 23).unwrap().text());
        let category = names[&(1, get(event, 3).unwrap().number())];
        slices.push(Slice {
            track,
            at: *at,
            duration: None,
            depth: open.len(),
            text: format!("{name} [{category}] {}", annotations(names, event, 4)),
        });
        if kind == 1 {
            open.push(slices.len() - 1);
        }
    }
    assert!(open.values().all(Vec::is_empty), "every slice ends");
    slices
}

fn trace(functions: &FunctionTable, calls: &[RootCall]) -> Vec<u8> {
    let show = Show {
        result: Shown::Each(Format::Perfetto),
        ..Show::default()
    };
    written(&show, functions, calls)
}

#[test]
fn a_trace_has_everything() {
    let mut calls = everything();
    let arguments = Task::new(9, "arguments", 0)
        .enter(LOCK, 0)
        .given(LOCK, 0, &[0xffff_8880_0000_0000, 0xffff_ffff])
        .after(5)
        .leave(LOCK, 0, 0)
        .end(End::Returned);
    let idle = |cpu: u32| {
        Task::new(0, &format!("swapper/{cpu}"), cpu)
            .enter(SENDTO, 0)
            .after(5)
            .leave(SENDTO, 0, 0)
            .end(End::Returned)
    };
    calls.extend([arguments, idle(0), idle(1), marked()]);
    let bytes = trace(&functions(), &calls);
    let (tracks, slices) = read(&bytes);
    let mut text = String::new();
    for (uuid, track) in tracks {
        writeln!(text, "track {uuid:#x}: {track}").unwrap();
        for slice in slices.iter().filter(|slice| slice.track == uuid) {
            let duration = slice
                .duration
                .map_or("-".to_owned(), |span| span.to_string());
            let indent = "  ".repeat(slice.depth);
            writeln!(
                text,
                "{:>15} {duration:>10} {indent}{}",
                slice.at, slice.text
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

proptest! {
    /// Each call of which both ends were seen is a slice of that duration, all else is an instant.
    #[test]
    fn slices_are_the_calls(calls in calls()) {
        let functions = made_up::functions();
        let (_, slices) = read(&trace(&functions, &calls));
        let mut expected: Vec<Option<u64>> = Vec::new();
        for node in calls.iter().flat_map(|call| &call.nodes) {
            expected.push(match node {
                Node::Call(call) => call.duration(SleepTime::Counted).map(|span| span.0),
                Node::Mark(_) | Node::Gap { .. } => None,
            });
        }
        let mut found: Vec<_> = slices.iter().map(|slice| slice.duration).collect();
        expected.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    /// Where all is whole, the slices of a track are nested as the tree is.
    #[test]
    fn slices_nest_as_calls_do(calls in calls()) {
        prop_assume!(calls.iter().all(RootCall::is_whole));
        let (_, slices) = read(&trace(&made_up::functions(), &calls));
        for call in &calls {
            let track = (1 << 32) + u64::from(call.task.id().0);
            let depths: Vec<_> = slices.iter().filter(|slice| slice.track == track).map(|slice| slice.depth).collect();
            let expected: Vec<_> = call.nodes.iter().map(|node| node.depth() as usize).collect();
            prop_assert_eq!(depths, expected);
        }
    }
}
