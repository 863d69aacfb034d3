//! Numbers of processes and tasks, as a PID namespace has them and as the kernel has them.
//!
//! Everything in the kernel that has a number of a task (BPF's `bpf_get_current_pid_tgid`, the
//! function tracer's `set_ftrace_pid`) has that of the initial PID namespace. What the user types,
//! `fork` answers and /proc shows are numbers of the namespace in which tracer runs: in a container
//! another number, or somebody else's. So all numbers are made the kernel's before they are used,
//! and those that are printed are the kernel's, too.
//!
//! The kernel is asked with an iterator over tasks (BPF_TRACE_ITER, 5.8+), which walks those of the
//! reader's namespace (task_seq_get_next, kernel/bpf/task_iter.c) and hands each to a program of a
//! few instructions. That is done in a PID namespace only.

mod program;

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::btf::Types;
use crate::bpf::iterator;

/// The initial PID namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const INITIAL: u64 = 0xefff_fffc;

/// What the iterator's kind is called in the kernel's types.
const ITERATOR: &str = "bpf_iter_task";

/// Numbers cannot be made the kernel's.
#[derive(Debug, thiserror::Error)]
#[error(
    "tracer runs in a PID namespace, and the kernel does not say which tasks its numbers mean: \
    {0}; run tracer outside of the \
     container, or in one with the host's processes (--pid=host)"
)]
pub struct NumbersError(io::Error);

/// What is known of a task that can be seen from the namespace in which tracer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Its number there.
    here: u32,
    /// Its number in the initial namespace.
    task: u32,
    /// The number of its process in the initial namespace.
    process: u32,
}

/// How numbers are made the kernel's. What comes later is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Option<Vec<Entry>>);

/// Which PID namespace tracer runs in, if it is not the initial one, by the number of its inode.
#[must_use]
pub fn namespace() -> Option<u64> {
    let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
    (namespace != INITIAL).then_some(namespace)
}

impl Numbers {
    /// Those of the initial namespace.
    pub const INITIAL: Self = Self(None);

    /// As they are now.
    pub fn now(types: &Types) -> Result<Self, NumbersError> {
        if namespace().is_none() {
            return Ok(Self::INITIAL);
        }
        let read = || {
            let program = program::make(types).ok_or(io::ErrorKind::Unsupported)?;
            let kind = types
                .function_id(ITERATOR)
                .ok_or(io::ErrorKind::Unsupported)?;
            iterator::read("tracer_numbers", &program, kind)
        };
        let bytes = read().map_err(NumbersError)?;
        Ok(Self(Some(parse(&bytes))))
    }

    /// The kernel's number of a process; none if there is no such process.
    #[must_use]
    pub fn process(&self, here: u32) -> Option<u32> {
        match &self.0 {
            None => Some(here),
            Some(tasks) => {
                let mut leaders = tasks.iter().filter(|task| task.task == task.process);
                Some(leaders.find(|task| task.here == here)?.process)
            }
        }
    }

    /// The kernel's number of a task; none if there is no such task.
    #[must_use]
    pub fn task(&self, here: u32) -> Option<u32> {
        match &self.0 {
            None => Some(here),
            Some(tasks) => Some(tasks.iter().find(|task| task.here == here)?.task),
        }
    }

    /// The process of a task, both by the kernel's numbers; none if there is no such task here.
    #[must_use]
    pub fn process_of(&self, task: u32) -> Option<u32> {
        match &self.0 {
            None => {
                let status = fs::read_to_string(format!("/proc/{task}/status")).ok()?;
                process_in(&status)
            }
            Some(tasks) => Some(tasks.iter().find(|one| one.task == task)?.process),
        }
    }

    /// The tasks of a process, by the kernel's numbers.
    #[must_use]
    pub fn tasks_of(&self, process: u32) -> Vec<u32> {
        match &self.0 {
            None => {
                let tasks = fs::read_dir(format!("/proc/{process}/task"));
                let names = tasks.into_iter().flatten().flatten();
                names
                    .filter_map(|task| task.file_name().to_str()?.parse().ok())
                    .collect()
            }
            Some(tasks) => {
                let its = tasks.iter().filter(|task| task.process == process);
                its.map(|task| task.task).collect()
            }
        }
    }

    /// Whether a process has that task, by the kernel's numbers.
    #[must_use]
    pub fn has_task(&self, process: u32, task: u32) -> bool {
        match &self.0 {
            None => Path::new(&format!("/proc/{process}/task/{task}")).exists(),
            Some(_) => self.process_of(task) == Some(process),
        }
    }
}

/// The process of a task, by its status in /proc.
pub fn process_in(status: &str) -> Option<u32> {
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    process.trim().parse().ok()
}

/// Three numbers a task, as [`program::make`] has them written.
fn parse(bytes: &[u8]) -> Vec<Entry> {
    let (words, _) = bytes.as_chunks::<4>();
    let (tasks, _) = words.as_chunks::<3>();
    tasks
        .iter()
        .map(|task| {
            let [here, task, process] = task.map(u32::from_ne_bytes);
            Entry {
                here,
                task,
                process,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_namespace_become_the_kernels() {
        let words: [u32; 9] = [1, 700, 700, 2, 701, 700, 9, 900, 900];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let numbers = Numbers(Some(parse(&bytes)));
        assert_eq!(numbers.process(1), Some(700));
        // A thread is no process.
        assert_eq!(numbers.process(2), None);
        assert_eq!(numbers.task(2), Some(701));
        assert_eq!(numbers.task(700), None);
        assert_eq!(numbers.process_of(701), Some(700));
        assert_eq!(numbers.tasks_of(700), [700, 701]);
        assert!(numbers.has_task(700, 701) && !numbers.has_task(900, 701));
    }

    #[test]
    fn in_the_initial_namespace_numbers_are_the_kernels() {
        let numbers = Numbers(None);
        let own = std::process::id();
        assert_eq!(numbers.process(own), Some(own));
        assert_eq!(numbers.process_of(own), Some(own));
        assert!(numbers.tasks_of(own).contains(&own) && numbers.has_task(own, own));
    }
}
