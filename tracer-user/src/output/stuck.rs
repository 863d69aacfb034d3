//! `tracer stuck`: root calls that have not returned, each with its open functions and for how
//! long they have been open.
//!
//! A task that goes to sleep hands over what it has recorded, so what is open in it is known while
//! it sleeps. Root calls that began before the trace are in none of it: of those the kernel itself
//! knows the stack (`/proc/PID/task/TID/stack`, proc_pid_stack in fs/proc/base.c), without times.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
};

use super::ftrace::task_label;
use crate::{
    model::{FunctionTable, Nanoseconds, OpenRootCall, RootCall, Sink, many},
    values::{escape, span},
};

/// The lines of the functions that are open in a root call, the root's first: how long each has
/// been, by `time`, which knows when it was entered if that was seen, in so many columns.
pub fn open_functions<'a>(
    open: &'a OpenRootCall,
    functions: &'a FunctionTable,
    width: usize,
    time: impl Fn(Option<Nanoseconds>) -> String + 'a,
) -> impl Iterator<Item = String> + 'a {
    let each = open.functions.iter().enumerate();
    each.map(move |(depth, &(function, entered))| {
        let (indent, time) = ("  ".repeat(depth), time(entered));
        let name = escape::visible_owned(functions.name(function));
        format!("{time:>width$}  {indent}{name}")
    })
}

/// A task whose stack has a root.
struct Before {
    task: String,
    tid: u32,
    /// The functions, the outermost first.
    stack: Vec<String>,
}

/// Writes root calls that are open when the trace ends.
pub struct Stuck<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    roots: Vec<String>,
    least: Nanoseconds,
    open: Vec<OpenRootCall>,
}

impl<'a, W: Write> Stuck<'a, W> {
    /// Writes those to `out` that have been open for at least so long. `roots` are the names of the
    /// functions that are looked for in the stacks of tasks.
    pub const fn new(
        out: W,
        functions: &'a FunctionTable,
        roots: Vec<String>,
        least: Nanoseconds,
    ) -> Self {
        Self {
            out,
            functions,
            roots,
            least,
            open: Vec::new(),
        }
    }

    fn write(&mut self, now: Nanoseconds, before: &[Before]) -> io::Result<()> {
        let least = self.least;
        self.open
            .retain(|open| open.since().is_none_or(|since| now.since(since) >= least));
        self.open.sort_by_key(OpenRootCall::since);
        let all = self.open.len() + before.len();
        writeln!(
            self.out,
            "# {} open for {} or longer",
            many(all, "root call"),
            span(least.0)
        )?;
        for task in before {
            let (name, stack) = (&task.task, &task.stack);
            writeln!(self.out, "{name}, since before the trace:")?;
            for (depth, function) in stack.iter().enumerate() {
                let indent = "  ".repeat(depth);
                writeln!(
                    self.out,
                    "{:>15}  {indent}{}",
                    "",
                    escape::visible(function)
                )?;
            }
        }
        for open in &self.open {
            writeln!(
                self.out,
                "{}, on CPU {}:",
                task_label(open.task, &open.comm, open.process),
                open.cpu.0
            )?;
            let time = |entered: Option<Nanoseconds>| {
                entered.map_or_else(String::new, |entered| span(now.since(entered).0))
            };
            for line in open_functions(open, self.functions, 15, time) {
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }
}

impl<W: Write> Sink for Stuck<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.open.extend(OpenRootCall::of(call));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let known: BTreeSet<u32> = self.open.iter().map(|open| open.task.id().0).collect();
        let mut before = stacks(&self.roots);
        before.retain(|task| !known.contains(&task.tid));
        self.write(Nanoseconds::now(), &before)
    }
}

/// The tasks whose stacks have one of these functions, from there on. What cannot be read, or ends
/// meanwhile, is skipped.
fn stacks(roots: &[String]) -> Vec<Before> {
    let entries = |path: &str| fs::read_dir(path).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for process in entries("/proc") {
        let path = process.path().join("task");
        for task in entries(&path.to_string_lossy()) {
            let Some(tid) = task.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let Some(stack) = below_root(&read("stack"), roots) else {
                continue;
            };
            let name = read("comm");
            let name = escape::visible(name.trim_end());
            found.push(Before {
                task: format!("{name}-{tid}"),
                tid,
                stack,
            });
        }
    }
    found
}

/// The functions of a stack as the kernel prints it, `[<0>] name+0x1/0x2 [module]` with the
/// innermost first, from the outermost root on.
fn below_root(stack: &str, roots: &[String]) -> Option<Vec<String>> {
    let name = |line: &str| {
        let name = line.split_whitespace().nth(1)?;
        Some(name.split('+').next().unwrap_or(name).to_owned())
    };
    let mut functions: Vec<String> = stack.lines().filter_map(name).collect();
    functions.reverse();
    let is_root = |function: &String| roots.iter().any(|root| root == function);
    let root = functions.iter().position(is_root)?;
    Some(functions.split_off(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CpuId, FunctionId, TaskId, TaskKey};

    #[test]
    fn a_stack_is_shown_from_the_root_on() {
        let stack = "[<0>] hrtimer_nanosleep+0x99/0x120\n\
                     [<0>] common_nsleep+0x44/0x50\n\
                     [<0>] __x64_sys_clock_nanosleep+0xd3/0x160\n\
                     [<0>] do_syscall_64+0x82/0x190\n";
        let roots = ["__x64_sys_clock_nanosleep".to_owned()];
        assert_eq!(
            below_root(stack, &roots).unwrap(),
            [
                "__x64_sys_clock_nanosleep",
                "common_nsleep",
                "hrtimer_nanosleep"
            ]
        );
        assert_eq!(below_root(stack, &["vfs_read".to_owned()]), None);
        assert_eq!(below_root("", &roots), None);
    }

    #[test]
    fn the_longest_open_one_comes_first() {
        let functions = FunctionTable::default();
        let mut text = Vec::new();
        let mut stuck = Stuck::new(&mut text, &functions, Vec::new(), Nanoseconds(1_000_000));
        let open = |tid: u32, since: u64| OpenRootCall {
            task: TaskKey::Thread(TaskId(tid)),
            comm: *b"task\0\0\0\0\0\0\0\0\0\0\0\0",
            process: None,
            cpu: CpuId(1),
            functions: vec![
                (FunctionId(1), Some(Nanoseconds(since))),
                (FunctionId(2), Some(Nanoseconds(since + 500))),
            ],
        };
        stuck.open = vec![open(1, 4_000_000), open(2, 2_000_000), open(3, 5_900_000)];
        let before = Before {
            task: "old-9".to_owned(),
            tid: 9,
            stack: vec!["vfs_read".to_owned(), "pipe_read".to_owned()],
        };
        stuck.write(Nanoseconds(6_000_000), &[before]).unwrap();
        let expected = "# 3 root calls open for 1.000 ms or longer\n\
            old-9, since before the trace:\n\
            \x20                vfs_read\n\
            \x20                  pipe_read\n\
            task-2, on CPU 1:\n\
            \x20      4.000 ms  unknown+0x1\n\
            \x20      3.999 ms    unknown+0x2\n\
            task-1, on CPU 1:\n\
            \x20      2.000 ms  unknown+0x1\n\
            \x20      1.999 ms    unknown+0x2\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
