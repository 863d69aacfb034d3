//! `tracer top` without a terminal: keys go in, pictures come out.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use std::{fs::File, io, sync::Arc};

use by_hand::{ALLOC, LOCK, SENDMSG, SENDTO, Task, detailed, everything, functions};
use proptest::prelude::*;
use ratatui::{
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::Rect,
    style::Modifier,
};
use tracer::{
    graph::{Rebuilder, events::batches},
    model::{Capture, CpuId, End, FunctionTable, Interrupts, Nanoseconds, Node, RootCall, Sink},
    output::ftrace,
    pipeline::{
        Show,
        replay::{replay, replay_into},
    },
    recording::{Frame, Head, Recording, Writer},
    top::{Origin, State, Wish, draw, save},
};

/// Gives what comes to the state.
struct Into<'a>(&'a mut State, &'a FunctionTable);

impl Sink for Into<'_> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.0.add(call, self.1);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sample, read to its end.
fn sample() -> State {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/sockmap.rec");
    let recording = Recording::open(File::open(path).unwrap()).unwrap();
    let source = Origin::Recording("sockmap.rec".to_owned());
    let head = recording.head.clone();
    let mut state = State::new(
        source,
        head,
        (ftrace::TextOptions::default(), Capture::default()),
    );
    let table = FunctionTable::default();
    let show = Show::default();
    replay_into(&show, recording, &table, Box::new(Into(&mut state, &table))).unwrap();
    state.end("the recording has ended");
    state
}

/// A live trace of calls that were made by hand.
fn live() -> State {
    State::new(
        Origin::Live,
        Head::default(),
        (ftrace::TextOptions::default(), Capture::default()),
    )
}

fn picture(state: &mut State, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(state, ftrace::Colour::Plain, &mut buffer);
    let line = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        let line: String = cells.collect();
        let is_reversed = |x: u16| buffer[(x, y)].modifier.contains(Modifier::REVERSED);
        // The line of the cursor is reversed from one end to the other.
        let mark = if is_reversed(0) { '>' } else { '|' };
        format!("{mark}{}\n", line.trim_end())
    };
    (0..height).map(line).collect()
}

