//! Numbers of processes and tasks, as a PID namespace has them and as the kernel has them.
//!
//! Everything in the kernel that has a number of a task (BPF's `bpf_get_current_pid_tgid`, the function tracer's `set_ftrace_pid`) has that of
//! the initial PID namespace. What the user types, `fork` answers and /proc shows are numbers of the namespace in which tracer
//! runs: in a container another number, or somebody else's. So all numbers are made the kernel's before they are used, and those
//! that are printed are the kernel's, too.
//!
//! The kernel is asked with an iterator over tasks (BPF_TRACE_ITER, 5.8+), which walks those of the reader's namespace (task_seq_get_next,
//! kernel/bpf/task_iter.c) and hands each to a program of a few instructions. That takes a millisecond, and is done in a
//! PID namespace only.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use aya_obj::generated::{
    BPF_ADD, BPF_ALU64, BPF_CALL, BPF_DW, BPF_EXIT, BPF_JEQ, BPF_JMP, BPF_K, BPF_LDX, BPF_MEM,
    BPF_MOV, BPF_MUL, BPF_STX, BPF_W, BPF_X, bpf_insn,
};

use super::btf::Types;
use crate::attach::iterator;

/// The initial PID namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const INITIAL: u64 = 0xefff_fffc;

/// What the iterator's kind is called in the kernel's types.
const ITERATOR: &str = "bpf_iter_task";

/// Numbers cannot be made the kernel's.
#[derive(Debug, thiserror::Error)]
#[error(
    "tracer runs in a PID namespace, and the kernel does not say which tasks its numbers mean: {0}; run tracer outside of the \
     container, or in one with the host's processes (--pid=host)"
)]
pub struct NumbersError(io::Error);

/// A task that can be seen from the namespace in which tracer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Task {
    /// Its number there.
    here: u32,
    /// Its number in the initial namespace.
    task: u32,
    /// The number of its process in the initial namespace.
    process: u32,
}

/// How numbers are made the kernel's. What comes later is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Option<Vec<Task>>);

/// Which PID namespace tracer runs in, if it is not the initial one, by the number of its inode.
#[must_use]
pub fn namespace() -> Option<u64> {
    namespace_of("self").filter(|&namespace| namespace != INITIAL)
}

