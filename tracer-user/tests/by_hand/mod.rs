//! Root calls that are made from events by hand, with all that can be missing.

#![allow(dead_code, reason = "not every test needs all of them")]
#![allow(missing_docs, reason = "the names say it")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use tracer::{
    graph::builder::Builder,
    model::{
        CpuId, End, FunctionId, FunctionInfo, FunctionTable, Interrupts, ParameterInfo, ProcessId,
        RecordField, RecordFieldKind, RecordType, RootCall, TaskId, TaskKey, Trees, ValueType,
    },
    pipeline::Show,
};
use tracer_common::{Context, Event, EventKind, FIRST_MARK, StringPlace};

pub const SENDTO: u32 = 0x1000;
pub const SENDMSG: u32 = 0x2000;
pub const LOCK: u32 = 0x3000;
pub const ALLOC: u32 = 0x4000;
pub const IS_FULL: u32 = 0x5000;
/// A place in the caller of the roots.
pub const IN_SYSCALL: u32 = 0x812;
/// A place in [`SENDTO`].
pub const IN_SENDTO: u32 = SENDTO + 0x2f;
/// What an fprobe puts in the place of a return address.
pub const HOOK: u32 = 0x900;
/// The plan has no such function.
pub const STRANGER: u32 = 0x6000;

/// An event of the kernel, and one of which nothing is known.
pub const WAKING: u32 = FIRST_MARK;
pub const UNKNOWN_EVENT: u32 = FIRST_MARK + 1;

/// What is recorded of [`WAKING`].
fn waking() -> FunctionInfo {
    let field = |name: &str, offset, bytes, kind| RecordField {
        name: name.to_owned(),
        offset,
        bytes,
        kind,
    };
    let record = RecordType {
        system: "sched".to_owned(),
        fields: vec![
            field("comm", 0, 16, RecordFieldKind::Text),
            field("pid", 16, 4, RecordFieldKind::Number { signed: true }),
            field("address", 24, 8, RecordFieldKind::Pointer),
            field(
                "bytes",
                32,
                4,
                RecordFieldKind::Numbers {
                    each: 1,
                    signed: false,
                },
            ),
            field("name", 36, 4, RecordFieldKind::VariableText),
        ],
        print: r#""comm=%s pid=%d name=%s", REC->comm, REC->pid, __get_str(name)"#.to_owned(),
    };
    let returns = Some(ValueType::Record(record));
    FunctionInfo::new("sched_waking".to_owned(), returns)
}

pub fn functions() -> FunctionTable {
    let int = ValueType::Signed { bytes: 4 };
    let all = [
        (SENDTO, "__sys_sendto", int.clone()),
        (SENDMSG, "inet_sendmsg", int),
        (LOCK, "lock_sock_nested", ValueType::Void),
        (ALLOC, "sk_msg_alloc", ValueType::Pointer),
        (IS_FULL, "tcp_stream_is_full", ValueType::Bool),
    ];
    let all = all.map(|(id, name, returns)| (id, name, Some(returns)));
    let places = [
        (IN_SYSCALL, "x64_sys_call+0x12", None),
        (IN_SENDTO, "__sys_sendto+0x2f", None),
        (HOOK, "arch_rethook_trampoline+0x0", None),
    ];
    let functions = all.into_iter().chain(places).map(|(id, name, returns)| {
        let mut info = FunctionInfo::new(name.to_owned(), returns);
        if id == LOCK {
            info.parameters = vec![
                parameter("sk", ValueType::Pointer),
                parameter("subclass", ValueType::Signed { bytes: 4 }),
            ];
        }
        (FunctionId(id), info)
    });
    FunctionTable::new(functions.chain([(FunctionId(WAKING), waking())]))
}

fn parameter(name: &str, value: ValueType) -> ParameterInfo {
    ParameterInfo {
        name: name.to_owned(),
        value,
        registers: 1,
    }
}

/// A task's root call in the making: its clock goes on, its CPU can change.
pub struct Task {
    builder: Builder,
    tid: TaskKey,
    comm: [u8; 16],
    now: u64,
    cpu: u32,
}