fn press(state: &mut State, code: KeyCode) -> Option<Wish> {
    state.key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Types what is no key with a name of its own; `\n` is Enter, `\t` Tab, `\x1b` Esc.
fn keys(state: &mut State, text: &str) -> Option<Wish> {
    let code = |char| match char {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\x1b' => KeyCode::Esc,
        char => KeyCode::Char(char),
    };
    text.chars().fold(None, |_, char| press(state, code(char)))
}

/// The line of the cursor.
fn under_cursor(state: &mut State) -> String {
    let picture = picture(state, 160, 40);
    let lines: Vec<&str> = picture.lines().filter(|it| it.starts_with('>')).collect();
    // The first one is the title, the last one has the keys.
    lines[1].to_owned()
}

#[test]
fn the_tree_on_a_small_and_on_a_large_screen() {
    let mut state = sample();
    insta::assert_snapshot!("tree_80x24", picture(&mut state, 80, 24));
    keys(&mut state, "*");
    insta::assert_snapshot!("tree_200x50", picture(&mut state, 200, 50));
}

#[test]
fn the_slowest_calls_and_one_of_them() {
    let mut state = sample();
    keys(&mut state, "\tjj");
    insta::assert_snapshot!("slowest_80x24", picture(&mut state, 80, 24));
    keys(&mut state, "\n");
    insta::assert_snapshot!("call_80x24", picture(&mut state, 80, 24));
    insta::assert_snapshot!("call_200x50", picture(&mut state, 200, 50));
    // Back to the list, to the tree, and out.
    assert!(keys(&mut state, "\x1b\x1b").is_none());
    assert!(matches!(keys(&mut state, "\x1b"), Some(Wish::Quit)));
}

#[test]
fn what_is_searched_for_is_found_where_it_is_folded() {
    let mut state = sample();
    keys(&mut state, "/TRY_to_wake\n");
    assert!(under_cursor(&mut state).ends_with(" try_to_wake_up"));
    insta::assert_snapshot!("search_80x24", picture(&mut state, 80, 24));
    keys(&mut state, "/nothing_like_it\n");
    assert!(under_cursor(&mut state).ends_with(" try_to_wake_up"));
    assert!(picture(&mut state, 80, 24).contains("`nothing_like_it` is nowhere here"));
    // Onwards and back.
    keys(&mut state, "/lock\n");
    let first = under_cursor(&mut state);
    keys(&mut state, "n");
    let second = under_cursor(&mut state);
    assert!(
        second.contains("lock") && second != first,
        "{first}{second}"
    );
    keys(&mut state, "N");
    assert_eq!(under_cursor(&mut state), first);
    // In a listing.
    keys(&mut state, "\t\n/sk_psock_msg_verdict\n");
    assert!(under_cursor(&mut state).contains("sk_psock_msg_verdict() {"));
}

#[test]
fn a_filter_leaves_what_leads_to_a_function() {
    let mut state = sample();
    keys(&mut state, "fsk_psock_*\n");
    let text = picture(&mut state, 120, 30);
    insta::assert_snapshot!("filter_120x30", text);
    keys(&mut state, "f");
    for _ in 0..20 {
        press(&mut state, KeyCode::Backspace);
    }
    keys(&mut state, "\n");
    assert!(!picture(&mut state, 120, 30).contains("only"));
    keys(&mut state, "fno_such_function\n");
    assert!(picture(&mut state, 120, 30).contains("no path has what the filter asks for"));
}

#[test]
fn rows_are_folded_and_unfolded() {
    let mut state = sample();
    let rows = |state: &State| state.rows().len();
    let before = rows(&state);
    keys(&mut state, "h");
    assert_eq!(rows(&state), 1);
    keys(&mut state, "l");
    assert_eq!(rows(&state), before);
    keys(&mut state, "\n");
    assert_eq!(rows(&state), 1);
    keys(&mut state, "*");
    let all = rows(&state);
    assert!(all > 3 * before, "{all}");
    keys(&mut state, "*");
    assert_eq!(rows(&state), 1);
    // From a leaf to the caller.
    keys(&mut state, "*");
    press(&mut state, KeyCode::End);
    keys(&mut state, "h");
    assert!(under_cursor(&mut state).contains("- "));
}

#[test]
fn every_order_has_its_first_row() {
    let mut state = sample();
    let mut firsts = Vec::new();
    for _ in 0..6 {
        keys(&mut state, "gj");
        let line = under_cursor(&mut state);
        firsts.push(line.split_whitespace().last().unwrap().to_owned());
        keys(&mut state, "s");
    }
    // Total, rate, average, p99, errors, name; then from the beginning.
    assert_eq!(firsts[0], "inet_sendmsg");
    assert_eq!(firsts[2], "inet_sendmsg");
    let mut names = firsts.clone();
    names.sort();
    assert_eq!(firsts[5], names[0], "{firsts:?}");
    keys(&mut state, "gj");
    assert!(under_cursor(&mut state).ends_with(" inet_sendmsg"));
}

#[test]
fn help_names_every_key() {
    let mut state = sample();
    keys(&mut state, "?");
    insta::assert_snapshot!("help_80x24", picture(&mut state, 80, 24));
    // Any key leads back, and does nothing else.
    keys(&mut state, "p");
    assert!(state.paused.is_none());
    assert!(picture(&mut state, 80, 24).contains("__sys_sendto"));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let mut state = sample();
    insta::assert_snapshot!(picture(&mut state, 40, 10));
    // Nothing is drawn outside of what there is.
    for (width, height) in [(0, 0), (1, 1), (59, 12), (60, 11)] {
        picture(&mut state, width, height);
    }
    assert!(picture(&mut state, 60, 12).contains("__sys_sendto"));
}

/// A root call of `sender` with this value, and with calls that take so long.
fn send(took: u64, value: u64) -> RootCall {
    Task::new(7, "sender", 1)
        .enter(SENDTO, 0)
        .enter(SENDMSG, 1)
        .after(took)
        .leave(SENDMSG, 1, value)
        .enter(LOCK, 1)
        .after(100)
        .leave(LOCK, 1, 0)
        .leave(SENDTO, 0, value)
        .end(End::Returned)
}

#[test]
fn a_pause_takes_nothing_in_and_counts_it() {
    let table = functions();
    let mut state = live();
    state.tick(Nanoseconds(1_000_000_000));
    state.add(&send(1000, 7), &table);
    keys(&mut state, "p");
    let before = picture(&mut state, 100, 20);
    state.add(&send(9_000_000, (-11i64).cast_unsigned()), &table);
    state.add(&send(9_000_000, 7), &table);
    let paused = picture(&mut state, 100, 20);
    assert_eq!(
        before.replace("0 went by", ""),
        paused.replace("2 went by", "")
    );
    assert!(paused.contains(" paused, 2 went by"));
    assert_eq!(state.to_save().len(), 1);
    // The cursor goes on.
    keys(&mut state, "j");
    assert_ne!(picture(&mut state, 100, 20), paused);
    keys(&mut state, " ");
    state.add(&send(9_000_000, (-11i64).cast_unsigned()), &table);
    let text = picture(&mut state, 100, 20);
    assert!(
        text.contains(" 2 calls") && text.contains(" 1 errors"),
        "{text}"
    );
}

#[test]
fn rates_are_those_of_the_last_seconds() {
    let table = functions();
    let mut state = live();
    let rate = |state: &mut State, seconds: u64, calls: u64| {
        for _ in 0..calls {
            state.add(&send(1000, 7), &table);
        }
        state.tick(Nanoseconds(seconds * 1_000_000_000));
        state.rate
    };
    assert_eq!(rate(&mut state, 10, 0), None);
    assert_eq!(rate(&mut state, 12, 10), Some(5.0));
    // A stretch has to be over first.
    assert_eq!(rate(&mut state, 13, 100), Some(5.0));
    assert_eq!(rate(&mut state, 14, 100), Some(100.0));
    assert_eq!(rate(&mut state, 16, 0), Some(0.0));
    assert!(under_cursor(&mut state).contains(" 0.00 "));
}

#[test]
fn memory_is_bounded() {
    let table = functions();
    let mut state = live();
    for number in 0..100 {
        state.add(&send(1000 + number, 7), &table);
    }
    // The slowest are kept.
    let kept = state.to_save();
    assert_eq!(kept.len(), 32);
    assert_eq!(kept[0].duration, Some(Nanoseconds(1199)));
    // A tree that becomes deeper and deeper.
    let mut task = Task::new(7, "sender", 1);
    task.enter(SENDTO, 0);
    for number in 0..20_000 {
        task.enter(0x10_0000 + number, 1)
            .leave(0x10_0000 + number, 1, 0);
    }
    state.add(&task.leave(SENDTO, 0, 7).end(End::Returned), &table);
    keys(&mut state, "*");
    assert!(state.rows().len() <= 1 << 14);
    assert!(state.tree.shortened() > 3000);
    assert!(
        state
            .to_save()
            .iter()
            .all(|kept| kept.call.nodes.len() <= 2000)
    );
}

#[test]
fn an_old_call_leaves_its_place() {
    let table = functions();
    let mut state = live();
    let at = |began: u64, took| {
        let mut task = Task::new(7, "sender", 1);
        task.after(began * 1_000_000_000)
            .enter(SENDTO, 0)
            .after(took);
        task.leave(SENDTO, 0, 7).end(End::Returned)
    };
    state.add(&at(0, 50_000_000), &table);
    state.add(&at(30, 1000), &table);
    assert_eq!(state.to_save()[0].duration, Some(Nanoseconds(50_000_000)));
    state.add(&at(70, 2000), &table);
    let durations: Vec<_> = state.to_save().iter().map(|kept| kept.duration).collect();
    assert_eq!(
        durations,
        [Some(Nanoseconds(2000)), Some(Nanoseconds(1000))]
    );
}

#[test]
fn names_from_a_recording_cannot_write_to_the_terminal() {
    let table = FunctionTable::default();
    let info = tracer::model::FunctionInfo::new("evil\x1b[2Jname".to_owned(), None);
    table.insert(tracer::model::FunctionId(ALLOC), info);
    let mut state = live();
    let mut task = Task::new(7, "a\x07b", 1);
    task.enter(ALLOC, 0).after(10).leave(ALLOC, 0, 0);
    state.add(&task.end(End::Returned), &table);
    for page in ["", "\t", "\n"] {
        keys(&mut state, page);
        assert!(!picture(&mut state, 80, 24).contains(['\x1b', '\x07']));
    }
}

/// What the calls of a state are as a recording, printed.
fn replayed(state: &State, calls: &[Arc<tracer::summary::Exemplar>]) -> (String, bool) {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for frame in save::frames(&state.head, calls, &state.functions) {
        writer.write(&frame).unwrap();
    }
    let bytes = writer.into_inner();
    let recording = Recording::open(bytes.as_slice()).unwrap();
    let mut out = Vec::new();
    let (_, readable) = replay(&Show::default(), recording, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), readable.is_whole())
}