/// Which PID namespace a process of /proc runs in.
#[must_use]
pub fn namespace_of(process: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{process}/ns/pid")).ok()?.ino())
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
            let program = program(types).ok_or(io::ErrorKind::Unsupported)?;
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

/// Three numbers a task, as [`program`] writes them.
fn parse(bytes: &[u8]) -> Vec<Task> {
    let (words, _) = bytes.as_chunks::<4>();
    let (tasks, _) = words.as_chunks::<3>();
    tasks
        .iter()
        .map(|task| {
            let [here, task, process] = task.map(u32::from_ne_bytes);
            Task {
                here,
                task,
                process,
            }
        })
        .collect()
}

/// Writes the three numbers of a [`Task`] for each. A task has a number in its own namespace and in each above
/// (`struct pid`, include/linux/pid.h), of which the one at the level of the reader is meant. None if the kernel's types say
/// nothing of that.
fn program(types: &Types) -> Option<Vec<bpf_insn>> {
    const NULL_CHECK: usize = 1;
    let offset = |structure, member| {
        let offset = types.member_offset(structure, member)?;
        i32::try_from(offset).ok()
    };
    let short = |offset: i32| i16::try_from(offset).ok();
    let thread_pid = offset("task_struct", "thread_pid")?;
    let level = offset("pid", "level")?;
    let numbers = offset("pid", "numbers")? + offset("upid", "nr")?;
    let number_bytes = i32::try_from(types.size_of("upid")?).ok()?;
    // What is on the stack, below the frame pointer.
    let (here, task, process, pid, levels) = (-12, -8, -4, -24, -32);
    let mut program = vec![
        // The context has two pointers (struct bpf_iter__task): what is common to all, and the task, which is null at the end.
        load(BPF_DW, TASK, 1, 8),
        jump_if_zero(TASK),
        load(BPF_DW, SEQUENCE, 1, 0),
        load(BPF_DW, SEQUENCE, SEQUENCE, 0),
        load(BPF_W, 1, TASK, short(offset("task_struct", "pid")?)?),
        store(FRAME, task, 1),
        load(BPF_W, 1, TASK, short(offset("task_struct", "tgid")?)?),
        store(FRAME, process, 1),
        call(GET_CURRENT_TASK),
        copy(3, 0),
        add(3, thread_pid),
    ];
    read_kernel(&mut program, pid, 8);
    program.extend([load(BPF_DW, 3, FRAME, pid), add(3, level)]);
    read_kernel(&mut program, levels, 4);
    program.extend([copy(3, TASK), add(3, thread_pid)]);
    read_kernel(&mut program, pid, 8);
    program.extend([
        load(BPF_DW, 3, FRAME, pid),
        load(BPF_W, 1, FRAME, levels),
        alu(BPF_MUL | BPF_K, 1, 0, number_bytes),
        alu(BPF_ADD | BPF_X, 3, 1, 0),
        add(3, numbers),
    ]);
    read_kernel(&mut program, here, 4);
    program.extend([
        copy(1, SEQUENCE),
        copy(2, FRAME),
        add(2, i32::from(here)),
        alu(BPF_MOV | BPF_K, 3, 0, 12),
        call(SEQ_WRITE),
        alu(BPF_MOV | BPF_K, 0, 0, 0),
        instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    ]);
    // Two instructions stand at the end.
    program[NULL_CHECK].off = i16::try_from(program.len() - NULL_CHECK - 3).ok()?;
    Some(program)
}

/// Registers: the task, where what is written goes, and the frame pointer.
const TASK: u8 = 6;
const SEQUENCE: u8 = 7;
const FRAME: u8 = 10;

/// Helpers (include/uapi/linux/bpf.h).
const GET_CURRENT_TASK: i32 = 35;
const PROBE_READ_KERNEL: i32 = 113;
const SEQ_WRITE: i32 = 127;

/// Reads what register 3 points to onto the stack.
fn read_kernel(program: &mut Vec<bpf_insn>, place: i16, bytes: i32) {
    program.extend([
        copy(1, FRAME),
        add(1, i32::from(place)),
        alu(BPF_MOV | BPF_K, 2, 0, bytes),
        call(PROBE_READ_KERNEL),
    ]);
}

fn load(size: u32, to: u8, from: u8, offset: i16) -> bpf_insn {
    instruction(BPF_LDX | BPF_MEM | size, to, from, offset, 0)
}

fn store(to: u8, offset: i16, from: u8) -> bpf_insn {
    instruction(BPF_STX | BPF_MEM | BPF_W, to, from, offset, 0)
}

fn copy(to: u8, from: u8) -> bpf_insn {
    alu(BPF_MOV | BPF_X, to, from, 0)
}

fn add(to: u8, number: i32) -> bpf_insn {
    alu(BPF_ADD | BPF_K, to, 0, number)
}

fn alu(operation: u32, to: u8, from: u8, number: i32) -> bpf_insn {
    instruction(BPF_ALU64 | operation, to, from, 0, number)
}

fn call(helper: i32) -> bpf_insn {
    instruction(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
}

/// Where it goes is put in later.
fn jump_if_zero(register: u8) -> bpf_insn {
    instruction(BPF_JMP | BPF_JEQ | BPF_K, register, 0, 0, 0)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "operation codes have eight bits"
)]
fn instruction(code: u32, to: u8, from: u8, offset: i16, number: i32) -> bpf_insn {
    let registers = bpf_insn::new_bitfield_1(to, from);
    bpf_insn {
        code: code as u8,
        _bitfield_align_1: [],
        _bitfield_1: registers,
        off: offset,
        imm: number,
    }
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
