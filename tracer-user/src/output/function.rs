//! Entries, one a line, as the kernel's function tracer prints them, and `perf ftrace -T` with it
//! (`function_trace_print` and `trace_print_context`, kernel/trace/trace_output.c, without
//! `irq-info`, of which the events know one flag of five).
//!
//! Each call of the graph is a line, in the order of entry within a root call. A root call is
//! written when it has returned, so the times of lines go back where root calls overlap.

use std::{
    io::{self, Write},
    iter,
};

use crate::{
    model::{
        Arguments, Call, CpuId, FunctionTable, Mark, Missing, Nanoseconds, Node, RootCall, Sink,
    },
    values::{MarkView, Values, View, escape},
};

/// `print_func_help_header` (kernel/trace/trace.c).
const HEADER: &[u8] = b"# tracer: function\n#\n\
    #           TASK-PID     CPU#     TIMESTAMP  FUNCTION\n\
    #              | |         |         |         |\n";

/// Writes entries.
pub struct FunctionWriter<'a, W: Write> {
    out: W,
    functions: &'a FunctionTable,
    arguments: Arguments,
}

impl<'a, W: Write> FunctionWriter<'a, W> {
    /// Writes to `out`.
    pub const fn new(out: W, functions: &'a FunctionTable, arguments: Arguments) -> Self {
        Self {
            out,
            functions,
            arguments,
        }
    }

    /// What stands at the beginning of each line, up to a name.
    fn begin_line(
        &mut self,
        task: &str,
        cpu: CpuId,
        Nanoseconds(at): Nanoseconds,
        name: &str,
    ) -> io::Result<()> {
        let (seconds, micros) = (at / 1_000_000_000, at % 1_000_000_000 / 1000);
        let (CpuId(cpu), name) = (cpu, escape::visible(name));
        write!(
            self.out,
            "{task} [{cpu:03}] {seconds:5}.{micros:06}: {name}"
        )
    }

    fn mark(&mut self, task: &str, mark: &Mark) -> io::Result<()> {
        let view = MarkView::new(self.functions, mark);
        self.begin_line(task, mark.cpu, mark.at, &view.name())?;
        writeln!(self.out, ": {}", view.text())
    }

    fn call(&mut self, task: &str, call: &Call, entered: Nanoseconds) -> io::Result<()> {
        let view = View::new(self.functions, call, Values::Typed);
        self.begin_line(task, call.cpu, entered, &view.name())?;
        if let Some(arguments) = view.given(self.arguments) {
            write!(self.out, "({arguments})")?;
        }
        if let Some(caller) = view.caller() {
            write!(self.out, " <-{}", escape::visible(&caller))?;
        }
        writeln!(self.out)?;
        self.stack(task, call, entered)
    }

    /// The stack at a call, after its line, as the option `func_stack_trace` has it
    /// (`function_stack_trace_call`, kernel/trace/trace_functions.c): it begins with the function.
    fn stack(&mut self, task: &str, call: &Call, entered: Nanoseconds) -> io::Result<()> {
        let view = View::new(self.functions, call, Values::Typed);
        let mut frames = view.stack().peekable();
        if frames.peek().is_none() {
            return Ok(());
        }
        self.begin_line(task, call.cpu, entered, "<stack trace>")?;
        writeln!(self.out)?;
        for frame in iter::once(view.name()).chain(frames) {
            writeln!(self.out, " => {}", escape::visible(&frame))?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for FunctionWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(HEADER)?;
        self.out.flush()
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        let task = format!("{:>16}-{:<7}", escape::comm(root), root.task.id().0);
        for node in &root.nodes {
            match node {
                Node::Call(call) => {
                    if let Some(entered) = call.entered {
                        self.call(&task, call, entered)?;
                    }
                }
                Node::Mark(mark) => self.mark(&task, mark)?,
                Node::Gap {
                    events,
                    missing: Missing::Lost,
                    ..
                } => writeln!(self.out, "CPU:{} [LOST {events} EVENTS]", node.cpu().0)?,
                Node::Gap { events, .. } => {
                    writeln!(self.out, "CPU:{} [{events} EVENTS NOT KEPT]", node.cpu().0)?;
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
