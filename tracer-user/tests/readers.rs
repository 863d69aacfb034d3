//! What other programs read, read by those of them that are installed: `trace-cmd report`,
//! Graphviz' `dot`, and `protoc` with the fields of pprof's proto/profile.proto.
//!
//! Each is given what a replay writes of every recording in `samples/`, and must find as many
//! calls, functions or paths as the CSV has. A reader that is not installed reads nothing, and the
//! test says so: the forms are held by readers of their own in `trace_dat.rs` and `profiles.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
    process::Command,
};

use flate2::read::GzDecoder;
use tempfile::TempDir;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples");

/// The fields of a profile, under the numbers that pprof gives them.
const PROFILE: &str = r#"syntax = "proto3";
message Profile {
  repeated ValueType sample_type = 1;
  repeated Sample sample = 2;
  repeated Mapping mapping = 3;
  repeated Location location = 4;
  repeated Function function = 5;
  repeated string string_table = 6;
  int64 drop_frames = 7;
  int64 keep_frames = 8;
  int64 time_nanos = 9;
  int64 duration_nanos = 10;
  ValueType period_type = 11;
  int64 period = 12;
  repeated int64 comment = 13;
  int64 default_sample_type = 14;
}
message ValueType { int64 type = 1; int64 unit = 2; }
message Sample { repeated uint64 location_id = 1; repeated int64 value = 2; repeated Label label = 3; }
message Label { int64 key = 1; int64 str = 2; int64 num = 3; int64 num_unit = 4; }
message Mapping { uint64 id = 1; uint64 memory_start = 2; uint64 memory_limit = 3; }
message Location { uint64 id = 1; uint64 mapping_id = 2; uint64 address = 3; repeated Line line = 4; bool is_folded = 5; }
message Line { uint64 function_id = 1; int64 line = 2; }
message Function { uint64 id = 1; int64 name = 2; int64 system_name = 3; int64 filename = 4; int64 start_line = 5; }
"#;

fn samples() -> Vec<PathBuf> {
    let files = fs::read_dir(SAMPLES).unwrap().map(Result::unwrap);
    let files = files.map(|file| file.path());
    let files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "rec"))
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    files
}

/// A recording in a form, as a file.
fn replayed(recording: &Path, form: &str, directory: &TempDir) -> PathBuf {
    let file = directory.path().join(form);
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_tracer"));
    tracer.arg("replay").arg(recording);
    tracer.args(["--format", form, "-o"]).arg(&file);
    let ended = tracer.output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    file
}

/// What a reader says on stdout; none if there is no such program. It must find nothing wrong.
fn said(reader: &mut Command) -> Option<String> {
    let ended = match reader.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("{} is not installed", reader.get_program().display());
            return None;
        }
        ended => ended.unwrap(),
    };
    assert!(ended.status.success(), "{ended:?}");
    Some(String::from_utf8(ended.stdout).unwrap())
}

/// Calls whose entry was seen: the names of their functions.
fn entered(recording: &Path, directory: &TempDir) -> Vec<String> {
    let mut rows = csv::Reader::from_path(replayed(recording, "csv", directory)).unwrap();
    let head = rows.headers().unwrap().clone();
    let place = |name: &str| head.iter().position(|column| column == name).unwrap();
    let (kind, at, function) = (place("kind"), place("entered_ns"), place("function"));
    let rows = rows.records().map(Result::unwrap);
    rows.filter(|row| &row[kind] == "call" && !row[at].is_empty())
        .map(|row| row[function].to_owned())
        .collect()
}

#[test]
fn trace_cmd_reports_every_call() {
    for recording in samples() {
        let directory = tempfile::tempdir().unwrap();
        let file = replayed(&recording, "trace-dat", &directory);
        let mut trace_cmd = Command::new("trace-cmd");
        let Some(report) = said(trace_cmd.args(["report", "-i"]).arg(file)) else {
            return;
        };
        let calls = report
            .lines()
            .filter(|line| line.contains("funcgraph_entry:"));
        let expected = entered(&recording, &directory).len();
        assert_eq!(calls.count(), expected, "{}", recording.display());
    }
}

#[test]
fn dot_draws_every_function() {
    for recording in samples() {
        let directory = tempfile::tempdir().unwrap();
        let file = replayed(&recording, "dot", &directory);
        let Some(drawing) = said(Command::new("dot").arg("-Tplain").arg(file)) else {
            return;
        };
        let drawn = drawing.lines().filter(|line| line.starts_with("node "));
        let functions: BTreeSet<_> = entered(&recording, &directory).into_iter().collect();
        assert_eq!(drawn.count(), functions.len(), "{}", recording.display());
    }
}

#[test]
fn protoc_knows_every_field_of_a_profile() {
    for recording in samples() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::open(replayed(&recording, "pprof", &directory)).unwrap();
        let mut message = Vec::new();
        GzDecoder::new(file).read_to_end(&mut message).unwrap();
        let place = |name| directory.path().join(name);
        fs::write(place("profile"), message).unwrap();
        fs::write(place("profile.proto"), PROFILE).unwrap();
        let mut protoc = Command::new("protoc");
        protoc.arg("-I").arg(directory.path());
        protoc.args(["--decode=Profile", "profile.proto"]);
        let Some(text) = said(protoc.stdin(File::open(place("profile")).unwrap())) else {
            return;
        };
        // A field that is not known has its number in place of a name.
        let unknown = text.lines().find(|line| {
            let line = line.trim_start();
            line.starts_with(|first: char| first.is_ascii_digit())
        });
        assert_eq!(unknown, None);
        let samples = text.lines().filter(|line| *line == "sample {").count();
        let folded = fs::read_to_string(replayed(&recording, "folded", &directory)).unwrap();
        assert_eq!(samples, folded.lines().count(), "{}", recording.display());
    }
}
