//! `tracer top` on a real terminal, from a recording: what is on the screen, and that the terminal
//! is as it was on every way out.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use tracer::{
    model::{Capture, FunctionTable},
    output::ftrace,
    recording::Head,
    stop::Stop,
    top::{Origin, Top},
};
use tracer_terminal::{End, Terminal};

/// How long something may take on a busy machine; less would fail there, and a program that stands
/// still is found by more, too.
const LIMIT: Duration = Duration::from_mins(2);

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/sockmap.rec");

fn tracer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracer"));
    command.args(arguments);
    command
}

/// The sample, all of it read and on the screen.
fn sample() -> Terminal {
    let mut terminal = Terminal::start(tracer(&["top", SAMPLE]), 80, 24).unwrap();
    terminal.see("security_socket_sendmsg", LIMIT).unwrap();
    terminal.see(" 20 calls", LIMIT).unwrap();
    terminal
}

/// Ended so, and with the terminal as it was; what is on the first screen.
fn ended(terminal: Terminal, status: i32, had_screen: bool) -> String {
    let (
        End {
            status: found,
            not_restored,
            had_screen: had,
        },
        terminal,
    ) = terminal.end(LIMIT).unwrap();
    let screen = terminal.screen();
    assert_eq!(found.code(), Some(status), "{screen}");
    assert!(not_restored.is_empty(), "{not_restored:?}: {screen}");
    assert_eq!(had, had_screen, "{screen}");
    screen
}

#[test]
fn keys_lead_through_it_and_q_leads_out() {
    let mut terminal = sample();
    terminal.keys(b"\t").unwrap();
    terminal.see("returned", LIMIT).unwrap();
    terminal.keys(b"\r").unwrap();
    terminal.see("__sys_sendto() {", LIMIT).unwrap();
    terminal.keys(b"/skb_clone\r").unwrap();
    terminal.see("nowhere here", LIMIT).unwrap();
    terminal.resize(50, 10).unwrap();
    terminal.see("needs 60x12", LIMIT).unwrap();
    terminal.resize(120, 30).unwrap();
    terminal.see("__sys_sendto() {", LIMIT).unwrap();
    terminal.keys(b"q").unwrap();
    // What was said meanwhile is said after.
    let screen = ended(terminal, 0, true);
    assert!(screen.contains("20 whole calls, 0 partial"), "{screen}");
    assert!(!screen.contains("__sys_sendto"), "{screen}");
}

#[test]
fn every_way_out_leaves_the_terminal_as_it_was() {
    for keys in [&b"\x03"[..], b"\x1b", b"q"] {
        let mut terminal = sample();
        terminal.keys(keys).unwrap();
        ended(terminal, 0, true);
    }
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        let terminal = sample();
        terminal.signal(signal).unwrap();
        ended(terminal, 0, true);
    }
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was_and_is_read() {
    for test in ["panics_on_the_main_thread", "panics_on_another_thread"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", test]);
        // What a backtrace says would move the rest out of sight.
        command.env("RUST_BACKTRACE", "0");
        let terminal = Terminal::start(command, 120, 30).unwrap();
        let screen = ended(terminal, 101, true);
        assert!(screen.contains("on purpose"), "{screen}");
        assert!(screen.contains("said before"), "{screen}");
        // The terminal was given back at once, not when the program ended.
        let goes_on = test == "panics_on_another_thread";
        assert_eq!(screen.contains("and goes on"), goes_on, "{screen}");
    }
}

/// Takes the terminal as a trace does.
fn take_the_terminal(functions: &FunctionTable) -> Box<dyn tracer::model::Sink + '_> {
    let top = Top::new(
        Origin::Live,
        (ftrace::TextOptions::default(), Capture::default()),
        Stop::default(),
    );
    let mut form = top.form(functions, Head::default());
    form.begin().unwrap();
    eprintln!("said before");
    form
}

#[test]
#[ignore = "another test runs it on a terminal"]
fn panics_on_the_main_thread() {
    let functions = FunctionTable::default();
    let _form = take_the_terminal(&functions);
    panic!("on purpose");
}

#[test]
#[ignore = "another test runs it on a terminal"]
fn panics_on_another_thread() {
    let functions = FunctionTable::default();
    let form = take_the_terminal(&functions);
    let panicked = std::thread::spawn(|| panic!("on purpose")).join();
    assert!(panicked.is_err());
    println!("and goes on");
    drop(form);
    panic!("and the test fails");
}

#[test]
fn a_recording_that_is_damaged_says_so_behind_the_screen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged");
    let mut bytes = fs::read(SAMPLE).unwrap();
    let middle = bytes.len() - 40;
    bytes[middle] ^= 4;
    fs::write(&path, bytes).unwrap();
    let command = tracer(&["top", path.to_str().unwrap()]);
    let mut terminal = Terminal::start(command, 80, 24).unwrap();
    terminal.see("Tab slowest", LIMIT).unwrap();
    terminal.keys(b"q").unwrap();
    let screen = ended(terminal, 7, true);
    assert!(screen.contains("damaged or cut at byte"), "{screen}");
}

#[test]
fn what_is_written_can_be_replayed_and_overwrites_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = tracer(&["top", SAMPLE]);
    command.current_dir(directory.path());
    let mut terminal = Terminal::start(command, 100, 24).unwrap();
    terminal.see("Tab slowest", LIMIT).unwrap();
    terminal.keys(b"w").unwrap();
    terminal
        .see("write the 20 slowest calls to: top.rec", LIMIT)
        .unwrap();
    terminal.keys(b"\r").unwrap();
    terminal
        .see("20 calls were written to `top.rec`", LIMIT)
        .unwrap();
    let before = fs::read(directory.path().join("top.rec")).unwrap();
    terminal.keys(b"w\r").unwrap();
    terminal.see("is there already", LIMIT).unwrap();
    terminal.keys(b"w").unwrap();
    terminal.keys(&[0x7f; 7]).unwrap();
    terminal.keys(b"/nowhere/file\r").unwrap();
    terminal.see("cannot be written", LIMIT).unwrap();
    terminal.keys(b"q").unwrap();
    ended(terminal, 0, true);
    assert_eq!(fs::read(directory.path().join("top.rec")).unwrap(), before);
    let whole = Command::new(env!("CARGO_BIN_EXE_tracer"))
        .args(["replay", "top.rec"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let original = tracer(&["replay", SAMPLE]).output().unwrap();
    assert!(whole.status.success());
    // The same calls; events that belong to no call of a tree do not come again.
    assert!(whole.stdout == original.stdout, "another listing");
}

/// What is refused before the terminal is taken leaves it alone.
#[test]
fn what_cannot_be_is_said_on_the_screen_that_was_there() {
    let refused: &[(&[&str], &str)] = &[
        (&["top", "-G", "no_such_function_anywhere"], "tracer: "),
        (&["top"], "tracer: nothing to trace was given"),
        (&["top", "/dev/null"], "tracer: `/dev/null` cannot be used"),
    ];
    for (arguments, words) in refused {
        let terminal = Terminal::start(tracer(arguments), 80, 24).unwrap();
        let (end, terminal) = terminal.end(LIMIT).unwrap();
        let screen = terminal.screen();
        assert!(!end.had_screen && end.not_restored.is_empty(), "{screen}");
        assert!(
            screen.starts_with(words) && !end.status.success(),
            "{screen}"
        );
    }
    let mut command = tracer(&["top", SAMPLE]);
    command.env("TERM", "dumb");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("stdout is none: use `tracer profile`"),
        "{said}"
    );
    assert!(Path::new(SAMPLE).exists());
}
