//! The program that an iterator runs for each task: some forty instructions, put together here
//! because they need the offsets of the running kernel's types and nothing else of the eBPF object,
//! whose maps take megabytes.

use aya_obj::generated::{
    BPF_ADD, BPF_ALU64, BPF_CALL, BPF_DW, BPF_EXIT, BPF_JEQ, BPF_JMP, BPF_K, BPF_LDX, BPF_MEM,
    BPF_MOV, BPF_MUL, BPF_STX, BPF_W, BPF_X, bpf_insn,
};

use crate::kernel::btf::Types;

/// Writes the three numbers of a [`super::Entry`] for each. A task has a number in its own
/// namespace and in each above (`struct pid`, include/linux/pid.h), of which the one at the level
/// of the reader is meant. None if the kernel's types say nothing of that.
pub(super) fn make(types: &Types) -> Option<Vec<bpf_insn>> {
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
        // The context has two pointers (struct bpf_iter__task): what is common to all, and the
        // task, which is null at the end.
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
