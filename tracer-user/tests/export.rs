//! Root calls for the systems by which fleets are watched: what they have of a trace, and what they
//! can do to it.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
#[path = "export/collector.rs"]
mod collector;
#[path = "export/otlp.rs"]
mod otlp;
#[path = "export/prometheus.rs"]
mod prometheus;

use std::{fs::File, net::TcpListener};

use tracer::{
    export::{Export, Feed, KernelCounts, Outlets, Source},
    graph::{AttachedLate, Rebuilder},
    model::{FunctionTable, Interrupts, RootCall},
    output::ftrace,
    recording::{Head, Learning, Recording, steps::Step},
};
use tracer_common::CpuCounters;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/sockmap.rec");

/// The sample's head, functions and root calls.
fn sample() -> (Head, FunctionTable, Vec<RootCall>) {
    let mut recording = Recording::open(File::open(SAMPLE).unwrap()).unwrap();
    let table = FunctionTable::default();
    let attached_late = AttachedLate::default();
    let mut rebuilder = Rebuilder::new(Interrupts::Shown).with_attached_late(attached_late.clone());
    let mut calls = Vec::new();
    while let Some(data) = recording.next_data().unwrap() {
        Learning::new(&table, &attached_late).learn(&data);
        for step in data.steps() {
            match step {
                Step::Batch(batch) => rebuilder.push(batch, &mut |call| calls.push(call)),
                Step::Pass => rebuilder.pass(&mut |call| calls.push(call)),
            }
        }
    }
    rebuilder.finish(&mut |call| calls.push(call));
    (recording.head, table, calls)
}

/// Begins to watch as a live trace of the sample's kernel does.
fn start(
    collector: Option<&str>,
    scrapers: Option<TcpListener>,
    counters: CpuCounters,
) -> (Export, Feed) {
    let source = Source::Live(Box::new(move || {
        Some(KernelCounts {
            counters,
            sampled_out: 5,
        })
    }));
    start_from(source, collector, scrapers)
}

/// Begins to watch.
fn start_from(
    source: Source,
    collector: Option<&str>,
    scrapers: Option<TcpListener>,
) -> (Export, Feed) {
    let outlets = Outlets {
        collector: collector.map(|url| url.parse().unwrap()),
        scrapers,
    };
    let (head, ..) = sample();
    Export::start(outlets, &head, ftrace::TextOptions::default(), source).unwrap()
}

/// Feeds so many copies of a root call, and no more.
fn feed_copies(mut feed: Feed, call: &RootCall, copies: u64, table: &FunctionTable) {
    for _ in 0..copies {
        feed.root_call(call.clone(), table);
    }
}