impl Task {
    pub fn new(tid: u32, name: &str, cpu: u32) -> Self {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name.as_bytes());
        Self {
            builder: Builder::new(Interrupts::Shown, Trees::Whole),
            tid: TaskKey::new(TaskId(tid), CpuId(cpu)),
            comm,
            now: 1_000_000,
            cpu,
        }
    }

    fn event(&mut self, kind: EventKind, function: u32, depth: u8, value: u64) {
        self.event_of(kind, function, depth, depth, value);
    }

    fn event_of(&mut self, kind: EventKind, function: u32, call_depth: u8, depth: u8, value: u64) {
        let event = Event {
            time_ns: self.now,
            value,
            function,
            frame: 1000 - u16::from(call_depth),
            depth,
            kind_and_context: Event::pack(kind, Context::Task as u8),
        };
        self.builder.push(&event, CpuId(self.cpu));
    }

    pub fn enter(&mut self, function: u32, depth: u8) -> &mut Self {
        self.event(EventKind::Entry, function, depth, 0);
        self
    }

    /// The argument registers of the call that was entered at that depth.
    pub fn given(&mut self, function: u32, depth: u8, registers: &[u64]) -> &mut Self {
        for (number, &register) in (0..).zip(registers) {
            self.event_of(EventKind::Argument, function, depth, number, register);
        }
        self
    }

    /// The text that an argument of the call points to.
    pub fn pointing(&mut self, function: u32, depth: u8, argument: u32, text: &str) -> &mut Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let (parts, _) = bytes.as_chunks();
        for (part, &value) in (0..).zip(parts) {
            let place = u8::try_from(StringPlace { argument, part }.pack()).unwrap();
            let value = u64::from_ne_bytes(value);
            self.event_of(EventKind::String, function, depth, place, value);
        }
        self
    }

    /// An event of the kernel, with so many calls open.
    pub fn mark(&mut self, mark: u32, depth: u8, record: &[u8], context: Context) -> &mut Self {
        let bytes = u16::try_from(record.len()).unwrap();
        let mut record = record.to_vec();
        record.resize(record.len().next_multiple_of(8).max(8), 0);
        let (parts, _) = record.as_chunks();
        for (part, &value) in (0..).zip(parts) {
            let (kind, depth) = match part {
                0 => (EventKind::Mark, depth),
                _ => (EventKind::MarkPart, part),
            };
            let event = Event {
                time_ns: self.now,
                value: u64::from_ne_bytes(value),
                function: mark,
                frame: bytes,
                depth,
                kind_and_context: Event::pack(kind, context as u8),
            };
            self.builder.push(&event, CpuId(self.cpu));
        }
        self
    }

    /// Where the call that was entered at that depth will go on.
    pub fn called_from(&mut self, site: u32, function: u32, depth: u8) -> &mut Self {
        self.event_of(EventKind::Caller, site, depth, depth, function.into());
        self
    }

    /// The kernel frames above the call that was entered at that depth.
    pub fn above(&mut self, function: u32, depth: u8, frames: &[u32]) -> &mut Self {
        for (number, &frame) in (0..).zip(frames) {
            self.event_of(EventKind::Frame, frame, depth, number, function.into());
        }
        self
    }

    /// The stack of the process there: whose it is, and its frames.
    pub fn in_process(&mut self, function: u32, depth: u8, stack: &[u64]) -> &mut Self {
        for (number, &word) in (0..).zip(stack) {
            self.event_of(EventKind::UserFrame, function, depth, number, word);
        }
        self
    }

    pub fn leave(&mut self, function: u32, depth: u8, value: u64) -> &mut Self {
        self.event(EventKind::Exit, function, depth, value);
        self
    }

    pub fn after(&mut self, ns: u64) -> &mut Self {
        self.now += ns;
        self
    }

    pub fn sleep(&mut self, ns: u64) -> &mut Self {
        self.event(EventKind::Off, 0, 0, 0);
        self.now += ns;
        self.event(EventKind::On, 0, 0, 0);
        self
    }

    /// A call that a hard interrupt makes.
    pub fn interrupt(&mut self, function: u32, depth: u8, ns: u64) -> &mut Self {
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

    pub fn lose(&mut self, events: u64) -> &mut Self {
        self.builder.gap(events, CpuId(self.cpu));
        self
    }

    pub fn migrate(&mut self, cpu: u32) -> &mut Self {
        self.cpu = cpu;
        self
    }

    pub fn end(&mut self, end: End) -> RootCall {
        let builder = std::mem::replace(
            &mut self.builder,
            Builder::new(Interrupts::Shown, Trees::Whole),
        );
        builder.finish(ProcessId(self.tid.id().0), self.tid, self.comm, end)
    }
}

