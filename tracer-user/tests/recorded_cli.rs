//! The commands that take a recording, from outside: what they print and how they end.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod made_up;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use made_up::{Tree, batches, events};
use tracer::{
    graph::AttachedLate,
    model::{FunctionId, FunctionInfo, FunctionTable, ValueType},
    recording::{End, Frame, Head, Writer, columns::Collector},
};

fn functions() -> FunctionTable {
    let names = [(1, "outer"), (2, "inner"), (3, "leaf")];
    FunctionTable::new(names.into_iter().map(|(id, name)| {
        let returns = Some(ValueType::Signed { bytes: 4 });
        let name = name.to_owned();
        (FunctionId(id), FunctionInfo::new(name, returns))
    }))
}

/// A recording of some calls of `outer`, a frame for each.
fn recording(calls: u32) -> Vec<u8> {
    let function = |function, children| Tree { function, children };
    let leaves = || vec![function(3, vec![]), function(3, vec![])];
    let tree = function(1, vec![function(2, leaves()), function(3, vec![])]);
    let mut list = Vec::new();
    events(&tree, 0, 0x8000, &mut list);
    let mut writer = Writer::new(Vec::new()).unwrap();
    let head = Head {
        possible_cpus: 4,
        ..Head::default()
    };
    writer.write(&Frame::Head(head)).unwrap();
    for call in 0..calls {
        let mut collector = Collector::default();
        for batch in batches(call + 1, 5, &list, 4) {
            collector.batch(&batch);
        }
        let data = collector.take(&functions(), &AttachedLate::default());
        writer.write(&Frame::Data(data)).unwrap();
    }
    writer.write(&Frame::End(End::default())).unwrap();
    writer.into_inner()
}

fn tracer(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracer"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A command, its exit status and all that it said.
fn transcript(directory: &Path, arguments: &[&str]) -> String {
    let output = tracer(directory, arguments);
    format!(
        "$ tracer {}\n{}{}exit status {}\n",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap()
    )
}

#[test]
fn what_a_recording_shows() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = recording(3);
    fs::write(directory.path().join("whole"), &bytes).unwrap();
    fs::write(directory.path().join("cut"), &bytes[..bytes.len() - 90]).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 4;
    fs::write(directory.path().join("flipped"), flipped).unwrap();
    fs::write(directory.path().join("other"), &bytes).unwrap();
    let commands: &[&[&str]] = &[
        &["replay", "whole", "-n", "1"],
        &["replay", "whole", "--graph-opts", "depth=1"],
        &["replay", "whole", "--slower-than", "1s", "--format", "json"],
        &["replay", "cut", "--graph-opts", "depth=1"],
        &["replay", "flipped", "--graph-opts", "depth=1"],
        &["replay", "whole", "--format", "folded"],
        &["replay", "whole", "--format", "parquet", "-o", "/dev/full"],
        &["replay", "whole", "--format", "perfetto", "-o", "/dev/full"],
        &["replay", "whole", "-o", "whole"],
        &["replay", "whole", "-o", "/dev/full"],
        &["replay", "whole", "-o", "/nowhere/file"],
        &["report", "whole"],
        &["report", "cut", "-s", "calls", "--group-by", "caller"],
        &["report", "whole", "-o", "whole"],
        &["report", "whole", "cut"],
        &["report", "whole", "--html", "-o", "/dev/full"],
        &["report", "whole", "--html", "--group-by", "cpu"],
        &["report", "whole", "other", "--html", "-o", "other"],
        &["graph", "whole", "inner"],
        &["graph", "whole", "nothing"],
        &["diff", "whole", "cut"],
        &["diff", "whole", "/dev/null"],
        &["replay", "whole", "-G", "inner", "-n", "1"],
        &[
            "replay", "whole", "-G", "leaf", "--caller", "inner", "--tid", "1",
        ],
        &["replay", "whole", "--tid", "!1,!2", "--hide", "inner"],
        &["replay", "whole", "--comm", "!test"],
        &["replay", "whole", "--from", "+1s", "--to", "2"],
        &[
            "replay",
            "whole",
            "-C",
            "0",
            "--to",
            "+1ms",
            "--through",
            "nothing",
        ],
        &["report", "whole", "-G", "inner"],
        &["report", "whole", "--contains", "inner && duration > 0"],
        &["replay", "whole", "--contains", "leaf && duration > 1s"],
        &["replay", "whole", "--contains", "leaf && durtion > 1s"],
        &["explain", "whole"],
        &["replay", "whole", "--failed=ENOENT", "--why-failed"],
        &["replay", "whole", "--failed=NOTHING"],
        &["replay", "whole", "--format", "dot"],
        &["replay", "whole", "--format", "mermaid"],
    ];
    let all: Vec<String> = commands
        .iter()
        .map(|arguments| transcript(directory.path(), arguments))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_replay_into_a_file_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("whole"), recording(100)).unwrap();
    for format in [
        "ftrace",
        "json",
        "chrome",
        "perfetto",
        "csv",
        "parquet",
        "folded",
        "svg",
        "pprof",
        "trace-dat",
        "firefox",
        "dot",
        "mermaid",
    ] {
        let printed = tracer(directory.path(), &["replay", "whole", "--format", format]);
        let arguments = ["replay", "whole", "--format", format, "-o", "file"];
        assert!(tracer(directory.path(), &arguments).stdout.is_empty());
        let written = fs::read(directory.path().join("file")).unwrap();
        assert_eq!(printed.stdout, written, "{format}");
    }
}

