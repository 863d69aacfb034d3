//! One call of a tree meets all of it.

use tracer_common::EventKind;

use super::*;
use crate::{
    filter::tests::call,
    model::{End, FunctionId, FunctionInfo, ValueType},
};

/// `root` calls `tcp_a` (3 ms, 7) and `free` (1 ms, -11).
fn tree() -> (RootCall, FunctionTable) {
    use EventKind::{Entry, Exit};
    let root = call(
        &[
            (0, Entry, 1, 0, 0),
            (1000, Entry, 2, 1, 0),
            (4000, Exit, 2, 1, 7),
            (5000, Entry, 3, 1, 0),
            (6000, Exit, 3, 1, 0xffff_fff5),
            (9000, Exit, 1, 0, 0),
        ],
        End::Returned,
    );
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
