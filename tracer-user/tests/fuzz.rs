//! The fuzz targets, each on its seeds and on some thousand inputs that are made of them. A fuzzer
//! runs the same for longer: see docs/architecture.md.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::{fs, path::Path};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

/// A change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Cut(Index),
    /// Bytes from a place to another one.
    Repeat(Index, Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Change::Set(place, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
        2 => (any::<Index>(), any::<Index>(), 1usize..64)
            .prop_map(|(from, to, length)| Change::Repeat(from, to, length)),
    ]
}

fn apply(change: &Change, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let place = |index: &Index| index.index(bytes.len());
    match change {
        Change::Set(at, byte) => {
            let at = place(at);
            bytes[at] = *byte;
        }
        Change::Cut(at) => bytes.truncate(place(at)),
        Change::Repeat(from, to, length) => {
            let (from, to) = (place(from), place(to));
            let part = bytes[from..bytes.len().min(from + length)].to_vec();
            bytes.splice(to..to, part);
        }
    }
}

fn run(name: &str, inputs: u32, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let files = fs::read_dir(directory.join(name)).unwrap();
    let seeds: Vec<Vec<u8>> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    for seed in &seeds {
        target(seed);
    }
    let inputs = Config {
        failure_persistence: None,
        ..Config::with_cases(inputs)
    };
    let changed = (
        prop::sample::select(seeds),
        prop::collection::vec(change(), 1..8),
    );
    TestRunner::new(inputs)
        .run(&changed, |(mut bytes, changes)| {
            for change in &changes {
                apply(change, &mut bytes);
            }
            target(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn recording() {
    run("recording", 5000, targets::recording);
}

#[test]
fn frame() {
    run("frame", 5000, targets::frame);
}

#[test]
fn batches() {
    run("batches", 2000, targets::batches);
}

#[test]
fn rings() {
    run("rings", 5000, targets::rings);
}

#[test]
fn flood() {
    run("flood", 5000, targets::flood);
}

#[test]
fn expression() {
    run("expression", 20_000, targets::expression);
}

#[test]
fn btf() {
    run("btf", 5000, targets::btf);
}

#[test]
fn kallsyms() {
    run("kallsyms", 20_000, targets::kallsyms);
}

#[test]
fn text() {
    run("text", 5000, targets::text);
}
