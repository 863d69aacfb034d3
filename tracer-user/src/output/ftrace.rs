//! The kernel's own text form of a function graph, line by line as function_graph prints it
//! (kernel/trace/trace_functions_graph.c), with return values by type.
//!
//! One root call is written in one piece: a task that sleeps in the middle does not tear another's graph apart.
//! What is missing is said in the line where it is missing. Each line has the CPU of its own event, so a call that
//! moved ends on another CPU than it began on; time off the CPU is said where the call ends.

mod line;
mod time;

use std::{
    collections::HashMap,
    io::{self, Write},
};

use tracer_common::Context;

pub use self::line::Columns;
use self::line::{Place, Prologue};
pub use super::value::Values;
use super::{
    Form,
    value::{self, Style},
};
use crate::{
    graph::{Call, Closed, CpuId, End, Node, RootCall, TaskId, tree::SleepTime},
    plan::FunctionTable,
};

/// What the user can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Return values.
    pub values: Values,
    /// Every closing brace says whose it is.
    pub tail: bool,
    /// What stands before the functions.
    pub columns: Columns,
    /// What a duration is.
    pub sleep: SleepTime,
    /// Whether what a call was given stands behind its name.
    pub arguments: Arguments,
}

/// Arguments of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Arguments {
    /// They are not recorded.
    #[default]
    Hidden,
    /// As far as they are passed in registers.
    Shown,
}

/// Writes root calls as text.
pub struct FtraceWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    options: Options,
    prologue: Prologue,
    last_task: HashMap<CpuId, (TaskId, String)>,
    /// The label of the task whose root call is being written.
    task: String,
    buffer: Vec<u8>,
}

impl<'a, W: Write> FtraceWriter<'a, W> {
    /// Writes to `out`. `cpus` is the number of CPUs, for the width of the first column.
    pub fn new(out: W, functions: &'a FunctionTable, options: Options, cpus: u32) -> Self {
        Self {
            out,
            functions,
            options,
            prologue: Prologue::new(options.columns, cpus),
            last_task: HashMap::new(),
            task: String::new(),
            buffer: Vec::new(),
        }
    }

    /// Says so when another task runs on the same CPU.
    fn task_change(&mut self, root: &RootCall) -> io::Result<()> {
        self.task = line::task_label(&root.comm(), root.task.0);
        let Some(first) = root.nodes.first() else {
            return Ok(());
        };
        let now = (root.task, self.task.clone());
        if let Some((task, before)) = self.last_task.insert(first.cpu(), now)
            && task != root.task
        {
            self.prologue
                .task_change(&mut self.buffer, first.cpu(), &before, &self.task)?;
        }
        Ok(())
    }

    fn start(&mut self, place: &Place) -> io::Result<()> {
        self.prologue.write(&mut self.buffer, &self.task, place)
    }

    fn opening(&mut self, call: &Call) -> io::Result<()> {
        self.start(&Place {
            at: call.entered,
            ..without_time(call.cpu, call.context, call.depth)
        })?;
        let name = self.functions.name(call.function);
        let arguments = self.arguments(call);
        writeln!(self.buffer, "{name}({arguments}) {{")
    }

    fn leaf(&mut self, call: &Call) -> io::Result<()> {
        self.start(&Place {
            at: call.entered.or(call.closed.at()),
            duration: call.duration(self.options.sleep),
            ..without_time(call.cpu, call.context, call.depth)
        })?;
        let name = self.functions.name(call.function);
        let arguments = self.arguments(call);
        write!(self.buffer, "{name}({arguments});")?;
        if let Some(remark) = self.remark(call) {
            // The colon stands behind a name, and here is none.
            let remark = remark.strip_prefix(':').unwrap_or(&remark);
            write!(self.buffer, " /*{remark} */")?;
        }
        self.end_of_call(call)
    }