/// A root call with calls inside calls, and durations of every mark.
pub fn nested() -> RootCall {
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

/// A root call with all that can be asked for: who called, with an fprobe in between, and arguments
/// with texts; by a thread of a process that has another name.
pub fn detailed() -> RootCall {
    Task::new(5, "detailed", 0)
        .enter(SENDTO, 0)
        .called_from(IN_SYSCALL, SENDTO, 0)
        .pointing(SENDTO, 0, StringPlace::PROCESS, "the \"process\"")
        .enter(SENDMSG, 1)
        .called_from(IN_SENDTO, SENDMSG, 1)
        // Jumped to.
        .enter(LOCK, 2)
        .called_from(HOOK, LOCK, 2)
        .given(LOCK, 2, &[0xffff_8880_0000_1000, 5])
        .pointing(LOCK, 2, 0, "a \"name\"\n")
        .after(40)
        .leave(LOCK, 2, 0)
        .leave(SENDMSG, 1, 7)
        .enter(IS_FULL, 1)
        .called_from(IN_SENDTO, IS_FULL, 1)
        .leave(IS_FULL, 1, 1)
        // Nothing was recorded of it.
        .enter(ALLOC, 1)
        .enter(STRANGER, 2)
        .called_from(HOOK, STRANGER, 2)
        .lose(3)
        .leave(SENDTO, 0, 7)
        .end(End::Returned)
}

/// A record of [`WAKING`].
pub fn woken() -> Vec<u8> {
    let mut record = b"reader\0\0\0\0\0\0\0\0\0\0".to_vec();
    record.extend(136u32.to_ne_bytes());
    record.extend([0; 4]);
    record.extend(0xffff_8881_0000_0123u64.to_ne_bytes());
    record.extend([127, 0, 0, 1]);
    // Three bytes, 40 behind the fields' beginning and 8 more before that.
    record.extend((3u32 << 16 | 0x30).to_ne_bytes());
    record.extend(b"lo\0");
    record
}

/// A root call with events of the kernel: in the root, in what it calls, in an interrupt, one that
/// was cut off, one of which nothing is known.
pub fn marked() -> RootCall {
    let record = woken();
    Task::new(10, "marked", 0)
        .enter(SENDTO, 0)
        .mark(WAKING, 1, &record, Context::Task)
        .after(10)
        .enter(SENDMSG, 1)
        .mark(WAKING, 2, &record, Context::SoftIrq)
        .after(10)
        .enter(LOCK, 2)
        .after(5)
        .mark(WAKING, 3, &record[..32], Context::HardIrq)
        .leave(LOCK, 2, 0)
        .sleep(1000)
        .mark(UNKNOWN_EVENT, 2, &[1, 2, 3], Context::Task)
        .leave(SENDMSG, 1, 7)
        .after(10)
        .mark(WAKING, 1, &record, Context::Task)
        .leave(SENDTO, 0, 7)
        .end(End::Returned)
}

/// Sleeps twice, the second time in a call that ends on another CPU, with an interrupt's call in
/// between.
pub fn sleeper() -> RootCall {
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

/// One of everything.
pub fn everything() -> Vec<RootCall> {
    let torn = Task::new(7, "a \"b\", c", 1)
        .enter(SENDTO, 0)
        .enter(SENDMSG, 1)
        .after(50)
        .lose(4)
        .leave(LOCK, 2, 0)
        .leave(SENDTO, 0, 7)
        .end(End::Returned);
    let cut = Task::new(8, "cut", 1)
        .enter(SENDTO, 0)
        .enter(LOCK, 1)
        .end(End::Cut);
    vec![nested(), sleeper(), torn, cut]
}

/// What a form makes of root calls.
pub fn written(show: &Show, functions: &FunctionTable, calls: &[RootCall]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut form = show.form(Some(&mut out), functions, 4);
    form.begin().unwrap();
    for call in calls {
        form.root_call(call).unwrap();
    }
    form.end().unwrap();
    drop(form);
    out
}
