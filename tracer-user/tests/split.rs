//! `tracer split`: the parts have together what the recording has, each root call once and whole.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tracer::{
    model::{FunctionTable, Node, RootCall},
    recording::{Recording, RootCalls, split},
};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../samples")
        .join(name)
}

/// The root calls of a recording, with the names of their functions.
fn calls(path: &Path) -> Vec<(RootCall, Vec<String>)> {
    let functions = FunctionTable::default();
    let calls: Vec<_> = RootCalls::open(path, &functions)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let names = |call: &RootCall| {
        let of_node = |node: &Node| match node {
            Node::Call(call) => functions.name(call.function).into_owned(),
            Node::Mark(mark) => functions.name(mark.event).into_owned(),
            Node::Gap { .. } => String::new(),
        };
        call.nodes.iter().map(of_node).collect()
    };
    calls
        .into_iter()
        .map(|call| (names(&call), call))
        .map(|(names, call)| (call, names))
        .collect()
}

fn tracer(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracer"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_parts_have_all_that_the_whole_has() {
    for name in ["send.rec", "sockmap.rec", "sockmap-after.rec", "open.rec"] {
        for how in [["--parts", "3"], ["--every", "90ms"], ["--parts", "1"]] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(name);
            fs::copy(sample(name), &file).unwrap();
            let output = tracer(directory.path(), &["split", name, how[0], how[1]]);
            assert!(output.status.success(), "{}", said(&output));
            let stem = name.strip_suffix(".rec").unwrap();
            let part = |number: u64| directory.path().join(format!("{stem}-{number}.rec"));
            let parts = (1..=split::MOST_PARTS)
                .map(part)
                .filter(|part| part.exists());
            let mut of_parts = Vec::new();
            let mut files = 0;
            for part in parts {
                let of_part = calls(&part);
                let whole = of_part.iter().filter(|(call, _)| call.is_whole()).count();
                let is_said = said(&output).contains(&format!(
                    "`{}`: {whole} whole call",
                    part.file_name().unwrap().display()
                ));
                assert!(is_said && !of_part.is_empty(), "{}", said(&output));
                of_parts.extend(of_part);
                files += 1;
            }
            // The others have a single root call, or several within less than a tick.
            let is_one = name == "send.rec" || how[1] != "3" && name != "sockmap.rec";
            assert!(
                files > 1 || is_one || how[1] == "1",
                "{name} {how:?}: {files} parts"
            );
            let order = |(call, _): &(RootCall, Vec<String>)| {
                let first = call.nodes.iter().find_map(|node| match node {
                    Node::Call(call) => call.entered.or(call.closed.at()),
                    Node::Mark(_) | Node::Gap { .. } => None,
                });
                (first, call.task)
            };
            let mut all = calls(&file);
            all.sort_by_key(order);
            of_parts.sort_by_key(order);
            assert_eq!(of_parts.len(), all.len(), "{name} {how:?}");
            assert!(of_parts == all, "{name} {how:?}");
        }
    }
}

#[test]
fn a_part_is_what_a_replay_takes_of_the_same_time() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(sample("sockmap.rec"), directory.path().join("all")).unwrap();
    let span =
        split::Span::of(Recording::open(File::open(sample("sockmap.rec")).unwrap()).unwrap());
    let span = span.unwrap().unwrap();
    let middle = u64::midpoint(span.first.0, span.last.0);
    let middle = format!("{}.{:09}", middle / 1_000_000_000, middle % 1_000_000_000);
    let times = ["--from", middle.as_str(), "--to", "1h"];
    let split = [&["split", "all", "-o", "part"][..], &times].concat();
    let output = tracer(directory.path(), &split);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("tracer: in no part: "),
        "{}",
        said(&output)
    );
    let of_part = tracer(directory.path(), &["replay", "part"]);
    let taken = tracer(directory.path(), &[&["replay", "all"][..], &times].concat());
    assert!(!of_part.stdout.is_empty() && of_part.stdout == taken.stdout);
    assert!(of_part.status.success());
}

#[test]
fn what_cannot_be_split_is_said() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(sample("send.rec"), directory.path().join("all.rec")).unwrap();
    fs::write(directory.path().join("all-2.rec"), "of somebody").unwrap();
    let refused = [
        (&["split", "all.rec"][..], 2, "say how it is split"),
        (&["split", "all.rec", "--to", "+1s"], 2, "say with -o FILE"),
        (&["split", "all.rec", "--every", "0s"], 2, "a time above 0"),
        (
            &["split", "all.rec", "--every", "1us"],
            2,
            "there can be 1000",
        ),
        (&["split", "all.rec", "--parts", "1001"], 2, "1..=1000"),
        (
            &["split", "all.rec", "--from", "1h", "-o", "x"],
            2,
            "no root call began in this time",
        ),
        (
            &["split", "all.rec", "--parts", "2"],
            6,
            "`all-2.rec` cannot be written",
        ),
        (
            &["split", "all.rec", "--parts", "2", "-o", "/nowhere/x"],
            6,
            "/nowhere/x-1",
        ),
        (
            &["split", "/dev/stdin", "--parts", "2"],
            2,
            "no file that can be read twice",
        ),
        (
            &["split", "all-2.rec", "--parts", "2"],
            7,
            "it is no recording",
        ),
    ];
    for (arguments, code, text) in refused {
        let output = tracer(directory.path(), arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
        // Nothing is left of what was begun, and nothing is overwritten.
        let files = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(files, 2, "{arguments:?}");
    }
    let there = fs::read(directory.path().join("all-2.rec")).unwrap();
    assert_eq!(there, b"of somebody");
}

#[test]
fn of_a_damaged_recording_all_that_can_be_read_is_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(sample("sockmap.rec")).unwrap();
    bytes.truncate(bytes.len() - 3);
    fs::write(directory.path().join("cut.rec"), bytes).unwrap();
    let output = tracer(directory.path(), &["split", "cut.rec", "--parts", "2"]);
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    for part in ["cut-1.rec", "cut-2.rec"] {
        assert!(tracer(directory.path(), &["replay", part]).status.success());
    }
}
