//! The file of trace-cmd and KernelShark, `trace.dat`: the events of function_graph as the kernel's
//! ring buffer has them, so that `trace-cmd report` and KernelShark show a trace of tracer as one
//! of the kernel's.
//!
//! The form is version 6, trace-cmd.dat.v6(5): a header with the kernel's own descriptions of its
//! pages and events ([`formats`]), the symbols, the names of tasks, then for each CPU its pages
//! ([`pages`]). Functions lie where the low half of their addresses says; in a recording that is
//! counted from somewhere else, and the symbols are counted with it. Each CPU's events are in the
//! order of time, which root calls are not, so all is in memory until the trace ends.

mod formats;
mod pages;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use tracer_common::Context;

use crate::{
    model::{
        Call, Closed, CpuId, FunctionId, FunctionTable, Missing, Nanoseconds, Node, RootCall, many,
    },
    summary::Collect,
    values::escape,
};
use pages::Pages;

/// What the file begins with: magic, version, little endian, bytes of a long, of a page.
const BEGINNING: &[u8] = b"\x17\x08\x44tracing6\0\0\x08";
/// Bytes of a page.
const PAGE: usize = PAGE_BYTES as usize;
const PAGE_BYTES: u32 = 4096;
/// The half of the address space in which the kernel's text lies.
const HIGH_HALF: u64 = 0xffff_ffff_0000_0000;
/// Each CPU has a row in the header, also one that says nothing; a made-up recording may name any.
const MOST_CPUS: u32 = 8192;
/// Options of the header (`TRACECMD_OPTION_TRACECLOCK`, `TRACECMD_OPTION_CPUCOUNT`).
const CLOCK: u16 = 4;
const CPU_COUNT: u16 = 8;
/// Flags of an event (`enum trace_flag_type`, include/linux/trace_events.h).
const IN_HARDIRQ: u8 = 0x08;
const IN_SOFTIRQ: u8 = 0x10;
const IN_NMI: u8 = 0x40;

/// Collects what the file is made of.
pub struct TraceDat<'a> {
    functions: &'a FunctionTable,
    cpus: BTreeMap<u32, Vec<Event>>,
    tasks: BTreeMap<u32, String>,
    called: BTreeSet<FunctionId>,
}

/// An event of the ring buffer.
#[derive(Clone, Copy, Debug)]
struct Event {
    at: Nanoseconds,
    task: u32,
    flags: u8,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Entry {
        function: FunctionId,
        depth: u32,
    },
    Exit {
        function: FunctionId,
        depth: u32,
        entered: Nanoseconds,
        value: u64,
    },
    Gap {
        events: u64,
        missing: Missing,
    },
}

impl<'a> TraceDat<'a> {
    /// Nothing has come yet.
    #[must_use]
    pub const fn new(functions: &'a FunctionTable) -> Self {
        Self {
            functions,
            cpus: BTreeMap::new(),
            tasks: BTreeMap::new(),
            called: BTreeSet::new(),
        }
    }

    /// Writes the file.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let last = self.cpus.keys().next_back().copied().unwrap_or_default();
        let mut parts = Vec::new();
        for cpu in 0..=last {
            let mut events: Vec<&Event> = self.cpus.get(&cpu).into_iter().flatten().collect();
            // Stable: what is at the same time is in the order in which it happened.
            events.sort_by_key(|event| event.at);
            let mut pages = Pages::default();
            for event in events {
                pages.add(event.at.0, &event.bytes());
            }
            parts.push(pages.finish());
        }
        let header = self.header(last + 1)?;
        let rows = parts.len() * 16;
        let mut offset = (header.len() + rows).next_multiple_of(PAGE);
        let padding = vec![0; offset - header.len() - rows];
        out.write_all(&header)?;
        for part in &parts {
            let place = if part.is_empty() { 0 } else { offset as u64 };
            out.write_all(&place.to_le_bytes())?;
            out.write_all(&(part.len() as u64).to_le_bytes())?;
            offset += part.len();
        }
        out.write_all(&padding)?;
        parts.iter().try_for_each(|part| out.write_all(part))
    }

    /// All before the rows of the CPUs.
    fn header(&self, cpus: u32) -> io::Result<Vec<u8>> {
        let mut header = BEGINNING.to_vec();
        header.extend(PAGE_BYTES.to_le_bytes());
        for (name, text) in [
            ("header_page\0", formats::PAGE_HEADER),
            ("header_event\0", formats::EVENT_HEADER),
        ] {
            header.extend(name.as_bytes());
            long_text(&mut header, text);
        }
        header.extend(length(formats::EVENTS.len())?.to_le_bytes());
        for event in formats::EVENTS {
            long_text(&mut header, &event.text());
        }
        // No other systems of events.
        header.extend(0_u32.to_le_bytes());
        let symbols = self.symbols();
        header.extend(length(symbols.len())?.to_le_bytes());
        header.extend(symbols.as_bytes());
        // No formats of trace_printk.
        header.extend(0_u32.to_le_bytes());
        let tasks = self.tasks.iter();
        let tasks: Vec<String> = tasks.map(|(id, name)| format!("{id} {name}\n")).collect();
        long_text(&mut header, &tasks.concat());
        header.extend(cpus.to_le_bytes());
        header.extend(b"options  \0");
        option(&mut header, CLOCK, *b"[mono]\0\0");
        option(&mut header, CPU_COUNT, cpus.to_le_bytes());
        header.extend(0_u16.to_le_bytes());
        header.extend(b"flyrecord\0");
        Ok(header)
    }

    /// The functions that were called, as `/proc/kallsyms` has them.
    fn symbols(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for &function in &self.called {
            let name = self.functions.name(function);
            let name = escape::visible(&name);
            let (name, module) = match name.split_once(" [") {
                Some((name, module)) => (name, format!("\t[{}", one_word(module))),
                None => (&*name, String::new()),
            };
            let (address, name) = (address(function), one_word(name));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{address:016x} T {name}{module}");
        }
        text
    }

    fn push(&mut self, cpu: CpuId, event: Event) {
        let cpu = cpu.0.min(MOST_CPUS - 1);
        self.cpus.entry(cpu).or_default().push(event);
    }

    fn enter(&mut self, root: &RootCall, call: &Call, at: Nanoseconds) {
        self.called.insert(call.function);
        let what = What::Entry {
            function: call.function,
            depth: call.depth,
        };
        self.push(call.cpu, Event::of(root, at, call.context, what));
    }

    fn exit(&mut self, root: &RootCall, call: &Call) {
        let Closed::Returned { at, value, cpu } = call.closed else {
            return;
        };
        self.called.insert(call.function);
        let what = What::Exit {
            function: call.function,
            depth: call.depth,
            entered: call.entered.unwrap_or(at),
            value,
        };
        self.push(cpu, Event::of(root, at, call.context, what));
    }
}

