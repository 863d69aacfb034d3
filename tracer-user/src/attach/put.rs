//! Settings of one copy of a program: constants in its text.
//!
//! A load of 64 bits is two instructions, each with half of the number. One whose number is a
//! placeholder becomes a load of what is meant: a number, or the address of the only element of an
//! array (BPF_PSEUDO_MAP_VALUE, 5.2+). A comparison has its number in the one instruction.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use aya_obj::generated::{
    BPF_DW, BPF_IMM, BPF_JGE, BPF_JMP, BPF_LD, BPF_PSEUDO_MAP_VALUE, bpf_insn,
};

/// Makes every load of `number` one of another number.
#[allow(clippy::cast_possible_truncation, reason = "halves")]
pub(super) fn put_number(instructions: &mut [bpf_insn], number: u64, meant: u64) {
    replace(instructions, number, 0, meant as i32, (meant >> 32) as i32);
}

/// Makes every jump if a register is not less than `number` one that compares it with `meant`.
pub(super) fn put_compared(instructions: &mut [bpf_insn], number: i32, meant: u64) {
    for one in instructions {
        if u32::from(one.code) == BPF_JMP | BPF_JGE && one.imm == number {
            // The kernel extends the sign.
            one.imm = i32::try_from(meant).unwrap_or(i32::MAX);
        }
    }
}

/// Makes every load of `number` one of the address of the only element of an array.
pub(super) fn put_memory(instructions: &mut [bpf_insn], number: u64, map: BorrowedFd<'_>) {
    #[allow(clippy::cast_possible_truncation, reason = "1 or 2")]
    let kind = BPF_PSEUDO_MAP_VALUE as u8;
    replace(instructions, number, kind, map.as_raw_fd(), 0);
}

fn replace(instructions: &mut [bpf_insn], number: u64, kind: u8, low: i32, high: i32) {
    for at in 1..instructions.len() {
        if loads(instructions[at - 1], instructions[at], number) {
            instructions[at - 1].set_src_reg(kind);
            instructions[at - 1].imm = low;
            instructions[at].imm = high;
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "halves")]
fn loads(first: bpf_insn, second: bpf_insn, number: u64) -> bool {
    u32::from(first.code) == BPF_LD | BPF_IMM | BPF_DW
        && first.src_reg() == 0
        && second.code == 0
        && first.imm == number as i32
        && second.imm == (number >> 32) as i32
}

#[cfg(test)]
mod tests {
    use tracer_common::count::placeholder;

    use super::*;

    fn load(number: u64) -> [bpf_insn; 2] {
        let mut halves = [bpf_insn {
            code: 0x18,
            _bitfield_align_1: [],
            _bitfield_1: bpf_insn::new_bitfield_1(3, 0),
            off: 0,
            imm: 0,
        }; 2];
        halves[1].code = 0;
        halves[1]._bitfield_1 = bpf_insn::new_bitfield_1(0, 0);
        halves[0].imm = i32::try_from(number & 0xffff_ffff).unwrap();
        halves[1].imm = i32::try_from(number >> 32).unwrap();
        halves
    }

    #[test]
    fn a_stand_in_becomes_what_is_meant() {
        let mut program = [load(placeholder::ROOT), load(placeholder::LIMIT)].concat();
        put_number(&mut program, placeholder::ROOT, 0x1_0000_0007);
        assert_eq!((program[0].imm, program[1].imm), (7, 1));
        assert_eq!(program[0].src_reg(), 0);
        assert_eq!(program[2].imm, load(placeholder::LIMIT)[0].imm);
    }
}
