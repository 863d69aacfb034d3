//! The kernel's own text form of a function graph, line by line as function_graph prints it
//! (kernel/trace/trace_functions_graph.c), with return values by type.
//!
//! One root call is written in one piece: a task that sleeps in the middle does not tear another's graph apart.
//! What is missing is said in the line where it is missing.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use super::value::{self, Style};
use crate::{
    graph::{Call, Closed, CpuId, End, Node, RootCall, TaskId},
    plan::FunctionTable,
};

/// How return values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Values {
    /// By the function's type; nothing for `void`.
    #[default]
    Typed,
    /// Every return register in hex, as function_graph's `funcgraph-retval-hex`.
    Hex,
    /// Not at all.
    Hidden,
}

/// What the user can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Return values.
    pub values: Values,
    /// Every closing brace says whose it is.
    pub tail: bool,
}

/// Writes root calls as text.
pub struct FtraceWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    options: Options,
    cpu_width: usize,
    last_task: HashMap<CpuId, (TaskId, String)>,
    buffer: Vec<u8>,
}

impl<'a, W: Write> FtraceWriter<'a, W> {
    /// Writes to `out`. `cpus` is the number of CPUs, for the width of the first column.
    pub fn new(out: W, functions: &'a FunctionTable, options: Options, cpus: u32) -> Self {
        Self {
            out,
            functions,
            options,
            cpu_width: cpus.saturating_sub(1).max(1).to_string().len(),
            last_task: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    /// Writes the head of the listing.
    pub fn header(&mut self) -> io::Result<()> {
        self.out.write_all(
            b"# tracer: function_graph\n#\n# CPU  DURATION                  FUNCTION CALLS\n\
              # |     |   |                     |   |   |   |\n",
        )?;
        self.out.flush()
    }

    /// Writes one root call, and makes sure that it is out.
    pub fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
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
                    if next.is_some_and(|next| next.depth() > call.depth) {
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
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }

    /// As `verif_pid` prints it when another task runs on the same CPU.
    fn task_change(&mut self, root: &RootCall) -> io::Result<()> {
        let Some(first) = root.nodes.first() else {
            return Ok(());
        };
        let cpu = match first {
            Node::Call(call) => call.cpu,
            Node::Gap { cpu, .. } => *cpu,
        };
        let name: String = root.comm().chars().take(7).collect();
        let label = format!("{name}-{}", root.task.0);
        let now = (root.task, label.clone());
        if let Some((task, before)) = self.last_task.insert(cpu, now)
            && task != root.task
        {
            const RULE: &str = " ------------------------------------------";
            let width = self.cpu_width;
            writeln!(self.buffer, "{RULE}")?;
            writeln!(
                self.buffer,
                " {:>width$})  {before:^14} =>  {label:^14}",
                cpu.0
            )?;
            writeln!(self.buffer, "{RULE}\n")?;
        }
        Ok(())
    }

    fn start(&mut self, cpu: CpuId, duration: Option<u64>, depth: u32) -> io::Result<()> {
        let width = self.cpu_width;
        write!(self.buffer, " {:>width$}) ", cpu.0)?;
        match duration {
            None => self.buffer.extend_from_slice(b"              |  "),
            Some(ns) => {
                write!(self.buffer, "{} ", mark(ns))?;
                let text = microseconds(ns);
                write!(self.buffer, "{text} us ")?;
                for _ in text.len()..8 {
                    self.buffer.push(b' ');
                }
                self.buffer.extend_from_slice(b"|  ");
            }
        }
        for _ in 0..depth {
            self.buffer.extend_from_slice(b"  ");
        }
        Ok(())
    }

    fn opening(&mut self, call: &Call) -> io::Result<()> {
        self.start(call.cpu, None, call.depth)?;
        let name = name(self.functions, call);
        writeln!(self.buffer, "{name}() {{")
    }

    fn leaf(&mut self, call: &Call) -> io::Result<()> {
        self.start(call.cpu, call.duration().map(|span| span.0), call.depth)?;
        let name = name(self.functions, call);
        write!(self.buffer, "{name}();")?;
        if let Some(remark) = self.remark(call) {
            // The colon stands behind a name, and here is none.
            let remark = remark.strip_prefix(':').unwrap_or(&remark);
            write!(self.buffer, " /*{remark} */")?;
        }
        writeln!(self.buffer)
    }

    fn closing(&mut self, call: &Call) -> io::Result<()> {
        let cpu = match call.closed {
            Closed::Returned { cpu, .. } => cpu,
            _ => call.cpu,
        };
        if call.closed == Closed::Open {
            return Ok(());
        }
        self.start(cpu, call.duration().map(|span| span.0), call.depth)?;
        let name = name(self.functions, call);
        match self.remark(call) {
            Some(remark) => writeln!(self.buffer, "}} /* {name}{remark} */"),
            None if self.options.tail => writeln!(self.buffer, "}} /* {name} */"),
            None => writeln!(self.buffer, "}}"),
        }
    }

    fn gap(&mut self, depth: u32, lost: u64, cpu: CpuId) -> io::Result<()> {
        self.start(cpu, None, depth)?;
        writeln!(self.buffer, "/* gap: {lost} events lost */")
    }

    fn end(&mut self, root: &RootCall) -> io::Result<()> {
        let words = match root.end {
            End::Returned => return Ok(()),
            End::Died => "the task died here",
            End::Lost => "the end of this call was lost",
            End::Cut => "tracing ended here",
        };
        let cpu = root.nodes.last().map_or(CpuId(0), |node| match node {
            Node::Call(call) => call.cpu,
            Node::Gap { cpu, .. } => *cpu,
        });
        self.start(cpu, None, 0)?;
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
        let returns = self
            .functions
            .get(call.function)
            .and_then(|info| info.returns.as_ref());
        match (self.options.values, returns) {
            (Values::Hidden, _) => None,
            (Values::Hex, _) | (_, None) => Some(format!("{value:#x}")),
            (Values::Typed, Some(returns)) => {
                value::format_return(Some(returns), value, Style::Typed)
            }
        }
    }
}

fn name(functions: &FunctionTable, call: &Call) -> String {
    functions.get(call.function).map_or_else(
        || format!("unknown+{:#x}", call.function.0),
        |info| info.name.clone(),
    )
}

/// `trace_find_mark` (kernel/trace/trace_output.c).
fn mark(ns: u64) -> char {
    match ns {
        1_000_000_001.. => '$',
        100_000_001.. => '@',
        10_000_001.. => '*',
        1_000_001.. => '#',
        100_001.. => '!',
        10_001.. => '+',
        _ => ' ',
    }
}

/// `trace_print_graph_duration`: seven significant places at most, three of them decimals where there is room.
fn microseconds(ns: u64) -> String {
    let whole = (ns / 1000).to_string();
    if whole.len() >= 7 {
        return whole;
    }
    let decimals = format!("{:03}", ns % 1000);
    // `snprintf` into `8 - len` bytes keeps one less.
    let room = (8 - whole.len() - 1).min(3);
    format!("{whole}.{}", &decimals[..room])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_look_like_the_kernels() {
        assert_eq!(microseconds(333), "0.333");
        assert_eq!(microseconds(168_534), "168.534");
        assert_eq!(microseconds(12_345_678), "12345.67");
        assert_eq!(microseconds(1_234_567_890), "1234567");
    }

    #[test]
    fn marks_begin_above_their_limits() {
        assert_eq!(mark(10_000), ' ');
        assert_eq!(mark(10_001), '+');
        assert_eq!(mark(172_112), '!');
        assert_eq!(mark(2_000_000_000), '$');
    }
}
