//! The forms for programs, read back by readers that have nothing to do with the writers.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use std::collections::BTreeMap;

use by_hand::{LOCK, SENDTO, Task, detailed, everything, functions, marked, nested, written};
use clap::ValueEnum as _;
use made_up::calls;
use proptest::prelude::*;
use serde_json::Value;
use tracer::{
    model::{End, Missing, Node, RootCall, SleepTime},
    output::{Format, ftrace},
    pipeline::{Show, Shown},
    summary::{Collect as _, GroupBy, Report, SortBy},
};

fn text(format: Format, calls: &[RootCall]) -> String {
    text_as(
        &Show {
            result: Shown::Each(format),
            ..Show::default()
        },
        calls,
    )
}

fn text_as(show: &Show, calls: &[RootCall]) -> String {
    String::from_utf8(written(show, &functions(), calls)).unwrap()
}

#[test]
fn every_form_has_everything() {
    for (name, format) in [
        ("function", Format::Function),
        ("json", Format::Json),
        ("chrome", Format::Chrome),
        ("folded", Format::Folded),
        ("csv", Format::Csv),
    ] {
        insta::assert_snapshot!(name, text(format, &everything()));
    }
}

/// In the table of forms, and in the row of `--format`.
#[test]
fn every_form_is_in_the_docs() {
    let formats = include_str!("../../docs/formats.md");
    let reference = include_str!("../../docs/reference.md");
    let row = |line: &&str| line.starts_with("| `--format FORMAT` |");
    let option = reference.lines().find(row).unwrap();
    for format in Format::value_variants() {
        let value = format.to_possible_value().unwrap();
        let name = format!("`{}`", value.get_name());
        // Two may share a row.
        let names = |line: &str| line.split('|').nth(1).unwrap_or_default().contains(&name);
        assert!(
            formats.lines().any(names),
            "docs/formats.md has no row of {name}"
        );
        assert!(option.contains(&name), "docs/reference.md: {option}");
    }
}

#[test]
fn what_was_asked_for_of_a_call_is_there() {
    let json = text(Format::Json, &[detailed()]);
    check_json(&json, &[detailed()]);
    insta::assert_snapshot!("json_detailed", json);
    let listing = text(Format::Function, &[detailed()]);
    insta::assert_snapshot!("function_detailed", listing);
    insta::assert_snapshot!("csv_detailed", text(Format::Csv, &[detailed()]));
    let events: Value = serde_json::from_str(&text(Format::Chrome, &[detailed()])).unwrap();
    let given: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let said = |key: &str| event["args"][key].as_str().unwrap_or_default().to_owned();
            [said("caller"), said("arguments")]
        })
        .filter(|said| said != &["", ""])
        .collect();
    insta::assert_debug_snapshot!("chrome_detailed", given);
}

/// A call is on the CPU or off it.
#[test]
fn time_on_the_cpu_is_the_rest_of_the_duration() {
    let rows = text(Format::Csv, &everything());
    let mut reader = csv::Reader::from_reader(rows.as_bytes());
    let mut slept = 0;
    for row in reader.deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        let time = |name: &str| row[name].parse::<u64>().ok();
        if let (Some(duration), Some(off)) = (time("duration_ns"), time("off_cpu_ns")) {
            assert_eq!(time("cpu_ns"), Some(duration - off), "{row:?}");
            slept += u64::from(off > 0);
        }
    }
    assert!(slept > 0);
    let show = Show {
        text: ftrace::TextOptions {
            cpu_time: true,
            ..ftrace::TextOptions::default()
        },
        ..Show::default()
    };
    let listing = text_as(&show, &everything());
    let asleep: Vec<&str> = listing
        .lines()
        .filter(|line| line.contains("off-cpu"))
        .collect();
    insta::assert_snapshot!("cpu_time", asleep.join("\n"));
}

#[test]
fn what_happened_within_a_call_is_there() {
    let calls = [marked()];
    check_json(&text(Format::Json, &calls), &calls);
    let all = [
        Format::Ftrace,
        Format::Function,
        Format::Json,
        Format::Chrome,
        Format::Csv,
        Format::Folded,
    ];
    let all = all.map(|format| text(format, &calls));
    insta::assert_snapshot!("marked", all.join("\n"));
}

