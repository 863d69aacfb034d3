//! The rooms of the library, the folders of `tracer-user/src`, use each other in one direction.
//!
//! Two halves stand below the command line. One needs a live kernel, the other works on recordings
//! alone and knows nothing of the first. In each a room may use those in its row and in the rows
//! below, and no circle is allowed. What is read is the source, token by token: whatever follows
//! `crate::` in code, in `use` or elsewhere, in tests too.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    iter::Peekable,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree, token_stream};

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
    &["values"],
    &["model", "stop", "exit_code", "arch"],
];

/// The row of the half that needs no kernel from which on all of the live half may use it. Above it
/// only a session does.
const SHARED: usize = 3;

/// Which files use which rooms, other than their own.
fn uses() -> BTreeSet<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tracer-user/src");
    let mut files = Vec::new();
    list(&source, &mut files);
    assert!(files.len() > 200, "{} files", files.len());
    let mut uses = BTreeSet::new();
    for file in files {
        let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
        let tokens: TokenStream = fs::read_to_string(&file).unwrap().parse().unwrap();
        let mut found = BTreeSet::new();
        walk(tokens, depth(name), &mut found);
        let others = found.into_iter().filter(|other| other != room(name));
        uses.extend(others.map(|other| (name.to_owned(), other)));
    }
    uses
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The room that a file is in: `graph` for `graph/open.rs`, `filter` for `filter.rs`.
fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// How many `super` lead from a file to the root of the crate.
fn depth(file: &str) -> usize {
    let parts = file.split('/').count();
    let is_its_folder = ["mod.rs", "lib.rs", "main.rs"]
        .iter()
        .any(|name| file.split('/').next_back() == Some(name));
    parts - usize::from(is_its_folder)
}

/// Collects what follows `crate::`, or as many `super::` as lead to the same place.
fn walk(tokens: TokenStream, depth: usize, found: &mut BTreeSet<String>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut is_module = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                walk(group.stream(), depth + usize::from(is_module), found);
                is_module = false;
            }
            TokenTree::Ident(word) if word == "mod" => is_module = true,
            TokenTree::Ident(word) if word == "crate" => from_root(&mut tokens, found),
            TokenTree::Ident(word) if word == "super" => {
                let mut ups = 1;
                while ups < depth && follows(&mut tokens, "super") {
                    ups += 1;
                }
                if ups == depth {
                    from_root(&mut tokens, found);
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => is_module = false,
            _ => {}
        }
    }
}

type Tokens = Peekable<token_stream::IntoIter>;

/// Takes `::` and the word, if they come next. A `::` before anything else is taken, too.
fn follows(tokens: &mut Tokens, word: &str) -> bool {
    if !colons(tokens) {
        return false;
    }
    let is_it = matches!(tokens.peek(), Some(TokenTree::Ident(next)) if next == word);
    if is_it {
        tokens.next();
    }
    is_it
}

fn colons(tokens: &mut Tokens) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    if !is_colon(tokens.peek()) {
        return false;
    }
    tokens.next();
    if !is_colon(tokens.peek()) {
        return false;
    }
    tokens.next();
    true
}

/// What is named at the root of the crate: one room, or several in braces.
fn from_root(tokens: &mut Tokens, found: &mut BTreeSet<String>) {
    // After `super` the colons may have been taken.
    colons(tokens);
    match tokens.peek() {
        Some(TokenTree::Ident(word)) => add(word, found),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let mut begins = true;
            for token in group.stream() {
                match token {
                    TokenTree::Ident(word) if begins => {
                        add(&word, found);
                        begins = false;
                    }
                    TokenTree::Punct(mark) if mark.as_char() == ',' => begins = true,
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn add(word: &Ident, found: &mut BTreeSet<String>) {
    found.insert(word.to_string());
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
    // Rooms that use none of what is left, or that none of it uses, go until a circle is left.
    loop {
        let before = graph.len();
        let left: BTreeSet<&str> = graph.keys().copied().collect();
        for used in graph.values_mut() {
            used.retain(|used| left.contains(used));
        }
        let below: BTreeSet<&str> = graph.values().flatten().copied().collect();
        graph.retain(|room, used| !used.is_empty() && below.contains(room));
        if graph.len() == before {
            break;
        }
    }
    assert!(graph.is_empty(), "rooms in a circle: {graph:#?}");
}

#[test]
fn uses_are_found_wherever_they_stand() {
    let found = |text: &str, depth| {
        let mut found = BTreeSet::new();
        walk(text.parse().unwrap(), depth, &mut found);
        found.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        found("use crate::{a::{self, x}, b, c::y};", 1),
        "a b c",
        "trees"
    );
    assert_eq!(found("fn f() { vec![crate::a::g()] }", 1), "a", "macros");
    assert_eq!(found("pub(crate) fn f() {}", 1), "", "visibility");
    assert_eq!(found("/// [`crate::a`]\n// crate::b\nfn f() {}", 1), "");
    assert_eq!(found("use super::a::x;", 1), "a", "the root by super");
    assert_eq!(found("use super::a::x;", 2), "", "a neighbour");
    assert_eq!(found("use super::super::a;", 2), "a");
    assert_eq!(found("mod tests { use super::super::a; }", 1), "a");
    assert_eq!(found("mod tests { use super::*; }", 1), "");
}
