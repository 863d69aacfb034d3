//! The forms for profilers, read back by the fields that their readers use.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use std::io::Read as _;

use by_hand::{everything, functions, written};
use flate2::read::GzDecoder;
use made_up::calls;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;
use tracer::{
    model::{Closed, Node, RootCall, SleepTime},
    output::Format,
    pipeline::{Show, Shown},
};

fn bytes(format: Format, calls: &[RootCall]) -> Vec<u8> {
    let show = Show {
        result: Shown::Each(format),
        ..Show::default()
    };
    written(&show, &functions(), calls)
}

/// A profile, as proto/profile.proto has it, with the fields that a reader needs.
#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<Pair>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Pair>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(int64, tag = "1")]
    one: i64,
    #[prost(int64, tag = "2")]
    other: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(int64, tag = "1")]
    function_id: i64,
}

impl Profile {
    fn of(calls: &[RootCall]) -> Self {
        let mut message = Vec::new();
        let bytes = bytes(Format::Pprof, calls);
        GzDecoder::new(&*bytes).read_to_end(&mut message).unwrap();
        Self::decode(&*message).unwrap()
    }

    fn string(&self, place: i64) -> &str {
        &self.string_table[usize::try_from(place).unwrap()]
    }

    /// The functions of a sample, the outermost first.
    fn stack(&self, sample: &Sample) -> Vec<&str> {
        let names = sample.location_id.iter().rev().map(|id| {
            let location = self.location.iter().find(|it| it.id == *id).unwrap();
            let function = location.line[0].function_id;
            let function = self.function.iter().find(|it| it.one == function).unwrap();
            self.string(function.other)
        });
        names.collect()
    }
}

fn root_time(call: &RootCall) -> u64 {
    match &call.nodes[0] {
        Node::Call(root) => root.duration(SleepTime::Counted).unwrap().0,
        Node::Mark(_) | Node::Gap { .. } => 0,
    }
}

#[test]
fn pprof_has_each_path_with_its_calls_and_its_own_time() {
    let profile = Profile::of(&everything());
    let types = profile.sample_type.iter();
    let types: Vec<_> = types
        .map(|it| (profile.string(it.one), profile.string(it.other)))
        .collect();
    assert_eq!(types, [("calls", "count"), ("time", "nanoseconds")]);
    assert_eq!(profile.string_table[0], "");
    let lock = ["__sys_sendto", "inet_sendmsg", "lock_sock_nested"];
    let sample = profile.sample.iter().find(|it| profile.stack(it) == lock);
    assert_eq!(sample.unwrap().value, [3, 633]);
}

#[test]
fn firefox_has_a_track_for_each_task() {
    let json: Value = serde_json::from_slice(&bytes(Format::Firefox, &everything())).unwrap();
    let threads = json["threads"].as_array().unwrap();
    let mut names: Vec<_> = threads
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a \"b\", c", "a-long-name", "cut", "sender"]);
    assert_eq!(json["meta"]["product"], "tracer");
    for thread in threads {
        assert_eq!(thread["samples"]["weightType"], "tracing-ms");
    }
}

/// A sample has room for a second, and a made-up recording may have any times.
#[test]
fn made_up_times_do_not_fill_the_memory_of_firefox() {
    let mut calls = everything();
    for node in calls.iter_mut().flat_map(|call| &mut call.nodes) {
        if let Node::Call(call) = node
            && let Closed::Returned { at, .. } = &mut call.closed
        {
            at.0 = u64::MAX;
        }
    }
    let bytes = bytes(Format::Firefox, &calls);
    let json: Value = serde_json::from_slice(&bytes).unwrap();
    let threads = json["threads"].as_array().unwrap().iter();
    let samples = threads.map(|it| it["samples"]["weight"].as_array().unwrap().len());
    let samples: usize = samples.sum();
    assert!((1 << 16..(1 << 16) + 1000).contains(&samples), "{samples}");
}

/// The weights of all samples, ns.
fn weights(json: &Value) -> f64 {
    let threads = json["threads"].as_array().unwrap().iter();
    let weights = threads.flat_map(|it| it["samples"]["weight"].as_array().unwrap());
    weights.map(|it| it.as_f64().unwrap() * 1e6).sum()
}

proptest! {
    /// All time of whole root calls is there, once.
    #[test]
    fn times_add_up(calls in calls()) {
        prop_assume!(calls.iter().all(RootCall::is_whole));
        let whole: u64 = calls.iter().map(root_time).sum();
        let profile = Profile::of(&calls);
        let own: i64 = profile.sample.iter().map(|it| it.value[1]).sum();
        prop_assert_eq!(own.cast_unsigned(), whole);
        let json: Value = serde_json::from_slice(&bytes(Format::Firefox, &calls)).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let difference = weights(&json) - whole as f64;
        prop_assert!(difference.abs() < 1e-3, "{}", difference);
    }

    #[test]
    fn every_graph_has_each_function_once(calls in calls()) {
        for format in [Format::Dot, Format::Mermaid] {
            let text = String::from_utf8(bytes(format, &calls)).unwrap();
            let mut heads: Vec<&str> = text
                .lines()
                .filter(|line| line.contains(" calls, ") && !line.contains("->"))
                .filter(|line| !line.contains("-->"))
                .filter_map(|line| line.trim().split(['[', ' ']).next())
                .collect();
            let all = heads.len();
            heads.sort_unstable();
            heads.dedup();
            prop_assert_eq!(heads.len(), all);
        }
    }
}
