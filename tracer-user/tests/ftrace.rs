//! The text form of root calls that are made from events by hand, with all that can be missing.

mod by_hand;

use by_hand::{LOCK, SENDMSG, SENDTO, Task, detailed, functions, nested, sleeper};
use tracer::{
    graph::callers,
    model::{Arguments, Capture, End, ReturnAddresses, RootCall, Sink, SleepTime, Untraced},
    output::ftrace::{Colour, Columns, FtraceWriter, TextOptions, Values},
};

fn text(calls: &[RootCall], options: TextOptions, cpus: u32) -> String {
    text_with(Capture::default(), calls, options, cpus)
}

fn text_with(capture: Capture, calls: &[RootCall], options: TextOptions, cpus: u32) -> String {
    let functions = functions();
    let mut out = Vec::new();
    let writer = FtraceWriter::new(&mut out, &functions, options, cpus);
    let mut writer = writer.with_capture(capture);
    writer.begin().expect("memory takes everything");
    for call in calls {
        writer.root_call(call).expect("memory takes everything");
    }
    drop(writer);
    String::from_utf8(out).expect("names are ASCII")
}

#[test]
fn a_whole_call() {
    insta::assert_snapshot!(text(&[nested()], TextOptions::default(), 2));
}

#[test]
fn what_had_no_probe_is_said_at_the_end() {
    let functions = functions();
    let mut out = Vec::new();
    let mut writer = FtraceWriter::new(&mut out, &functions, TextOptions::default(), 2);
    let untraced = Untraced {
        root_calls: 12,
        calls: 131,
        functions: 40,
    };
    writer.begin().expect("memory takes everything");
    writer
        .root_call(&nested())
        .expect("memory takes everything");
    writer.untraced(&untraced).expect("memory takes everything");
    writer.end().expect("memory takes everything");
    drop(writer);
    insta::assert_snapshot!(String::from_utf8(out).expect("names are ASCII"));
}

#[test]
fn values_in_hex_and_names_at_every_brace() {
    let options = TextOptions {
        values: Values::Hex,
        tail: true,
        ..TextOptions::default()
    };
    insta::assert_snapshot!(text(&[nested()], options, 2));
}

#[test]
fn no_values_and_many_cpus() {
    let options = TextOptions {
        values: Values::Hidden,
        tail: true,
        ..TextOptions::default()
    };
    insta::assert_snapshot!(text(&[nested()], options, 128));
}

#[test]
fn what_is_missing_is_said_where_it_is_missing() {
    let gap = Task::new(1, "gap", 0)
        .enter(SENDTO, 0)
        .enter(SENDMSG, 1)
        .after(50)
        .lose(4)
        .enter(LOCK, 2)
        .after(40)
        .leave(LOCK, 2, 0)
        .leave(SENDMSG, 1, 7)
        .leave(SENDTO, 0, 7)
        .end(End::Returned);
    let exit_unseen = Task::new(1, "gap", 0)
        .enter(SENDTO, 0)
        .enter(SENDMSG, 1)
        .enter(LOCK, 2)
        .after(40)
        .leave(SENDMSG, 1, 7)
        .leave(SENDTO, 0, 7)
        .end(End::Returned);
    let entry_unseen = Task::new(1, "gap", 0)
        .enter(SENDTO, 0)
        .after(40)
        .leave(SENDMSG, 1, 7)
        .leave(LOCK, 1, 0)
        .leave(SENDTO, 0, 7)
        .end(End::Returned);
    insta::assert_snapshot!(text(
        &[gap, exit_unseen, entry_unseen],
        TextOptions::default(),
        2
    ));
}

#[test]
fn arguments_stand_behind_the_name_as_far_as_they_are_known() {
    let call = Task::new(1, "given", 0)
        .enter(SENDTO, 0)
        .given(SENDTO, 0, &[3, 4])
        .enter(LOCK, 1)
        .given(LOCK, 1, &[0xffff_8880_0000_1000, 0x1234_ffff_ffff, 99])
        .leave(LOCK, 1, 0)
        .enter(LOCK, 1)
        .given(LOCK, 1, &[0xffff_8880_0000_1000])
        .leave(LOCK, 1, 0)
        .leave(SENDTO, 0, 7)
        .end(End::Returned);
    let capture = Capture {
        arguments: Arguments::Recorded,
        ..Capture::default()
    };
    insta::assert_snapshot!(text_with(capture, &[call], TextOptions::default(), 2));
}

