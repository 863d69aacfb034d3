//! What stands in a line before the function: the columns of function_graph
//! (`print_graph_prologue`, kernel/trace/trace_functions_graph.c).
//!
//! `verbose` adds what `perf ftrace --graph-opts verbose` switches on
//! (tools/perf/builtin-ftrace.c): `funcgraph-abstime`, `funcgraph-proc` and `latency-format`. Of
//! the latency flags there is the one that the events tell: for whom the CPU ran.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use tracer_common::Context;

use super::{
    colour::{Colour, painted},
    time::{self, WALL_WIDTH, WallClock},
};
use crate::{
    model::{CommandName, CpuId, Nanoseconds, TaskKey},
    values::escape,
};

/// Which columns there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Columns {
    /// CPU and duration.
    #[default]
    Few,
    /// Also the time, the task, and for whom the CPU ran.
    All,
}

/// What the columns of one line say.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where it happened.
    pub cpu: CpuId,
    /// When; none where nothing tells it.
    pub at: Option<Nanoseconds>,
    /// For whom the CPU ran.
    pub context: Context,
    /// How long the call took that ends here.
    pub duration: Option<Nanoseconds>,
    /// Calls around it.
    pub depth: u32,
}

/// Writes the columns.
#[derive(Debug)]
pub struct Prologue {
    columns: Columns,
    wall: Option<WallClock>,
    colour: Colour,
    cpu_width: usize,
}

/// `TRACE_GRAPH_PROCINFO_LENGTH`
const TASK_WIDTH: usize = 14;

/// `NNNNNNN us`, with room for the longest that is usual.
const DURATION_WIDTH: usize = 11;

impl Prologue {
    /// Columns wide enough for so many CPUs.
    pub fn new(columns: Columns, wall: Option<WallClock>, colour: Colour, cpus: u32) -> Self {
        Self {
            columns,
            wall,
            colour,
            cpu_width: cpus.saturating_sub(1).max(1).to_string().len(),
        }
    }

    /// The head of the listing.
    pub fn header(&self) -> Cow<'static, str> {
        let header = Cow::Borrowed(self.columns_header());
        if self.wall.is_none() {
            return header;
        }
        // The first two lines have no columns.
        let lines = header.lines().enumerate().map(|(number, line)| {
            let title = if line.contains("CPU") {
                "  TIME IN UTC"
            } else {
                ""
            };
            match number {
                0 | 1 => format!("{line}\n"),
                _ => format!("#{title:<26} |  {}\n", line.replacen('#', " ", 1)),
            }
        });
        Cow::Owned(lines.collect())
    }

    const fn columns_header(&self) -> &'static str {
        match self.columns {
            Columns::Few => {
                "# tracer: function_graph\n#\n# CPU  DURATION                  FUNCTION CALLS\n\
                  # |     |   |                     |   |   |   |\n"
            }
            Columns::All => {
                "# tracer: function_graph\n#\n\
                  #                                      _---=> hardirq/softirq\n\
                  #                                     /\n\
                  #     TIME        CPU  TASK/PID       |     DURATION                  FUNCTION CALLS\n\
                  #      |          |     |    |        |      |   |                     |   |   |   |\n"
            }
        }
    }

    /// The rule that `verif_pid` prints when another task runs on the same CPU.
    pub fn task_change(
        &self,
        out: &mut Vec<u8>,
        cpu: CpuId,
        before: &str,
        now: &str,
    ) -> io::Result<()> {
        const RULE: &str = " ------------------------------------------";
        writeln!(out, "{RULE}")?;
        self.cpu(out, cpu);
        writeln!(out, " {before:^TASK_WIDTH$} =>  {now:^TASK_WIDTH$}")?;
        writeln!(out, "{RULE}\n")
    }

    /// All columns of a line, up to where the function begins. `task` is the label of the task.
    pub fn write(&self, out: &mut Vec<u8>, task: &str, place: &Place) -> io::Result<()> {
        if let Some(wall) = self.wall {
            let at = place.at.map(|at| wall.show(at)).unwrap_or_default();
            write!(out, "{at:>WALL_WIDTH$} |  ")?;
        }
        if self.columns == Columns::All {
            let at = place.at.map(|at| time::point(at.0)).unwrap_or_default();
            write!(out, "{at:>12} |  ")?;
        }
        self.cpu(out, place.cpu);
        if self.columns == Columns::All {
            write!(out, "{task:^TASK_WIDTH$} |  {} | ", flag(place.context))?;
        }
        match place.duration {
            None => out.extend_from_slice(b"              |  "),
            Some(Nanoseconds(ns)) => {
                let width = painted(out, self.colour.of_duration(ns), |out| {
                    out.extend_from_slice(&[time::mark(ns), b' ']);
                    let begin = out.len();
                    time::microseconds(out, ns);
                    out.extend_from_slice(b" us");
                    out.len() - begin
                });
                out.resize(out.len() + DURATION_WIDTH.saturating_sub(width), b' ');
                out.extend_from_slice(b" |  ");
            }
        }
        out.resize(out.len() + 2 * place.depth as usize, b' ');
        Ok(())
    }

    /// `print_graph_cpu`
    fn cpu(&self, out: &mut Vec<u8>, cpu: CpuId) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(cpu.0).as_bytes();
        let padding = self.cpu_width.saturating_sub(digits.len());
        out.resize(out.len() + 1 + padding, b' ');
        out.extend_from_slice(digits);
        out.extend_from_slice(b") ");
    }
}

/// `comm-pid`, the name cut to seven characters (`print_graph_proc`), and `(process)` after it
/// where the process has another name, whole.
pub fn task_label(task: TaskKey, comm: &[u8], process: Option<CommandName>) -> String {
    let label = format!("{}-{}", escape::short_comm(comm, 7), task.id().0);
    escape::task_of(label, process)
}

/// The third flag of `trace_print_lat_fmt` (kernel/trace/trace_output.c), without a hard interrupt
/// on top of a soft one.
const fn flag(context: Context) -> char {
    match context {
        Context::Task => '.',
        Context::SoftIrq => 's',
        Context::HardIrq => 'h',
        Context::Nmi => 'z',
    }
}