    /// What stands between the parentheses.
    fn arguments(&self, call: &Call) -> String {
        if call.arguments.is_empty() || self.options.arguments == Arguments::Hidden {
            return String::new();
        }
        let info = self.functions.get(call.function);
        let parameters = info.map_or(&[][..], |info| &info.parameters);
        value::format_arguments(parameters, &call.arguments)
    }

    fn closing(&mut self, call: &Call) -> io::Result<()> {
        if call.closed == Closed::Open {
            return Ok(());
        }
        let cpu = match call.closed {
            Closed::Returned { cpu, .. } => cpu,
            _ => call.cpu,
        };
        self.start(&Place {
            at: call.closed.at(),
            duration: call.duration(self.options.sleep),
            ..without_time(cpu, call.context, call.depth)
        })?;
        let name = self.functions.name(call.function);
        match self.remark(call) {
            Some(remark) => write!(self.buffer, "}} /* {name}{remark} */")?,
            None if self.options.tail => write!(self.buffer, "}} /* {name} */")?,
            None => write!(self.buffer, "}}")?,
        }
        self.end_of_call(call)
    }

    /// Ends the line in which a call ends.
    fn end_of_call(&mut self, call: &Call) -> io::Result<()> {
        if call.off_cpu.0 > 0 && call.closed != Closed::Open {
            write!(self.buffer, " /* off-cpu {} */", time::span(call.off_cpu.0))?;
        }
        writeln!(self.buffer)
    }

    fn gap(&mut self, depth: u32, lost: u64, cpu: CpuId) -> io::Result<()> {
        self.start(&without_time(cpu, Context::Task, depth))?;
        writeln!(self.buffer, "/* gap: {lost} events lost */")
    }

    fn end(&mut self, root: &RootCall) -> io::Result<()> {
        let words = match root.end {
            End::Returned => return Ok(()),
            End::Died => "the task died here",
            End::Lost => "the end of this call was lost",
            End::Cut => "tracing ended here",
        };
        let cpu = root.nodes.last().map_or(CpuId(0), Node::cpu);
        self.start(&without_time(cpu, Context::Task, 0))?;
        writeln!(self.buffer, "/* {words} */")
    }

    /// What stands in the comment behind a call: its return value, or what is missing.
    fn remark(&self, call: &Call) -> Option<String> {
        let Closed::Returned { value, .. } = call.closed else {
            return match call.closed {
                Closed::Unseen => Some(": return not seen".to_owned()),
                _ => Some(": did not return".to_owned()),
            };
        };
        let shown = self.value(call, value);
        let entry_missing = call.entered.is_none();
        match (shown, entry_missing) {
            (Some(value), false) => Some(format!(" = {value}")),
            (Some(value), true) => Some(format!(" = {value}, entry not seen")),
            (None, true) => Some(": entry not seen".to_owned()),
            (None, false) => None,
        }
    }

    fn value(&self, call: &Call, value: u64) -> Option<String> {
        let returns = self.functions.returns(call.function);
        match (self.options.values, returns) {
            (Values::Hidden, _) => None,
            (Values::Hex, _) | (_, None) => Some(format!("{value:#x}")),
            (Values::Typed, Some(returns)) => {
                value::format_return(Some(returns), value, Style::Typed)
            }
        }
    }
}

impl<W: Write> Form for FtraceWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(self.prologue.header())?;
        self.out.flush()
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        self.buffer.clear();
        self.task_change(root)?;
        let mut open: Vec<&Call> = Vec::new();
        for (index, node) in root.nodes.iter().enumerate() {
            while open.last().is_some_and(|call| call.depth >= node.depth()) {
                if let Some(call) = open.pop() {
                    self.closing(call)?;
                }
            }
            match node {
                Node::Gap { depth, lost, cpu } => self.gap(*depth, *lost, *cpu)?,
                Node::Call(call) => {
                    let next = root.nodes.get(index + 1);
                    // One line has one CPU.
                    if next.is_some_and(|next| next.depth() > call.depth) || call.has_moved() {
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
        }
        self.end(root)?;
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
