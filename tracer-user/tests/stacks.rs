//! Stacks at calls: from their events to every form, through a recording, and without the frames
//! of probes.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;

use by_hand::{HOOK, IN_SENDTO, IN_SYSCALL, LOCK, SENDTO, Task, functions, written};
use serde_json::{Value, json};
use tracer::{
    graph::{AttachedLate, Rebuilder, callers, events},
    model::{
        End, FunctionId, FunctionInfo, FunctionTable, Image, Interrupts, ProcessId, RootCall,
        UserPlace,
    },
    output::Format,
    pipeline::{Show, Shown, replay},
    recording::{Frame, Head, Recording, Writer, columns::Collector},
    summary::{GroupBy, SortBy},
};

const IMAGE: Image = Image {
    process: ProcessId(7),
    executed: 3,
};
/// A place with a symbol, one in a stripped file, and one of which nothing is known.
const IN_MAIN: u64 = 0x401_01a;
const IN_LIBRARY: u64 = 0x7fff_f7a0_1234;
const NOWHERE: u64 = 0x10;

/// With names for what the stacks lead through.
fn table() -> FunctionTable {
    let table = functions();
    let place = |function: Option<&str>, binary: &str, file_offset| UserPlace {
        function: function.map(str::to_owned),
        offset: 0x1a,
        binary: Some(binary.to_owned()),
        file_offset,
        build_id: Some("c0ffee".to_owned()),
    };
    table.insert_user(IMAGE, IN_MAIN, place(Some("main"), "/bin/program", 0x101a));
    table.insert_user(IMAGE, IN_LIBRARY, place(None, "/lib/libc.so.6", 0x1234));
    table
}

/// A root call with both stacks, and a callee with the kernel's.
fn stacked() -> RootCall {
    Task::new(7, "program", 1)
        .enter(SENDTO, 0)
        .above(SENDTO, 0, &[IN_SYSCALL])
        .in_process(SENDTO, 0, &[IMAGE.word(), IN_LIBRARY, IN_MAIN, NOWHERE])
        .after(10)
        .enter(LOCK, 1)
        .above(LOCK, 1, &[IN_SENDTO, IN_SYSCALL])
        .after(20)
        .leave(LOCK, 1, 0)
        .after(30)
        .leave(SENDTO, 0, 7)
        .end(End::Returned)
}

fn shown(format: Format) -> Show {
    Show {
        result: Shown::Each(format),
        ..Show::default()
    }
}

fn text(format: Format, call: &RootCall) -> String {
    let calls = std::slice::from_ref(call);
    String::from_utf8(written(&shown(format), &table(), calls)).unwrap()
}

const TEXT: &str = " <stack trace>
 => x64_sys_call+0x12
 <user stack trace>
 => [/lib/libc.so.6+0x1234]
 => main+0x1a (/bin/program)
 => 0x10
 1)               |  __sys_sendto() {
 <stack trace>
 => __sys_sendto+0x2f
 => x64_sys_call+0x12
 1)   0.020 us    |    lock_sock_nested();
 1)   0.060 us    |  } /* __sys_sendto = 7 */
";

#[test]
fn stacks_stand_before_the_lines_of_their_calls() {
    let text = text(Format::Ftrace, &stacked());
    let lines = text.lines().skip_while(|line| line.starts_with('#'));
    let lines = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(lines, TEXT);
}

#[test]
fn programs_get_them_as_lists() {
    let call: Value = serde_json::from_str(&text(Format::Json, &stacked())).unwrap();
    let root = &call["calls"][0];
    assert_eq!(root["stack"], json!(["x64_sys_call+0x12"]));
    let user = json!([
        "[/lib/libc.so.6+0x1234]",
        "main+0x1a (/bin/program)",
        "0x10"
    ]);
    assert_eq!(root["user_stack"], user);
    let below = json!(["__sys_sendto+0x2f", "x64_sys_call+0x12"]);
    assert_eq!(call["calls"][1]["stack"], below);
}

#[test]
fn they_stand_above_the_root_in_flame_graphs() {
    let above = "0x10;main;[/lib/libc.so.6+0x1234];x64_sys_call;__sys_sendto";
    let expected = format!("{above} 40\n{above};lock_sock_nested 20\n");
    assert_eq!(text(Format::Folded, &stacked()), expected);
}

