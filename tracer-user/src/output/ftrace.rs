//! The kernel's own text form of a function graph, line by line as function_graph prints it
//! (kernel/trace/trace_functions_graph.c), with return values by type.
//!
//! One root call is written in one piece: a task that sleeps in the middle does not tear another's
//! graph apart. What is missing is said in the line where it is missing. Each line has the CPU of
//! its own event, so a call that moved ends on another CPU than it began on; time off the CPU is
//! said where the call ends.

mod call;
mod colour;
mod line;
pub(super) mod time;

use std::io::{self, Write};

use rustc_hash::FxHashMap;
use tracer_common::Context;

pub(crate) use self::line::task_label;
use self::line::{Place, Prologue};
pub use self::{colour::Colour, line::Columns, time::WallClock};
pub use crate::values::Values;
use crate::{
    model::{
        Call, Capture, CommandName, CpuId, End, FunctionTable, Mark, Missing, Node, RootCall, Sink,
        SleepTime, TaskKey, Untraced,
    },
    values::{MarkView, escape},
};

/// Bytes of a root call that are collected before they are written.
const LARGE: usize = 1 << 16;

/// What the user can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TextOptions {
    /// Return values.
    pub values: Values,
    /// Every closing brace says whose it is.
    pub tail: bool,
    /// What stands before the functions.
    pub columns: Columns,
    /// The wall clock, if its time stands before all else.
    pub wall: Option<WallClock>,
    /// What a call that slept took on the CPU.
    pub cpu_time: bool,
    /// What a duration is.
    pub sleep: SleepTime,
    /// Whether long durations and errors stand out.
    pub colour: Colour,
}

/// A task with the label that stands for it, which is made once as long as its name is the same.
#[derive(Clone, Default)]
struct Labelled {
    whose: Option<(TaskKey, [u8; 16], Option<CommandName>)>,
    label: String,
}

/// Writes root calls as text.
pub struct FtraceWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    options: TextOptions,
    capture: Capture,
    prologue: Prologue,
    /// Whose root call was the last one of each CPU.
    last_task: FxHashMap<CpuId, Labelled>,
    /// Whose root call is being written.
    task: Labelled,
    /// The CPU of the last line.
    last: CpuId,
    buffer: Vec<u8>,
    /// The comment after a call.
    words: Vec<u8>,
}

impl<'a, W: Write> FtraceWriter<'a, W> {
    /// Writes to `out`. `cpus` is the number of CPUs, for the width of the first column.
    pub fn new(out: W, functions: &'a FunctionTable, options: TextOptions, cpus: u32) -> Self {
        Self {
            out,
            functions,
            options,
            capture: Capture::default(),
            prologue: Prologue::new(options.columns, options.wall, options.colour, cpus),
            last_task: FxHashMap::default(),
            task: Labelled::default(),
            last: CpuId(0),
            buffer: Vec::new(),
            words: Vec::new(),
        }
    }

    /// Also writes the details that were recorded by that.
    #[must_use]
    pub fn with_capture(self, capture: Capture) -> Self {
        Self { capture, ..self }
    }

    /// Says so when another task runs on the same CPU.
    fn task_change(&mut self, root: &RootCall) -> io::Result<()> {
        let process = root.other_process();
        let whose = Some((root.task, root.comm, process));
        if self.task.whose != whose {
            let label = line::task_label(root.task, &root.comm, process);
            self.task = Labelled { whose, label };
        }
        let Some(cpu) = root.nodes.first().map(Node::cpu) else {
            return Ok(());
        };
        let last = self.last_task.entry(cpu).or_default();
        if last.whose == whose {
            return Ok(());
        }
        let before = std::mem::replace(last, self.task.clone());
        match before.whose {
            Some((task, ..)) if task != root.task => {
                let (out, now) = (&mut self.buffer, &self.task.label);
                self.prologue.task_change(out, cpu, &before.label, now)
            }
            _ => Ok(()),
        }
    }

    /// A root call with many lines is written by and by.
    fn write_if_large(&mut self) -> io::Result<()> {
        if self.buffer.len() >= LARGE {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn start(&mut self, place: &Place) -> io::Result<()> {
        self.prologue
            .write(&mut self.buffer, &self.task.label, place)
    }

    fn gap(&mut self, depth: u32, events: u64, missing: Missing, cpu: CpuId) -> io::Result<()> {
        self.start(&without_time(cpu, Context::Task, depth))?;
        match missing {
            Missing::Lost => writeln!(self.buffer, "/* gap: {events} events lost */"),
            Missing::NotKept => writeln!(
                self.buffer,
                "/* cut: {events} events not kept, there was no room */"
            ),
        }
    }

    /// As function_graph shows an event (print_graph_comment).
    fn mark(&mut self, mark: &Mark) -> io::Result<()> {
        self.start(&Place {
            at: Some(mark.at),
            ..without_time(mark.cpu, mark.context, mark.depth)
        })?;
        let view = MarkView::new(self.functions, mark);
        let (name, text) = (view.name(), view.text());
        writeln!(self.buffer, "/* {}: {text} */", escape::visible(&name))
    }

    fn end(&mut self, root: &RootCall) -> io::Result<()> {
        let words = match root.end {
            End::Returned => return Ok(()),
            End::Died => "the task died here",
            End::Lost => "the end of this call was lost",
            End::Cut => "tracing ended here",
            End::NoRoom => "cut here: there was no room for more of this call",
        };
        let cpu = root.nodes.last().map_or(CpuId(0), Node::cpu);
        self.start(&without_time(cpu, Context::Task, 0))?;
        writeln!(self.buffer, "/* {words} */")
    }
}

impl<W: Write> Sink for FtraceWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(self.prologue.header().as_bytes())?;
        self.out.flush()
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        self.buffer.clear();
        self.task_change(root)?;
        let mut open: Vec<&Call> = Vec::new();
        for (index, node) in root.nodes.iter().enumerate() {
            self.write_if_large()?;
            while open.last().is_some_and(|call| call.depth >= node.depth()) {
                if let Some(call) = open.pop() {
                    self.closing(call)?;
                }
            }
            match node {
                Node::Gap {
                    depth,
                    events,
                    missing,
                    cpu,
                } => self.gap(*depth, *events, *missing, *cpu)?,
                Node::Mark(mark) => self.mark(mark)?,
                Node::Call(call) => {
                    let next = root.nodes.get(index + 1);
                    let has_more = next.is_some_and(|next| next.depth() > call.depth);
                    // One line has one CPU. A call of a path has one line.
                    if call.folded.is_none() && (has_more || call.has_moved()) {
                        self.opening(call)?;
                        open.push(call);
                    } else {
                        self.leaf(call)?;
                    }
                }
            }
        }
        while let Some(call) = open.pop() {
            self.closing(call)?;
            self.write_if_large()?;
        }
        self.end(root)?;
        self.last = root.nodes.last().map_or(self.last, Node::cpu);
        self.out.write_all(&self.buffer)
    }

    fn untraced(&mut self, untraced: &Untraced) -> io::Result<()> {
        self.buffer.clear();
        self.start(&without_time(self.last, Context::Task, 0))?;
        writeln!(self.buffer, "/* {untraced} */")?;
        self.out.write_all(&self.buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn without_time(cpu: CpuId, context: Context, depth: u32) -> Place {
    Place {
        cpu,
        at: None,
        context,
        duration: None,
        depth,
    }
}