#[test]
fn what_is_written_is_what_was_on_the_screen() {
    let mut state = sample();
    keys(&mut state, "\t\n");
    let Some(Wish::Save { path, calls }) = keys(&mut state, "w2\n") else {
        panic!("nothing is to be written");
    };
    assert_eq!((path.to_str(), calls.len()), (Some("top.rec2"), 1));
    let (text, is_whole) = replayed(&state, &calls);
    assert!(is_whole);
    // Nothing says where the kernel was.
    for frame in save::frames(&state.head, &calls, &state.functions) {
        if let Frame::Data(data) = frame {
            assert_eq!(data.functions.iter().map(|known| known.id).min(), Some(0));
        }
    }
    let listing: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let tracer::top::state::Page::Call(open) = &state.page else {
        panic!("no call is open");
    };
    assert_eq!(listing, open.lines);
    // All of them.
    keys(&mut state, "\x1b\x1b");
    let Some(Wish::Save { calls, .. }) = keys(&mut state, "w\n") else {
        panic!("nothing is to be written");
    };
    let (text, _) = replayed(&state, &calls);
    assert_eq!(
        (calls.len(), text.matches("__sys_sendto() {").count()),
        (20, 20)
    );
    // Nothing without a call, and nothing without a name.
    let mut state = live();
    assert!(keys(&mut state, "w").is_none());
    assert!(state.message.contains("no call"));
}