#[test]
fn the_first_frame_is_the_caller_of_the_root_in_a_report() {
    let show = Show {
        result: Shown::Profile {
            sort: SortBy::Total,
            group_by: Some(GroupBy::Caller),
            interval: None,
        },
        ..Show::default()
    };
    let report = String::from_utf8(written(&show, &table(), &[stacked()])).unwrap();
    assert!(
        report.contains("  __sys_sendto from x64_sys_call+0x12\n"),
        "{report}"
    );
    assert!(
        report.contains("  lock_sock_nested from __sys_sendto\n"),
        "{report}"
    );
}

#[test]
fn they_are_the_same_after_the_way_back_to_events() {
    let call = stacked();
    let mut rebuilder = Rebuilder::new(Interrupts::Shown);
    let mut again = Vec::new();
    for batch in events::batches(&call) {
        rebuilder.push(batch, &mut |call| again.push(call));
    }
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].nodes, call.nodes);
}

#[test]
fn a_recording_brings_them_with_their_names() {
    let (table, call) = (table(), stacked());
    let mut collector = Collector::counting_from(FunctionId(0x100));
    for batch in events::batches(&call) {
        collector.batch(&batch);
    }
    let data = collector.take(&table, &AttachedLate::default());
    assert_eq!(data.users.len(), 2);
    let mut writer = Writer::new(Vec::new()).unwrap();
    for frame in [Frame::Head(Head::default()), Frame::of_data(data)] {
        writer.write(&frame).unwrap();
    }
    let bytes = writer.into_inner();
    let mut out = Vec::new();
    let recording = Recording::open(&bytes[..]).unwrap();
    replay(&shown(Format::Ftrace), recording, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(TEXT), "{text}");
}

#[test]
fn a_stack_without_frames_says_why() {
    let of = |stack: &[u64]| {
        let call = Task::new(7, "program", 1)
            .enter(SENDTO, 0)
            .in_process(SENDTO, 0, stack)
            .leave(SENDTO, 0, 7)
            .end(End::Returned);
        text(Format::Ftrace, &call)
    };
    let none = of(&[IMAGE.word()]);
    assert!(
        none.contains(" => /* none: the task is the kernel's own */\n"),
        "{none}"
    );
    let one = of(&[IMAGE.word(), IN_MAIN]);
    let why = "/* no frame above: the code there keeps no frame pointer */";
    let expected = format!(" => main+0x1a (/bin/program)\n => {why}\n");
    assert!(one.contains(&expected), "{one}");
}

#[test]
fn frames_of_probes_are_skipped() {
    const PROGRAM: u32 = 0x1_0000;
    const TRAMPOLINE: u32 = 0x2_0000;
    let table = table();
    for (id, name) in [
        (PROGRAM, "bpf_prog_0123_root_session+0x1f [bpf]"),
        (TRAMPOLINE, "bpf_trampoline_6442+0x4b [bpf]"),
    ] {
        table.insert(FunctionId(id), FunctionInfo::new(name.to_owned(), None));
    }
    let stack = |frames: &[u32]| {
        let mut call = Task::new(7, "program", 1)
            .enter(SENDTO, 0)
            .above(SENDTO, 0, frames)
            .leave(SENDTO, 0, 7)
            .end(End::Returned);
        callers::find_excluded(&mut call, &table);
        let frames = call.root().unwrap().details.stack().to_vec();
        frames.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(
        stack(&[PROGRAM, PROGRAM, TRAMPOLINE, IN_SYSCALL]),
        [IN_SYSCALL]
    );
    // Somebody's program that calls the root is its caller.
    assert_eq!(stack(&[PROGRAM, IN_SYSCALL]), [PROGRAM, IN_SYSCALL]);
    assert_eq!(
        stack(&[IN_SENDTO, TRAMPOLINE, IN_SYSCALL]),
        [IN_SENDTO, IN_SYSCALL]
    );
    assert_eq!(stack(&[IN_SENDTO, HOOK]), [IN_SENDTO, HOOK]);
}
