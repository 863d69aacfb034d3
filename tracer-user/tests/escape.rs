//! What comes from outside leads no terminal and forges no line, in whatever form it is shown.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;

use by_hand::{LOCK, SENDMSG, SENDTO, detailed, everything, functions, written};
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};
use tracer::{
    model::{
        Arguments, Capture, FunctionId, FunctionInfo, FunctionTable, ParameterInfo,
        ReturnAddresses, RootCall, SleepTime, ValueType,
    },
    output::{
        Format, ftrace,
        page::{Page, Recorded},
    },
    pipeline::{Show, Shown},
    recording::Head,
    summary::{CallTree, Collect as _, Diff, GroupBy, Latency, Overview, Report, Side, SortBy},
    top::{Origin, State, draw},
};

/// Names that a task and a recording have.
#[derive(Clone, Debug)]
struct Names {
    comm: [u8; 16],
    function: String,
}

/// The worst that there is, beside what is made up.
const COMM: &[u8] = b"\x1b[31m\nx\xff";
const FUNCTION: &str = "\u{1b}]0;=\n\u{202e}\u{9b}\u{7f};x";

fn comm(bytes: &[u8]) -> [u8; 16] {
    let mut comm = [0; 16];
    comm[..bytes.len()].copy_from_slice(bytes);
    comm
}

fn odd() -> Names {
    Names {
        comm: comm(COMM),
        function: FUNCTION.to_owned(),
    }
}

fn names() -> impl Strategy<Value = Names> {
    let function = prop_oneof![
        any::<String>(),
        r"[\x00-\x20\x7f-\x9f;=+@\u{202a}-\u{202e}-]{1,8}"
    ];
    (any::<[u8; 16]>(), function).prop_map(|(comm, function)| Names { comm, function })
}

/// Calls of tasks with that name, and functions, parameters and listed values of that name.
fn named(names: &Names) -> (FunctionTable, Vec<RootCall>) {
    let known = functions();
    let table = FunctionTable::new([SENDTO, SENDMSG, LOCK].into_iter().map(|id| {
        let id = FunctionId(id);
        let mut info: FunctionInfo = known.get(id).unwrap().clone();
        info.name = format!("{}{}", names.function, id.0);
        for parameter in &mut info.parameters {
            parameter.name.clone_from(&names.function);
        }
        if id.0 == LOCK {
            let value = ValueType::Enum {
                name: names.function.clone(),
                signed: false,
                bytes: 4,
                names: vec![(5, names.function.clone())],
            };
            info.returns = Some(value.clone());
            info.parameters[1] = ParameterInfo {
                name: names.function.clone(),
                value,
                registers: 1,
            };
        }
        (id, info)
    }));
    let mut calls = everything();
    calls.push(detailed());
    for call in &mut calls {
        call.comm = names.comm;
    }
    (table, calls)
}

fn head(names: &Names) -> Head {
    Head {
        kernel: names.function.clone(),
        host: names.function.clone(),
        command: vec![names.function.clone()],
        roots: vec![FunctionInfo::new(names.function.clone(), None)],
        possible_cpus: 4,
        ..Head::default()
    }
}

fn everywhere() -> ftrace::TextOptions {
    ftrace::TextOptions {
        columns: ftrace::Columns::All,
        tail: true,
        ..ftrace::TextOptions::default()
    }
}

fn details() -> Capture {
    Capture {
        arguments: Arguments::Recorded,
        callers: ReturnAddresses::Recorded,
        ..Capture::default()
    }
}

/// All that is a text, each with what it is.
fn outputs(names: &Names) -> Vec<(String, Vec<u8>)> {
    let (table, calls) = named(names);
    let mut outputs = Vec::new();
    for format in [
        Format::Ftrace,
        Format::Function,
        Format::Json,
        Format::Chrome,
        Format::Folded,
        Format::Svg,
        Format::Csv,
    ] {
        let show = Show {
            result: Shown::Each(format),
            text: everywhere(),
            capture: details(),
            ..Show::default()
        };
        outputs.push((format!("{format:?}"), written(&show, &table, &calls)));
    }
    for group in [
        None,
        Some(GroupBy::Task),
        Some(GroupBy::Cpu),
        Some(GroupBy::Caller),
    ] {
        let mut report = Report::new(&table, SleepTime::Counted, group);
        for call in &calls {
            report.add(call);
        }
        let mut out = Vec::new();
        report.write(SortBy::Calls, &mut out).unwrap();
        outputs.push((format!("report by {group:?}"), out));
    }
    let mut latency = Latency::new(&table, SleepTime::Counted);
    let name = format!("{}{SENDMSG}", names.function);
    let mut tree = CallTree::new(&table, &name, SleepTime::Counted);
    let none = Side::new(&table, SleepTime::Counted);
    let mut side = Side::new(&table, SleepTime::Counted);
    for call in &calls {
        latency.add(call);
        tree.add(call);
        side.add(call);
    }
    let [mut times, mut of_one, mut differs] = [Vec::new(), Vec::new(), Vec::new()];
    latency.write(&mut times).unwrap();
    tree.write(&mut of_one).unwrap();
    Diff::new(&none, &side).write(&mut differs).unwrap();
    outputs.extend(
        [("latency", times), ("graph", of_one), ("diff", differs)]
            .map(|(name, out)| (name.to_owned(), out)),
    );
    outputs.push(("page".to_owned(), page(names, &table, &calls)));
    outputs.push(("top".to_owned(), screen(names, &table, &calls)));
    outputs
}

