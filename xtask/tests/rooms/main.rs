//! The rooms of the crates, the folders of their sources, use each other in one direction, and no
//! files of the eBPF side or of what both sides share are in a circle.
//!
//! In `tracer-user` two halves stand below the command line. One needs a live kernel, the other
//! works on recordings alone and knows nothing of the first. In each a room may use those in its
//! row and in the rows below, and no circle is allowed. The other two crates have one order, in
//! which a room uses only what is in the rows below.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod files;
mod uses;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The command line, which may use all.
const TOP: [&str; 1] = ["cli"];
/// Rooms that use no other.
const ALONE: [&str; 1] = ["workload"];

/// The half that needs a live kernel, from top to bottom.
const LIVE: [&[&str]; 5] = [
    &["session"],
    &["learn", "attach", "stream"],
    &["plan"],
    &["kernel"],
    &["bpf"],
];

/// The half that needs none.
const OFFLINE: [&[&str]; 6] = [
    &["pipeline"],
    &["top", "export", "summary", "output"],
    &["recording", "filter"],
    &["graph"],
    &["values", "expr"],
    &["model", "stop", "exit_code", "arch"],
];

/// The row of the half that needs no kernel from which on all of the live half may use it. Above it
/// only a session does.
const SHARED: usize = 3;

/// The eBPF side, from top to bottom: a room in each row.
const EBPF: [&[&str]; 10] = [
    &["programs"],
    &["path"],
    &["root"],
    &["call"],
    &["batch"],
    &["task"],
    &["probe"],
    &["arch"],
    &["maps"],
    &["atomic"],
];

/// What both sides share, from top to bottom.
const COMMON: [&[&str]; 5] = [
    &["cursor", "strings", "profile"],
    &["batch"],
    &["event", "mark", "count", "fields", "placeholder", "away"],
    &["config", "generation", "sample"],
    &["context"],
];

/// The source of a crate.
fn source(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(package)
        .join("src")
}

/// Which files of a crate use which rooms, other than their own.
fn uses_of(package: &str) -> BTreeSet<(String, String)> {
    let mut uses = BTreeSet::new();
    for (file, named) in uses::read(&source(package)) {
        let rooms: BTreeSet<String> = named
            .into_iter()
            .filter_map(|names| names.into_iter().next())
            .collect();
        let others = rooms.into_iter().filter(|other| other != room(&file));
        uses.extend(others.map(|other| (file.clone(), other)));
    }
    uses
}

fn uses() -> BTreeSet<(String, String)> {
    let uses = uses_of("tracer-user");
    assert!(uses.len() > 200, "{} uses", uses.len());
    uses
}

/// The room that a file is in: `graph` for `graph/open.rs`, `filter` for `filter.rs`.
fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

fn row(half: &[&[&str]], room: &str) -> Option<usize> {
    half.iter().position(|row| row.contains(&room))
}

fn is_known(room: &str) -> bool {
    let alone = TOP.contains(&room) || ALONE.contains(&room);
    alone || row(&LIVE, room).is_some() || row(&OFFLINE, room).is_some()
}

/// Whether the order lets a room use another one.
fn is_allowed(from: &str, to: &str) -> bool {
    if TOP.contains(&from) {
        return true;
    }
    match (row(&LIVE, from), row(&LIVE, to)) {
        (Some(from), Some(to)) => from <= to,
        (Some(from), None) => row(&OFFLINE, to).is_some_and(|to| from == 0 || to >= SHARED),
        (None, Some(_)) => false,
        (None, None) => {
            let from = row(&OFFLINE, from);
            from.is_some_and(|from| row(&OFFLINE, to).is_some_and(|to| from <= to))
        }
    }
}

/// Files at the top of the library belong to no room.
fn is_in_a_room(file: &str) -> bool {
    !["lib.rs", "main.rs"].contains(&file)
}