#[test]
fn registers_are_hex_when_asked_for() {
    let text_options = ftrace::TextOptions {
        values: ftrace::Values::Hex,
        ..ftrace::TextOptions::default()
    };
    let show = Show {
        result: Shown::Each(Format::Json),
        text: text_options,
        ..Show::default()
    };
    let line = text_as(&show, &[nested()]);
    assert!(line.contains(r#""value":"0xfffffff5""#), "{line}");
}

/// A root call that was cut in the middle, and one that was cut off.
fn cut() -> Vec<RootCall> {
    let mut middle = nested();
    let last = middle.nodes.pop().unwrap();
    middle.nodes.push(Node::Gap {
        depth: last.depth(),
        events: 12,
        missing: Missing::NotKept,
        cpu: last.cpu(),
    });
    (middle.not_kept, middle.gaps) = (12, 1);
    let off = Task::new(9, "off", 1)
        .enter(SENDTO, 0)
        .enter(LOCK, 1)
        .end(End::NoRoom);
    vec![middle, off]
}

#[test]
fn what_was_not_kept_is_said() {
    check_json(&text(Format::Json, &cut()), &cut());
    let all = [Format::Ftrace, Format::Json, Format::Chrome, Format::Csv];
    let all = all.map(|format| text(format, &cut()));
    insta::assert_snapshot!("cut", all.join("\n"));
}

/// Two CPUs' idle tasks have one number, and may be in root calls at the same time: a track each, a
/// row each.
#[test]
fn idle_tasks_are_told_apart() {
    let idle = |cpu| {
        Task::new(0, &format!("swapper/{cpu}"), cpu)
            .enter(SENDTO, 0)
            .after(1000)
            .leave(SENDTO, 0, 0)
            .end(End::Returned)
    };
    let calls = [idle(0), idle(1)];
    let events: Value = serde_json::from_str(&text(Format::Chrome, &calls)).unwrap();
    let tracks: Vec<(&Value, &Value)> = events
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| (&event["pid"], &event["tid"]))
        .collect();
    assert_eq!(tracks.len(), 2);
    assert_ne!(tracks[0], tracks[1]);
    let table = functions();
    let mut report = Report::new(&table, SleepTime::Counted, Some(GroupBy::Task));
    for call in &calls {
        report.add(call);
    }
    let labels = report
        .rows(SortBy::Name)
        .into_iter()
        .map(|(label, _)| label);
    assert_eq!(
        labels.collect::<Vec<_>>(),
        ["__sys_sendto in swapper/0-0", "__sys_sendto in swapper/1-0"]
    );
}

fn validator() -> jsonschema::Validator {
    let schema = include_str!("../../docs/json.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

fn check_json(text: &str, calls: &[RootCall]) {
    let validator = validator();
    let mut lines = 0;
    for (line, call) in text.lines().zip(calls) {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Err(error) = validator.validate(&line) {
            panic!("{error}: {line}");
        }
        assert_eq!(line["calls"].as_array().unwrap().len(), call.nodes.len());
        lines += 1;
    }
    assert_eq!(lines, calls.len());
}

#[test]
fn the_schema_holds_and_refuses_what_is_wrong() {
    let calls = everything();
    let text = text(Format::Json, &calls);
    check_json(&text, &calls);
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let wrong = [
        ("/task", Value::from("seven")),
        ("/end", Value::from("somehow")),
        ("/calls/0/depth", Value::from(-1)),
        ("/calls/0/function", Value::Null),
        ("/calls/0/value", Value::from("7")),
    ];
    for (pointer, value) in wrong {
        let mut line = line.clone();
        *line.pointer_mut(pointer).unwrap() = value;
        assert!(!validator().is_valid(&line), "{pointer}");
    }
}

fn root_time(call: &RootCall) -> u64 {
    match &call.nodes[0] {
        Node::Call(root) => root.duration(SleepTime::Counted).unwrap().0,
        Node::Mark(_) | Node::Gap { .. } => 0,
    }
}

proptest! {
    #[test]
    fn json_meets_its_schema(calls in calls()) {
        check_json(&text(Format::Json, &calls), &calls);
    }

    /// As many rows as nodes, and as many cells in each as the head has.
    #[test]
    fn csv_has_a_row_for_each_node(calls in calls()) {
        let text = text(Format::Csv, &calls);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let depths: Vec<u32> = reader.records().map(|row| row.unwrap()[3].parse().unwrap()).collect();
        let nodes: Vec<u32> = calls.iter().flat_map(|call| &call.nodes).map(Node::depth).collect();
        prop_assert_eq!(depths, nodes);
    }

    /// The events of a track nest: each begins and ends within one that is open, or after it.
    #[test]
    fn chrome_events_nest(calls in calls()) {
        let events: Vec<Value> = serde_json::from_str(&text(Format::Chrome, &calls)).unwrap();
        let mut open: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for event in events.iter().filter(|event| event["ph"] == "X") {
            let (begin, length) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
            let ends = open.entry(event["tid"].as_u64().unwrap()).or_default();
            while ends.last().is_some_and(|&end| end <= begin) {
                ends.pop();
            }
            if let Some(&end) = ends.last() {
                prop_assert!(begin + length <= end + 1e-6);
            }
            ends.push(begin + length);
        }
    }

    /// All time of whole root calls is in the stacks, once.
    #[test]
    fn folded_times_add_up(calls in calls()) {
        prop_assume!(calls.iter().all(RootCall::is_whole));
        let text = text(Format::Folded, &calls);
        let sum: u64 = text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
        prop_assert_eq!(sum, calls.iter().map(root_time).sum::<u64>());
    }
}