#[test]
fn a_report_into_a_file_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("whole"), recording(100)).unwrap();
    let reports: &[&[&str]] = &[
        &["report", "whole"],
        &["report", "--html", "whole"],
        &["report", "--html", "whole", "whole"],
    ];
    for arguments in reports {
        let printed = tracer(directory.path(), arguments);
        assert!(printed.status.success(), "{arguments:?}");
        let with_file = [*arguments, &["-o", "file"]].concat();
        assert!(tracer(directory.path(), &with_file).stdout.is_empty());
        let written = fs::read(directory.path().join("file")).unwrap();
        assert_eq!(printed.stdout, written, "{arguments:?}");
    }
}

#[test]
fn a_pipe_and_a_file_have_colours_only_if_they_must() {
    let directory = tempfile::tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/sockmap.rec");
    let sample = sample.to_str().unwrap();
    let has_colours = |bytes: &[u8]| bytes.contains(&0x1b);
    let plain = tracer(directory.path(), &["replay", sample]);
    assert!(plain.status.success() && !has_colours(&plain.stdout));
    let always = ["replay", sample, "--color", "always"];
    assert!(has_colours(&tracer(directory.path(), &always).stdout));
    for (color, expected) in [("auto", false), ("never", false), ("always", true)] {
        let arguments = ["replay", sample, "--color", color, "-o", "file"];
        assert!(tracer(directory.path(), &arguments).status.success());
        let written = fs::read(directory.path().join("file")).unwrap();
        assert_eq!(has_colours(&written), expected, "{color}");
        assert!(expected || written == plain.stdout, "{color}");
    }
}

#[test]
fn a_name_that_no_function_has_is_said_with_what_is_like_it() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("whole"), recording(2)).unwrap();
    let all: &[&[&str]] = &[
        &["replay", "whole", "--hide", "iner"],
        &["replay", "whole", "--through", "sock_*"],
        &["replay", "whole", "--contains", "iner && duration > 1"],
        &["report", "whole", "--through", "outer_"],
        &["graph", "whole", "inner", "-G", "oute"],
        &["explain", "whole", "--caller", "zzz"],
        &["diff", "whole", "whole", "--hide", "leafs"],
    ];
    for arguments in all {
        let output = tracer(directory.path(), arguments);
        assert_eq!(output.status.code(), Some(5), "{arguments:?}");
    }
    let said = |arguments: &[&str]| {
        let said = tracer(directory.path(), arguments).stderr;
        String::from_utf8(said)
            .unwrap()
            .lines()
            .last()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        said(all[0]),
        "tracer: the recording has no call of `iner`, which --hide names; did you mean inner?"
    );
    assert!(said(all[1]).ends_with("`tracer report` lists the functions that it has"));
    // Of what was not read nothing is said.
    let enough = tracer(
        directory.path(),
        &["replay", "whole", "--hide", "iner", "-n", "1"],
    );
    assert_eq!(enough.status.code(), Some(0));
}