#[test]
fn every_room_has_its_place_in_the_order() {
    let uses = uses();
    let mut rooms: BTreeSet<&str> = uses.iter().map(|(_, used)| used.as_str()).collect();
    rooms.extend(uses.iter().map(|(file, _)| room(file)));
    rooms.retain(|room| *room != "lib" && *room != "main");
    let unknown: Vec<_> = rooms.iter().filter(|room| !is_known(room)).collect();
    assert!(unknown.is_empty(), "rooms without a place: {unknown:?}");
    for room in LIVE.iter().chain(&OFFLINE).copied().flatten() {
        assert!(rooms.contains(room), "there is no {room}");
    }
}

#[test]
fn rooms_are_used_downwards() {
    let against: BTreeSet<(String, String)> = uses()
        .into_iter()
        .filter(|(file, used)| is_in_a_room(file) && !is_allowed(room(file), used))
        .collect();
    assert!(
        against.is_empty(),
        "against the order of rooms: {against:#?}"
    );
}

#[test]
fn rooms_are_in_no_circle() {
    let uses = uses();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, used) in &uses {
        if is_in_a_room(file) && is_allowed(room(file), used) {
            graph.entry(room(file)).or_default().insert(used);
        }
    }
    files::reduce_to_circles(&mut graph);
    assert!(graph.is_empty(), "rooms in a circle: {graph:#?}");
}

/// Every room has its row, and uses what is in the rows below it.
fn holds_order(package: &str, rows: &[&[&str]]) {
    let uses = uses_of(package);
    let rooms: BTreeSet<&str> = uses::read(&source(package))
        .keys()
        .map(|file| room(file))
        .filter(|room| !["lib", "main"].contains(room))
        .map(|room| {
            rows.concat()
                .into_iter()
                .find(|known| *known == room)
                .unwrap_or_else(|| panic!("{package} has a room without a row: {room}"))
        })
        .collect();
    for room in rows.concat() {
        assert!(rooms.contains(room), "{package} has no {room}");
    }
    let against: Vec<_> = uses
        .iter()
        .filter(|(file, used)| is_in_a_room(file) && row(rows, room(file)) >= row(rows, used))
        .collect();
    assert!(
        against.is_empty(),
        "against the order of rooms: {against:#?}"
    );
}

#[test]
fn rooms_of_the_ebpf_side_use_only_those_below() {
    holds_order("tracer-ebpf", &EBPF);
}

#[test]
fn what_both_sides_share_is_used_downwards() {
    holds_order("tracer-common", &COMMON);
}

#[test]
fn uses_are_found_wherever_they_stand() {
    let found = |text: &str, module: &str| {
        let module: Vec<String> = module.split_whitespace().map(Into::into).collect();
        let names = uses::named(text, &module);
        let paths: Vec<String> = names.iter().map(|names| names.join(".")).collect();
        paths.join(" ")
    };
    let tree = "use crate::{a::{self, x}, b, c::y::*};";
    assert_eq!(found(tree, "m"), "a a.x b c.y", "trees");
    assert_eq!(
        found("fn f() { vec![crate::a::g()] }", "m"),
        "a.g",
        "macros"
    );
    assert_eq!(
        found("fn f() { crate::a::g::<u8>() }", "m"),
        "a.g",
        "parameters"
    );
    assert_eq!(found("pub(crate) fn f() {}", "m"), "", "visibility");
    assert_eq!(found("/// [`crate::a`]\n// crate::b\nfn f() {}", "m"), "");
    assert_eq!(found("use super::a::x;", "m"), "a.x", "the root by super");
    assert_eq!(found("use super::a::x;", "m n"), "m.a.x", "a neighbour");
    assert_eq!(found("use super::super::a;", "m n"), "a");
    assert_eq!(found("mod tests { use super::super::a; }", "m"), "a");
    assert_eq!(found("mod tests { use super::*; }", "m"), "m");
    assert_eq!(
        found("mod n; pub use n::x;", "m"),
        "m.n.x",
        "a module below"
    );
    assert_eq!(found("$crate::a::x", "m"), "", "whoever uses the macro");
}