fn page(names: &Names, table: &FunctionTable, calls: &[RootCall]) -> Vec<u8> {
    let mut overview = Overview::new(table, SleepTime::Counted);
    for call in calls {
        overview.add(call);
    }
    let recorded = Recorded {
        file: Some(names.function.clone()),
        head: head(names),
        filtered_out: None,
        is_whole: true,
        overview: &overview,
    };
    let none = Side::new(table, SleepTime::Counted);
    let page = Page {
        recordings: &[recorded],
        diff: Some(Diff::new(&none, &overview.side)),
        sort: SortBy::Total,
        text: everywhere(),
        capture: details(),
    };
    let mut out = Vec::new();
    page.write(&mut out).unwrap();
    out
}

/// Both pages of the screen, with what its cells hold.
fn screen(names: &Names, table: &FunctionTable, calls: &[RootCall]) -> Vec<u8> {
    let source = Origin::Recording(names.function.clone());
    let mut state = State::new(source, head(names), (everywhere(), details()));
    for call in calls {
        state.add(call, table);
    }
    let mut out = String::new();
    for _ in 0..2 {
        let area = Rect::new(0, 0, 200, 40);
        let mut buffer = Buffer::empty(area);
        draw(&mut state, ftrace::Colour::Plain, &mut buffer);
        for y in 0..area.height {
            (0..area.width).for_each(|x| out.push_str(buffer[(x, y)].symbol()));
            out.push('\n');
        }
        press_tab(&mut state);
    }
    out.into_bytes()
}

fn press_tab(state: &mut State) {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    state.key(KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE));
}

/// A control character that no form writes itself, or one that directs how others are shown.
fn misleads(character: char) -> bool {
    let directs = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}'
    );
    directs || (character.is_control() && !matches!(character, '\n' | '\t'))
}

fn check(names: &Names) {
    let plain = Names {
        comm: comm(b"plain"),
        function: "plain".to_owned(),
    };
    for ((form, out), (_, usual)) in outputs(names).into_iter().zip(outputs(&plain)) {
        let out = String::from_utf8(out).unwrap_or_else(|_| panic!("{form} is no UTF-8"));
        if let Some(line) = out.lines().find(|line| line.contains(misleads)) {
            panic!("{form}: {line:?}");
        }
        let lines = |text: &str| text.matches('\n').count();
        let usual = String::from_utf8(usual).unwrap();
        assert_eq!(lines(&out), lines(&usual), "lines of {form}: {out}");
    }
}

#[test]
fn the_worst_names_are_shown_as_they_are() {
    check(&odd());
    let (table, calls) = named(&odd());
    let of = |format| {
        let show = Show {
            result: Shown::Each(format),
            text: everywhere(),
            capture: details(),
            ..Show::default()
        };
        let calls = calls.last().into_iter().cloned().collect::<Vec<_>>();
        String::from_utf8(written(&show, &table, &calls)).unwrap()
    };
    let all = [Format::Ftrace, Format::Folded, Format::Csv, Format::Json].map(of);
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_formula_is_a_text() {
    for first in ["=", "+", "-", "@"] {
        let name = format!("{first}cmd|'/c calc'!A1");
        let names = Names {
            comm: comm(&name.as_bytes()[..12]),
            function: name,
        };
        let (table, calls) = named(&names);
        let show = Show {
            result: Shown::Each(Format::Csv),
            text: everywhere(),
            capture: details(),
            ..Show::default()
        };
        let text = written(&show, &table, &calls);
        let mut rows = csv::Reader::from_reader(&*text);
        for row in rows.records() {
            for cell in &row.unwrap() {
                let is_number = cell.parse::<i64>().is_ok();
                assert!(
                    is_number || !cell.starts_with(['=', '+', '-', '@']),
                    "{cell}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_name_leads_a_terminal_or_forges_a_line(names in names()) {
        check(&names);
    }

    /// Programs get the name of a function as it is, and a task's as far as UTF-8 can say it.
    #[test]
    fn json_has_the_original(names in names()) {
        let (table, calls) = named(&names);
        let show = Show { result: Shown::Each(Format::Json), ..Show::default() };
        let text = String::from_utf8(written(&show, &table, &calls)).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        prop_assert_eq!(line["comm"].as_str().unwrap(), &*calls[0].comm());
        let function = format!("{}{SENDTO}", names.function);
        prop_assert_eq!(line["calls"][0]["function"].as_str().unwrap(), function);
    }
}