impl Collect for TraceDat<'_> {
    fn add(&mut self, root: &RootCall) {
        // A name is a line and its end.
        let name = escape::visible(&root.comm()).into_owned();
        self.tasks.insert(root.task.id().0, name);
        let mut open: Vec<&Call> = Vec::new();
        let mut now = Nanoseconds::default();
        for node in &root.nodes {
            while let Some(call) = open.pop_if(|call| call.depth >= node.depth()) {
                now = now.max(call.closed.at().unwrap_or(now));
                self.exit(root, call);
            }
            match node {
                Node::Call(call) => {
                    if let Some(at) = call.entered {
                        now = now.max(at);
                        self.enter(root, call, at);
                    }
                    open.push(call);
                }
                // The form has the entries and exits of function_graph.
                Node::Mark(_) => {}
                Node::Gap {
                    events,
                    missing,
                    cpu,
                    ..
                } => {
                    let (events, missing) = (*events, *missing);
                    let gap = What::Gap { events, missing };
                    self.push(*cpu, Event::of(root, now, Context::Task, gap));
                }
            }
        }
        while let Some(call) = open.pop() {
            self.exit(root, call);
        }
    }
}

impl Event {
    const fn of(root: &RootCall, at: Nanoseconds, context: Context, what: What) -> Self {
        Self {
            at,
            task: root.task.id().0,
            flags: match context {
                Context::Task => 0,
                Context::SoftIrq => IN_SOFTIRQ,
                Context::HardIrq => IN_HARDIRQ,
                Context::Nmi => IN_NMI,
            },
            what,
        }
    }

    /// As its format says.
    fn bytes(&self) -> Vec<u8> {
        let format = match self.what {
            What::Entry { .. } => &formats::ENTRY,
            What::Exit { .. } => &formats::EXIT,
            What::Gap { .. } => &formats::PRINT,
        };
        let mut bytes = format.id.to_le_bytes().to_vec();
        bytes.extend([self.flags, 0]);
        bytes.extend(self.task.to_le_bytes());
        match self.what {
            What::Entry { function, depth } => {
                bytes.extend(address(function).to_le_bytes());
                bytes.extend(depth.to_le_bytes());
            }
            What::Exit {
                function,
                depth,
                entered,
                value,
            } => {
                bytes.extend(address(function).to_le_bytes());
                bytes.extend(value.to_le_bytes());
                bytes.extend(depth.to_le_bytes());
                // Calls that function_graph had no room for.
                bytes.extend(0_u32.to_le_bytes());
                bytes.extend(entered.0.to_le_bytes());
                bytes.extend(self.at.0.to_le_bytes());
            }
            What::Gap { events, missing } => {
                let events = many(events, "event");
                let text = match missing {
                    Missing::Lost => format!("gap: {events} lost"),
                    Missing::NotKept => format!("cut: {events} not kept, there was no room"),
                };
                bytes.extend(0_u64.to_le_bytes());
                bytes.extend(text.as_bytes());
                bytes.push(0);
            }
        }
        bytes
    }
}

/// Where a function lies.
fn address(function: FunctionId) -> u64 {
    HIGH_HALF | u64::from(function.0)
}

/// A name without what ends one in a list of symbols.
fn one_word(name: &str) -> String {
    name.replace(char::is_whitespace, "_")
}

/// A text with its length, eight bytes, before it.
fn long_text(header: &mut Vec<u8>, text: &str) {
    header.extend((text.len() as u64).to_le_bytes());
    header.extend(text.as_bytes());
}

/// An option of the header, with its number and its length.
fn option<const LENGTH: usize>(header: &mut Vec<u8>, kind: u16, content: [u8; LENGTH]) {
    header.extend(kind.to_le_bytes());
    header.extend(u32::try_from(LENGTH).unwrap_or_default().to_le_bytes());
    header.extend(content);
}

/// A length where there is room for four bytes.
fn length(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(io::Error::other)
}
