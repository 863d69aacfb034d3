//! One call of a tree meets all of it.

use tracer_common::{Context, Event, EventKind};

use super::*;
use crate::{
    graph::builder::Builder,
    model::{
        CpuId, End, FunctionId, FunctionInfo, Interrupts, ProcessId, TaskId, TaskKey, Trees,
        ValueType,
    },
};

/// `root` calls `tcp_a` (3 ms, 7) and `free` (1 ms, -11).
fn tree() -> (RootCall, FunctionTable) {
    use EventKind::{Entry, Exit};
    let events = [
        (0, Entry, 1, 0, 0),
        (1, Entry, 2, 1, 0),
        (4, Exit, 2, 1, 7),
        (5, Entry, 3, 1, 0),
        (6, Exit, 3, 1, 0xffff_fff5),
        (9, Exit, 1, 0, 0),
    ];
    let mut builder = Builder::new(Interrupts::Shown, Trees::Whole);
    for (ms, kind, function, depth, value) in events {
        let event = Event {
            time_ns: ms * 1_000_000,
            value,
            function,
            frame: 1000 - u16::from(depth),
            depth,
            kind_and_context: Event::pack(kind, Context::Task as u8),
        };
        builder.push(&event, CpuId(0));
    }
    let task = TaskKey::Thread(TaskId(1));
    let root = builder.finish(ProcessId(1), task, [0; 16], End::Returned);
    let names = [(1, "root"), (2, "tcp_a"), (3, "free")];
    let functions = names.into_iter().map(|(id, name)| {
        let int = ValueType::Signed { bytes: 4 };
        let info = FunctionInfo::new(name.to_owned(), Some(int));
        (FunctionId(id), info)
    });
    (root, FunctionTable::new(functions))
}

#[test]
fn one_call_meets_all_of_it() {
    let (root, functions) = tree();
    for (condition, is_met) in [
        ("free", true),
        ("fre", false),
        ("free && duration > 900us", true),
        // The one that took so long is another one.
        ("free && duration > 2ms", false),
        ("free && retval == -EAGAIN", true),
        ("tcp_a && retval < 0", false),
        ("function == \"tcp_*\" && duration > 2ms", true),
        ("function == \"tcp_\"*", true),
        ("\"tcp_?\" == function && retval == 7", true),
        ("function != \"root\" && duration > 8ms", false),
        ("duration > 8ms", true),
        ("(free || tcp_a) && retval & 4", true),
        ("!free && retval == -11", false),
        ("retval", true),
    ] {
        let contains = Contains::parse(condition).unwrap();
        let found = contains.is_in(&root, &functions, SleepTime::Counted);
        assert_eq!(found, is_met, "{condition}");
    }
}

#[test]
fn functions_are_told() {
    let contains = Contains::parse("free || !(function == \"tcp_*\") && duration > 1").unwrap();
    let typed: Vec<&str> = contains
        .functions()
        .into_iter()
        .map(|it| it.typed.as_str())
        .collect();
    assert_eq!(typed, ["free", "tcp_*"]);
}

#[test]
fn what_is_not_known_of_a_call_is_refused() {
    let all: Vec<String> = [
        "durtion > 1ms",
        "free->len == 1",
        "free == 1",
        "function < \"a\"",
        "function == 3",
        "retval == \"a\"",
        "1 == 2",
        "duration > sk->len",
        "free &&",
    ]
    .into_iter()
    .map(|source| Contains::parse(source).unwrap_err())
    .map(|error| format!("{error}\n{}", error.picture()))
    .collect();
    insta::assert_snapshot!("wrong", all.join("\n"));
}
