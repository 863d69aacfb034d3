//! Which of the two sets of probes a probe belongs to.
//!
//! See [`tracer_common::generation`]: a root call is recorded by the probes of one side, and those
//! of the other do not see it. A program learns its side from its own instructions, so each side
//! has copies.

use aya_obj::generated::{BPF_DW, BPF_IMM, BPF_LD, BPF_LDX, BPF_MEM, BPF_W, bpf_insn};
use tracer_common::{generation, placeholder};

use super::controls::GATE_WORDS;

/// One of the sets of probes that can be attached at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// That of the even generations.
    #[default]
    Even,
    /// That of the odd generations, so of the first.
    Odd,
}

impl Side {
    /// Both.
    pub const ALL: [Self; generation::SIDES] = [Self::Even, Self::Odd];

    /// The side of a generation.
    #[must_use]
    pub const fn of(generation: u64) -> Self {
        match generation::side(generation) {
            0 => Self::Even,
            _ => Self::Odd,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Even => Self::Odd,
            Self::Odd => Self::Even,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Even => 0,
            Self::Odd => 1,
        }
    }

    /// Makes a program one of this side: it reads the side's word of the gate.
    pub(super) fn put_into(self, instructions: &mut [bpf_insn]) {
        let word = GATE_WORDS + i16::from(self.number()) * 4;
        for at in 0..instructions.len() {
            let one = instructions[at];
            if is(one, BPF_LDX | BPF_MEM | BPF_W) && one.off == placeholder::GATE_WORD {
                instructions[at].off = word;
            }
            if at + 1 < instructions.len() && loads_side(one, instructions[at + 1]) {
                instructions[at].imm = i32::from(self.number());
                instructions[at + 1].imm = 0;
            }
        }
    }
}

fn is(instruction: bpf_insn, code: u32) -> bool {
    u32::from(instruction.code) == code
}

/// Whether the two are a load of [`placeholder::SIDE`], which is the same in both halves.
fn loads_side(first: bpf_insn, second: bpf_insn) -> bool {
    #[allow(clippy::cast_possible_truncation, reason = "one half of the number")]
    let half = placeholder::SIDE as i32;
    is(first, BPF_LD | BPF_IMM | BPF_DW) && first.imm == half && second.imm == half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(code: u32, off: i16, imm: i32) -> bpf_insn {
        bpf_insn {
            code: u8::try_from(code).unwrap(),
            _bitfield_align_1: [],
            _bitfield_1: bpf_insn::new_bitfield_1(1, 2),
            off,
            imm,
        }
    }

    #[test]
    fn a_program_gets_its_side() {
        let half = i32::try_from(placeholder::SIDE >> 32).unwrap();
        let program = [
            instruction(BPF_LDX | BPF_MEM | BPF_W, placeholder::GATE_WORD, 0),
            instruction(BPF_LDX | BPF_MEM | BPF_W, 8, 0),
            instruction(BPF_LD | BPF_IMM | BPF_DW, 0, half),
            instruction(0, 0, half),
        ];
        for (side, word, number) in [(Side::Even, 8, 0), (Side::Odd, 12, 1)] {
            let mut program = program;
            side.put_into(&mut program);
            assert_eq!(program.map(|one| one.off), [word, 8, 0, 0]);
            assert_eq!(program.map(|one| one.imm), [0, 0, number, 0]);
        }
        assert_eq!(Side::of(1), Side::Odd);
        assert_eq!(Side::of(2), Side::Odd.other());
    }
}
