//! The text form of root calls that are made from events by hand, with all that can be missing.

use tracer::{
    graph::{
        CpuId, End, FunctionId, RootCall, TaskId,
        builder::Builder,
        tree::{Interrupts, SleepTime},
    },
    kernel::btf::ReturnType,
    output::{
        Form,
        ftrace::{Columns, FtraceWriter, Options, Values},
    },
    plan::{FunctionInfo, FunctionTable},
};
use tracer_common::{Context, Event, EventKind};

const SENDTO: u32 = 0x1000;
const SENDMSG: u32 = 0x2000;
const LOCK: u32 = 0x3000;
const ALLOC: u32 = 0x4000;
const IS_FULL: u32 = 0x5000;
/// The plan has no such function.
const STRANGER: u32 = 0x6000;

fn functions() -> FunctionTable {
    let int = ReturnType::Signed { bytes: 4 };
    let all = [
        (SENDTO, "__sys_sendto", int.clone()),
        (SENDMSG, "inet_sendmsg", int),
        (LOCK, "lock_sock_nested", ReturnType::Void),
        (ALLOC, "sk_msg_alloc", ReturnType::Pointer),
        (IS_FULL, "tcp_stream_is_full", ReturnType::Bool),
    ];
    FunctionTable::new(all.into_iter().map(|(id, name, returns)| {
        let info = FunctionInfo {
            name: name.to_owned(),
            returns: Some(returns),
        };
        (FunctionId(id), info)
    }))
}

/// A task's root call in the making: its clock goes on, its CPU can change.
struct Task {
    builder: Builder,
    tid: TaskId,
    comm: [u8; 16],
    now: u64,
    cpu: u32,
}

impl Task {
    fn new(tid: u32, name: &str, cpu: u32) -> Self {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name.as_bytes());
        Self {
            builder: Builder::new(Interrupts::Shown),
            tid: TaskId(tid),
            comm,
            now: 1_000_000,
            cpu,
        }
    }

    fn event(&mut self, kind: EventKind, function: u32, depth: u8, value: u64) {
        let event = Event {
            time_ns: self.now,
            value,
            function,
            frame: 1000 - u16::from(depth),
            depth,
            kind_and_context: Event::pack(kind, Context::Task as u8),
        };
        self.builder.push(&event, CpuId(self.cpu));
    }

    fn enter(&mut self, function: u32, depth: u8) -> &mut Self {
        self.event(EventKind::Entry, function, depth, 0);
        self
    }

    fn leave(&mut self, function: u32, depth: u8, value: u64) -> &mut Self {
        self.event(EventKind::Exit, function, depth, value);
        self
    }

    fn after(&mut self, ns: u64) -> &mut Self {
        self.now += ns;
        self
    }

    fn sleep(&mut self, ns: u64) -> &mut Self {
        self.event(EventKind::Off, 0, 0, 0);
        self.now += ns;
        self.event(EventKind::On, 0, 0, 0);
        self
    }

    /// A call that a hard interrupt makes.
    fn interrupt(&mut self, function: u32, depth: u8, ns: u64) -> &mut Self {
        for (kind, ns) in [(EventKind::Entry, ns), (EventKind::Exit, 0)] {
            let event = Event {
                time_ns: self.now,
                function,
                frame: 500,
                depth,
                kind_and_context: Event::pack(kind, Context::HardIrq as u8),
                ..Event::default()
            };
            self.builder.push(&event, CpuId(self.cpu));
            self.now += ns;
        }
        self
    }

    fn lose(&mut self, events: u64) -> &mut Self {
        self.builder.gap(events, CpuId(self.cpu));
        self
    }

    fn migrate(&mut self, cpu: u32) -> &mut Self {
        self.cpu = cpu;
        self
    }

    fn end(&mut self, end: End) -> RootCall {
        let builder = std::mem::replace(&mut self.builder, Builder::new(Interrupts::Shown));
        builder.finish(self.tid, self.comm, end)
    }
}

fn text(calls: &[RootCall], options: Options, cpus: u32) -> String {
    let functions = functions();
    let mut out = Vec::new();
    let mut writer = FtraceWriter::new(&mut out, &functions, options, cpus);
    writer.begin().expect("memory takes everything");
    for call in calls {
        writer.root_call(call).expect("memory takes everything");
    }
    drop(writer);
    String::from_utf8(out).expect("names are ASCII")
}

/// A root call with calls inside calls, and durations of every mark.
fn nested() -> RootCall {
    Task::new(172, "sender", 0)
        .enter(SENDTO, 0)
        .after(100)
        .enter(SENDMSG, 1)
        .enter(LOCK, 2)
        .after(333)
        .leave(LOCK, 2, 0xdead_beef)
        .enter(ALLOC, 2)
        .after(172_112)
        .leave(ALLOC, 2, (-12i64).cast_unsigned())
        .enter(IS_FULL, 2)
        .after(10_001)
        .leave(IS_FULL, 2, 1)
        .after(2_000_000)
        .leave(SENDMSG, 1, 0xffff_fff5)
        .after(20_000_000)
        .enter(STRANGER, 1)
        .after(1_100_000_000)
        .leave(STRANGER, 1, 0x10)
        .leave(SENDTO, 0, 7)
        .end(End::Returned)
}

#[test]
fn a_whole_call() {
    insta::assert_snapshot!(text(&[nested()], Options::default(), 2));
}

#[test]
fn values_in_hex_and_names_at_every_brace() {
    let options = Options {
        values: Values::Hex,
        tail: true,
        ..Options::default()
    };
    insta::assert_snapshot!(text(&[nested()], options, 2));
}

#[test]
fn no_values_and_many_cpus() {
    let options = Options {
        values: Values::Hidden,
        tail: true,
        ..Options::default()
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
        Options::default(),
        2
    ));
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
    insta::assert_snapshot!(text(&ends, Options::default(), 2));
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
    insta::assert_snapshot!(text(&[moved], Options::default(), 12));
}

/// Sleeps twice, the second time in a call that ends on another CPU, with an interrupt's call in between.
fn sleeper() -> RootCall {
    let mut task = Task::new(4711, "a-long-name", 0);
    task.now = 4_321_000_000_123;
    task.enter(SENDTO, 0)
        .enter(SENDMSG, 1)
        .after(1000)
        .sleep(1_203_000)
        .enter(ALLOC, 2)
        .after(200)
        .leave(ALLOC, 2, 0x1000)
        .after(12_000)
        .interrupt(LOCK, 2, 300)
        .leave(SENDMSG, 1, 7)
        .enter(LOCK, 1)
        .sleep(850)
        .migrate(1)
        .after(10)
        .leave(LOCK, 1, 0)
        .lose(3)
        .leave(SENDTO, 0, 7)
        .end(End::Returned)
}

#[test]
fn time_off_the_cpu_is_said_where_the_call_ends() {
    insta::assert_snapshot!(text(&[sleeper()], Options::default(), 2));
}

#[test]
fn time_off_the_cpu_can_be_left_out_of_durations() {
    let options = Options {
        sleep: SleepTime::LeftOut,
        tail: true,
        ..Options::default()
    };
    insta::assert_snapshot!(text(&[sleeper()], options, 2));
}

#[test]
fn verbose_has_time_task_and_context() {
    let options = Options {
        columns: Columns::All,
        ..Options::default()
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
    insta::assert_snapshot!(text(&calls, Options::default(), 2));
}