#[test]
fn callers_stand_behind_the_call_and_not_the_probes_that_hide_them() {
    let mut call = detailed();
    callers::find_excluded(&mut call, &functions());
    let capture = Capture {
        arguments: Arguments::Recorded,
        callers: ReturnAddresses::Recorded,
        ..Capture::default()
    };
    let wanted = text_with(capture, &[call.clone()], TextOptions::default(), 2);
    insta::assert_snapshot!(wanted);
    let not_wanted = text(&[call], TextOptions::default(), 2);
    assert!(
        !not_wanted.contains("<-") && !not_wanted.contains("name"),
        "{not_wanted}"
    );
}

#[test]
fn ends_that_are_no_return() {
    let ends = [End::Died, End::Lost, End::Cut].map(|end| {
        Task::new(1, "short", 1)
            .enter(SENDTO, 0)
            .enter(LOCK, 1)
            .after(40)
            .leave(LOCK, 1, 0)
            .enter(SENDMSG, 1)
            .end(end)
    });
    insta::assert_snapshot!(text(&ends, TextOptions::default(), 2));
}

#[test]
fn a_call_that_moved_ends_on_its_new_cpu() {
    let moved = Task::new(1, "moved", 0)
        .enter(SENDTO, 0)
        .enter(SENDMSG, 1)
        .after(40)
        .migrate(11)
        .enter(LOCK, 2)
        .after(40)
        .leave(LOCK, 2, 0)
        .leave(SENDMSG, 1, 7)
        .leave(SENDTO, 0, 7)
        .end(End::Returned);
    insta::assert_snapshot!(text(&[moved], TextOptions::default(), 12));
}

#[test]
fn time_off_the_cpu_is_said_where_the_call_ends() {
    insta::assert_snapshot!(text(&[sleeper()], TextOptions::default(), 2));
}

#[test]
fn time_off_the_cpu_can_be_excluded_from_durations() {
    let options = TextOptions {
        sleep: SleepTime::Excluded,
        tail: true,
        ..TextOptions::default()
    };
    insta::assert_snapshot!(text(&[sleeper()], options, 2));
}

#[test]
fn verbose_has_time_task_and_context() {
    let options = TextOptions {
        columns: Columns::All,
        ..TextOptions::default()
    };
    insta::assert_snapshot!(text(&[sleeper()], options, 2));
}

#[test]
fn another_task_on_the_same_cpu_is_announced() {
    let call = |task, name: &str, cpu| {
        Task::new(task, name, cpu)
            .enter(LOCK, 0)
            .after(40)
            .leave(LOCK, 0, 0)
            .end(End::Returned)
    };
    let calls = [
        call(172, "sender", 0),
        call(172, "sender", 0),
        call(9, "a-very-long-na", 1),
        call(173, "reader", 0),
        call(172, "sender", 0),
    ];
    insta::assert_snapshot!(text(&calls, TextOptions::default(), 2));
}

#[test]
fn a_task_that_has_another_name_now_is_announced_by_it() {
    let call = |task, name: &str| {
        Task::new(task, name, 0)
            .enter(LOCK, 0)
            .after(40)
            .leave(LOCK, 0, 0)
            .end(End::Returned)
    };
    let calls = [call(7, "sh"), call(7, "dd"), call(8, "cat")];
    let text = text(&calls, TextOptions::default(), 1);
    let announced: Vec<&str> = text.lines().filter(|line| line.contains("=>")).collect();
    let [line] = announced.as_slice() else {
        panic!("{text}");
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["0)", "dd-7", "=>", "cat-8"]);
}

#[test]
fn long_durations_and_errors_stand_out() {
    let coloured = TextOptions {
        colour: Colour::Ansi,
        ..TextOptions::default()
    };
    let shown = text(&[nested()], coloured, 2);
    insta::assert_snapshot!(shown.replace('\x1b', "<ESC>"));
    // What is between the colours is the listing as it always is.
    let mut parts = shown.split('\x1b');
    let mut rest: String = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, words) = part.split_once('m').expect("a colour ends with m");
        rest.push_str(words);
    }
    assert_eq!(rest, text(&[nested()], TextOptions::default(), 2));
}
