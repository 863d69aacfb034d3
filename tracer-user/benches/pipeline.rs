//! From bytes of a ring to calls and text: events and calls per second of one core.
//!
//! A root call here is like a send on a socket: 200 calls, up to 12 deep, in batches as the kernel
//! side cuts them.

#![allow(
    clippy::unwrap_used,
    reason = "what is made up here is known to be well-formed"
)]

use std::io;

use bytes::Bytes;
use divan::{Bencher, counter::ItemsCount};
use tracer::{
    graph::{Batch, Rebuilder},
    model::{FunctionId, FunctionInfo, FunctionTable, Interrupts, Sink as _, ValueType},
    output::ftrace::{FtraceWriter, TextOptions},
};
use tracer_common::{BatchHeader, Context, Event, EventKind};

const ROOT_CALLS: u64 = 200;
const CALLS: usize = 200;
const DEEPEST: usize = 12;
const FUNCTIONS: usize = 90;
const BATCH: usize = 192;

fn main() {
    divan::main();
}

/// The events of one root call: its calls go deeper one by one and then begin anew below the root,
/// as the teeth of a saw.
fn events() -> Vec<Event> {
    let mut events = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for call in 0..CALLS {
        let depth = if call == 0 { 0 } else { 1 + call % DEEPEST };
        while open.len() > depth {
            let function = open.pop().unwrap();
            events.push(event(EventKind::Exit, function, open.len(), events.len()));
        }
        events.push(event(EventKind::Entry, call, open.len(), events.len()));
        open.push(call);
    }
    while let Some(function) = open.pop() {
        events.push(event(EventKind::Exit, function, open.len(), events.len()));
    }
    assert_eq!(events.len(), 2 * CALLS);
    events
}

fn event(kind: EventKind, function: usize, depth: usize, number: usize) -> Event {
    Event {
        time_ns: 1000 + number as u64 * 150,
        value: 0,
        function: u32::try_from(function % FUNCTIONS).unwrap(),
        frame: u16::try_from(depth).unwrap(),
        depth: u8::try_from(depth).unwrap(),
        kind_and_context: Event::pack(kind, Context::Task as u8),
    }
}

fn batch(root_time_ns: u64, sequence: usize, events: &[Event]) -> Bytes {
    let header = BatchHeader {
        sequence: sequence as u64,
        root_time_ns,
        tid: 1,
        tgid: 1,
        cpu: 0,
        count: u16::try_from(events.len()).unwrap(),
        early: 0,
        comm: *b"sender\0\0\0\0\0\0\0\0\0\0",
    };
    let mut bytes = Vec::new();
    bytes.extend(header.sequence.to_ne_bytes());
    bytes.extend(header.root_time_ns.to_ne_bytes());
    bytes.extend(header.comm);
    for word in [header.tid, header.tgid, header.cpu] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(header.count.to_ne_bytes());
    bytes.extend(header.early.to_ne_bytes());
    for event in events {
        bytes.extend(event.time_ns.to_ne_bytes());
        bytes.extend(event.value.to_ne_bytes());
        bytes.extend(event.function.to_ne_bytes());
        bytes.extend(event.frame.to_ne_bytes());
        bytes.extend([event.depth, event.kind_and_context]);
    }
    Bytes::from(bytes)
}

/// What the ring gives, and how many events that is.
fn stream() -> (Vec<Bytes>, usize) {
    let events = events();
    let batches = (0..ROOT_CALLS).flat_map(|call| {
        let chunks = events.chunks(BATCH).enumerate();
        chunks.map(move |(number, chunk)| batch(1 + call, number * BATCH, chunk))
    });
    let batches: Vec<Bytes> = batches.collect();
    (batches, events.len() * usize::try_from(ROOT_CALLS).unwrap())
}

#[divan::bench]
fn decode_and_rebuild(bencher: Bencher) {
    let (batches, events) = stream();
    bencher
        .counter(ItemsCount::new(events))
        .with_inputs(|| batches.clone())
        .bench_local_values(|batches| {
            let mut rebuilder = Rebuilder::new(Interrupts::Shown);
            let mut calls = 0;
            for bytes in batches {
                rebuilder.push(Batch::new(bytes).unwrap(), &mut |call| {
                    calls += call.nodes.len();
                });
            }
            assert_eq!(calls * 2, events);
        });
}

#[divan::bench]
fn decode_rebuild_and_print(bencher: Bencher) {
    let (batches, events) = stream();
    let table = FunctionTable::new((0..u32::try_from(FUNCTIONS).unwrap()).map(|function| {
        let name = format!("function_with_a_name_{function}");
        let returns = Some(ValueType::Signed { bytes: 4 });
        (FunctionId(function), FunctionInfo::new(name, returns))
    }));
    bencher
        .counter(ItemsCount::new(events / 2))
        .with_inputs(|| batches.clone())
        .bench_local_values(|batches| {
            let mut writer = FtraceWriter::new(io::sink(), &table, TextOptions::default(), 4);
            let mut rebuilder = Rebuilder::new(Interrupts::Shown);
            for bytes in batches {
                rebuilder.push(Batch::new(bytes).unwrap(), &mut |call| {
                    writer.root_call(&call).unwrap();
                });
            }
        });
}