/// The call that batches make.
fn made_of(call: &RootCall) -> Vec<RootCall> {
    let mut rebuilder = Rebuilder::new(Interrupts::Shown);
    let mut made = Vec::new();
    for batch in batches(call) {
        rebuilder.push(batch, &mut |call| made.push(call));
    }
    rebuilder.finish(&mut |call| made.push(call));
    made
}

#[test]
fn a_tree_goes_back_into_events_and_comes_again() {
    for call in everything().into_iter().chain([detailed()]) {
        assert_eq!(made_of(&call), [call]);
    }
}

/// Parts of a mark whose beginning was lost are in no tree. Where something was lost, what they
/// leave goes: their number, and their CPU as that of the next event.
fn without_strays(mut call: RootCall) -> RootCall {
    if call.gaps > 0 {
        call.events = 0;
        for node in &mut call.nodes {
            if let Node::Gap { cpu, .. } = node {
                *cpu = CpuId(0);
            }
        }
    }
    call
}

proptest! {
    /// The same for trees at random, with batches that were lost.
    #[test]
    fn any_tree_goes_back_into_events(calls in made_up::calls()) {
        for call in calls {
            // One that lost its beginning and its end is no root call.
            let made = made_of(&call);
            if call.end == End::Returned {
                let made: Vec<_> = made.into_iter().map(without_strays).collect();
                prop_assert_eq!(made, [without_strays(call)]);
            }
        }
    }
}

/// What is open is known before it ends, and no longer.
#[test]
fn root_calls_are_shown_while_they_are_open() {
    let leaf = made_up::Tree {
        function: 3,
        children: vec![],
    };
    let tree = |function, child| made_up::Tree {
        function,
        children: vec![child],
    };
    let mut list = Vec::new();
    made_up::events(&tree(1, tree(2, leaf)), 0, 0x8000, &mut list);
    let table = made_up::functions();
    let mut rebuilder = Rebuilder::new(Interrupts::default());
    let mut state = live();
    state.tick(Nanoseconds(3_000_000));
    assert!(!state.shows_open());
    keys(&mut state, "o");
    assert!(state.shows_open());
    assert!(picture(&mut state, 80, 24).contains("no root call is open"));

    let begun = made_up::batch(7, 5, 1, 0, &list[..2]);
    rebuilder.push(begun, &mut |_| panic!("it has not returned"));
    state.set_open(rebuilder.open_calls(), &table);
    let shown = picture(&mut state, 80, 24);
    assert!(shown.contains("test-7, on CPU 1:"), "{shown}");
    assert!(shown.contains(" ms  function_1\n"), "{shown}");
    assert!(shown.contains(" ms    function_2\n"), "{shown}");
    assert!(!shown.contains("function_3"), "{shown}");
    // Paused it stands still.
    keys(&mut state, "p");
    assert!(!state.shows_open());
    keys(&mut state, "p");

    let mut ended = 0;
    let rest = made_up::batch(7, 5, 1, 2, &list[2..]);
    rebuilder.push(rest, &mut |_| ended += 1);
    state.set_open(rebuilder.open_calls(), &table);
    assert_eq!(ended, 1);
    assert!(picture(&mut state, 80, 24).contains("no root call is open"));
    keys(&mut state, "\x1b");
    assert!(!state.shows_open());
}
