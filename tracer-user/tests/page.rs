//! What the page of a recording is given: its sums, its order, and that nothing leaves the text
//! that it stands in.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use by_hand::{LOCK, SENDMSG, SENDTO, Task, everything, functions};
use made_up::calls;
use proptest::prelude::*;
use serde_json::Value;
use tracer::{
    model::{
        Capture, End, FunctionId, FunctionInfo, FunctionTable, RootCall, Sink as _, SleepTime,
    },
    output::{
        ftrace,
        page::{self, Page, Recorded},
    },
    recording::Head,
    summary::{Collect as _, Diff, Overview, SortBy},
};

fn recorded<'a>(overview: &'a Overview<'a>, file: &str, head: Head) -> Recorded<'a> {
    Recorded {
        file: Some(file.to_owned()),
        head,
        filtered_out: None,
        is_whole: true,
        overview,
    }
}

fn overview<'a>(table: &'a FunctionTable, calls: &[RootCall]) -> Overview<'a> {
    let mut overview = Overview::new(table, SleepTime::Counted);
    for call in calls {
        overview.add(call);
    }
    overview
}

fn written(recordings: &[Recorded<'_>], diff: Option<Diff<'_>>) -> String {
    let page = Page {
        recordings,
        diff,
        sort: SortBy::Total,
        text: ftrace::TextOptions::default(),
        capture: Capture::default(),
    };
    let mut out = Vec::new();
    page.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn page(table: &FunctionTable, calls: &[RootCall]) -> String {
    let overview = overview(table, calls);
    written(&[recorded(&overview, "file", Head::default())], None)
}

/// The data, found as a browser finds it: up to the next end of a script.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"id="data">"#).unwrap();
    let (data, _) = rest.split_once("</script").unwrap();
    serde_json::from_str(data).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// A call of `SENDTO` that takes so long and returns that.
fn call(tid: u32, ns: u64, value: i64) -> RootCall {
    Task::new(tid, "any", 0)
        .enter(SENDTO, 0)
        .enter(LOCK, 1)
        .after(ns)
        .leave(LOCK, 1, 0)
        .leave(SENDTO, 0, value.cast_unsigned())
        .end(End::Returned)
}

#[test]
fn all_that_can_be_missing_is_on_a_page() {
    let data = data(&page(&functions(), &everything()));
    let parts = data["recordings"][0].as_object().unwrap();
    let lines = parts.iter().map(|(name, part)| match part.as_array() {
        Some(items) => {
            let items = items.iter().map(|item| format!("\n  {item}"));
            format!("{name}:{}", items.collect::<String>())
        }
        None => format!("{name}: {part}"),
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_trace_makes_the_page_that_its_recording_would() {
    let (table, calls) = (functions(), everything());
    let overview = overview(&table, &calls);
    let unnamed = Recorded {
        file: None,
        ..recorded(&overview, "", Head::default())
    };
    let mut live = Vec::new();
    let text = (ftrace::TextOptions::default(), Capture::default());
    let mut form = page::live(&mut live, &table, Head::default(), text, SortBy::Total);
    form.begin().unwrap();
    for call in &calls {
        form.root_call(call).unwrap();
    }
    form.end().unwrap();
    drop(form);
    assert_eq!(String::from_utf8(live).unwrap(), written(&[unnamed], None));
}

#[test]
fn nothing_from_a_recording_leaves_its_text() {
    let evil = "</script><!--<script>alert(1)\u{2028}&\"'\u{0}\\";
    let info = FunctionInfo::new(evil.to_owned(), None);
    let table = FunctionTable::new([(FunctionId(SENDTO), info)].into_iter());
    let call = Task::new(1, "<b>&\"</script", 0)
        .enter(SENDTO, 0)
        .after(7)
        .leave(SENDTO, 0, 0)
        .end(End::Returned);
    let overview = overview(&table, &[call]);
    let head = Head {
        host: evil.to_owned(),
        kernel: evil.to_owned(),
        command: vec![evil.to_owned()],
        ..Head::default()
    };
    let shown = r#"</script><!--<script>alert(1)\u{2028}&"'\x00\"#;
    let page = written(&[recorded(&overview, evil, head)], None);
    let data = data(&page);
    let recording = &data["recordings"][0];
    for text in [
        &recording["file"],
        &recording["host"],
        &recording["kernel"],
        &recording["command"][0],
        &recording["functions"][0],
        &recording["rows"][0][0],
    ] {
        assert_eq!(text, shown);
    }
    assert_eq!(recording["slowest"][0]["task"], "<b>&\"</script-1");
    // Two scripts of our own, and nothing else that opens or closes one.
    let occurs = |text: &str| page.to_lowercase().matches(text).count();
    assert_eq!(
        (occurs("<script"), occurs("</script"), occurs("<!--")),
        (2, 2, 0)
    );
    assert!(!page.contains("<b>"));
}

/// A page loads nothing: no address but in the policy's own words, and the policy refuses what a
/// script might ask for.
#[test]
fn a_page_needs_nothing_else() {
    let page = page(&functions(), &everything());
    assert!(page.contains(r#"content="default-src 'none'; "#));
    for word in [
        "http:",
        "https:",
        "//cdn",
        "@import",
        "url(",
        "src=",
        "href=",
        "innerHTML",
        "fetch(",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_slowest_come_first_and_some_of_each_error() {
    let mut calls = Vec::new();
    for ns in 1..=100 {
        // In no order: 37 has no divisor in common with 101.
        let tid = u32::try_from(ns * 37 % 101).unwrap();
        let value = if tid % 10 == 0 { -11 } else { 7 };
        calls.push(call(tid, u64::from(tid) * 1000, value));
    }
    calls.push(call(101, 5, -32));
    let data = data(&page(&functions(), &calls));
    let recording = &data["recordings"][0];
    let durations = |name: &str| -> Vec<u64> {
        let calls = list(&recording[name]).iter();
        calls.map(|call| number(&call["duration"]) / 1000).collect()
    };
    assert_eq!(durations("slowest"), (81..=100).rev().collect::<Vec<_>>());
    // EAGAIN, EPIPE: by the error's name.
    assert_eq!(durations("failed"), [100, 90, 80, 0]);
    let root = &recording["roots"][0];
    assert_eq!(root["errors"].to_string(), r#"[["EAGAIN",10],["EPIPE",1]]"#);
}

#[test]
fn a_tree_that_is_too_large_keeps_its_longest_calls() {
    let mut task = Task::new(1, "any", 0);
    task.enter(SENDTO, 0);
    for number in 0..5000 {
        let ns = if number % 500 == 0 { 900 } else { number % 7 };
        task.enter(LOCK, 1).after(ns).leave(LOCK, 1, 0);
    }
    let call = task.leave(SENDTO, 0, 7).end(End::Returned);
    let data = data(&page(&functions(), &[call]));
    let kept = &data["recordings"][0]["slowest"][0];
    let nodes = list(&kept["nodes"]);
    assert!(nodes.len() <= 2000, "{}", nodes.len());
    assert_eq!(number(&kept["skipped"]), 5001 - nodes.len() as u64);
    assert_eq!(nodes[0][1], 0, "the root stays");
    assert_eq!(nodes.iter().filter(|node| node[2] == 900).count(), 10);
}

#[test]
fn two_recordings_are_compared() {
    let (one, other) = (functions(), functions());
    let before: Vec<_> = (0..20).map(|ns| call(1, 1000 + ns, 7)).collect();
    let mut after: Vec<_> = (0..20).map(|ns| call(1, 3000 + ns, 7)).collect();
    after.push(
        Task::new(1, "any", 0)
            .enter(SENDTO, 0)
            .enter(SENDMSG, 1)
            .leave(SENDMSG, 1, 0)
            .leave(SENDTO, 0, 7)
            .end(End::Returned),
    );
    let (before, after) = (overview(&one, &before), overview(&other, &after));
    let sides = [
        recorded(&before, "a", Head::default()),
        recorded(&after, "b", Head::default()),
    ];
    let data = data(&written(&sides, Some(Diff::new(&before.side, &after.side))));
    let changes = list(&data["changes"]["rows"]).iter();
    let said: Vec<_> = changes
        .map(|row| format!("{} {}", row["change"], row["path"]))
        .collect();
    assert_eq!(
        said,
        [
            r#""appeared" ["__sys_sendto","inet_sendmsg"]"#,
            r#""slower" ["__sys_sendto","lock_sock_nested"]"#,
            r#""slower" ["__sys_sendto"]"#,
        ]
    );
    assert_eq!(list(&data["recordings"]).len(), 2);
}

proptest! {
    /// The parts of a page say the same of a recording.
    #[test]
    fn sums_add_up(calls in calls()) {
        let table = made_up::functions();
        let data = data(&page(&table, &calls));
        let recording = &data["recordings"][0];
        let flame = &recording["flame"];
        let bars = list(&flame["bars"]);
        let sum = |place: usize, of: &dyn Fn(&Value) -> bool| -> u64 {
            bars.iter().filter(|bar| of(bar)).map(|bar| number(&bar[place])).sum()
        };
        let whole = number(&flame["whole"]);
        // Widths of roots, own times of all bars, and own times of all functions.
        prop_assert_eq!(sum(3, &|bar| bar[1] == 0), whole);
        prop_assert_eq!(sum(5, &|_| true), whole);
        let rows = list(&recording["rows"]);
        prop_assert_eq!(rows.iter().map(|row| number(&row[4])).sum::<u64>(), whole);
        // Calls by function in the flame graph and in the table.
        let names = list(&recording["functions"]);
        for row in rows {
            let is_it = |bar: &Value| names[usize::try_from(number(&bar[0])).unwrap()] == row[0];
            prop_assert_eq!(sum(4, &is_it), number(&row[1]));
        }
        for root in list(&recording["roots"]) {
            let spread = list(&root["spread"]).iter();
            prop_assert_eq!(spread.map(|bucket| number(&bucket["calls"])).sum::<u64>(), number(&root["calls"]));
        }
    }
}
