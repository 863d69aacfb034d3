//! Which of the registers x0 to x7 an instruction reads and writes, and whether the next one
//! follows it.
//!
//! The tables are those of "A64 instruction set encoding" in the Arm Architecture Reference Manual:
//! four bits say which group an instruction is of, and within a group registers always stand in the
//! same places. Instructions on vectors and floating-point numbers, which the kernel keeps to a few
//! functions, are not understood.

/// A set of the registers x0 to x7, a bit for each.
type Registers = u32;

/// What an instruction does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) reads: Registers,
    pub(super) writes: Registers,
}

impl Effect {
    const fn new(reads: Registers, writes: Registers) -> Self {
        Self { reads, writes }
    }
}

/// So many bits of an instruction from the one with that number on.
const fn bits(word: u32, from: u32, count: u32) -> u32 {
    word >> from & ((1 << count) - 1)
}

/// The register whose number stands at bit `from`, if it is one of the eight.
const fn register(word: u32, from: u32) -> Registers {
    let number = bits(word, from, 5);
    if number < 8 { 1 << number } else { 0 }
}

/// The register after that one, of a pair.
const fn next(word: u32, from: u32) -> Registers {
    let number = bits(word, from, 5) + 1;
    if number < 8 { 1 << number } else { 0 }
}

/// What an instruction does that is followed by the next one, conditional branches among them; none
/// of one that is not, and of what is not understood.
pub(super) const fn effect(word: u32) -> Option<Effect> {
    match bits(word, 25, 4) {
        0b1000 | 0b1001 => immediate(word),
        0b1010 | 0b1011 => branch_or_system(word),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => load_or_store(word),
        0b0101 | 0b1101 => between_registers(word),
        _ => None,
    }
}

/// Rd, Rn, Rm and Ra, or Rt, Rn, Rs or Rm, and Rt2: where they stand.
const D: u32 = 0;
const N: u32 = 5;
const A: u32 = 10;
const M: u32 = 16;

const fn immediate(word: u32) -> Option<Effect> {
    let (d, n) = (register(word, D), register(word, N));
    Some(match bits(word, 23, 3) {
        // ADR, ADRP.
        0 | 1 => Effect::new(0, d),
        // MOVK keeps the rest, MOVN and MOVZ do not.
        5 => Effect::new(if bits(word, 29, 2) == 3 { d } else { 0 }, d),
        // BFM keeps the rest, SBFM and UBFM do not.
        6 => Effect::new(if bits(word, 29, 2) == 1 { n | d } else { n }, d),
        // EXTR.
        7 => Effect::new(n | register(word, M), d),
        // ADD, SUB and the logical ones.
        _ => Effect::new(n, d),
    })
}

const fn branch_or_system(word: u32) -> Option<Effect> {
    let t = register(word, D);
    Some(match bits(word, 24, 8) {
        // B.cond.
        0x54 => Effect::new(0, 0),
        // CBZ, CBNZ, TBZ, TBNZ.
        0x34..=0x37 | 0xb4..=0xb7 => Effect::new(t, 0),
        // MRS and SYSL, or MSR, SYS, hints and barriers, where x31 stands in the place.
        0xd5 if bits(word, 22, 2) == 0 => {
            if bits(word, 21, 1) == 1 {
                Effect::new(0, t)
            } else {
                Effect::new(t, 0)
            }
        }
        _ => return None,
    })
}

const fn load_or_store(word: u32) -> Option<Effect> {
    let is_vector = bits(word, 26, 1) == 1;
    // Of a vector's only the address is in such a register.
    let (t, second) = match is_vector {
        true => (0, 0),
        false => (register(word, D), register(word, A)),
    };
    let (n, m) = (register(word, N), register(word, M));
    Some(match bits(word, 28, 2) {
        0 if is_vector => Effect::new(n | m, n),
        0 => exclusive(word),
        1 if bits(word, 24, 1) == 0 => Effect::new(0, t),
        // LDAPUR and STLUR, and tags, all of which read.
        1 if bits(word, 21, 1) == 0 && bits(word, 22, 2) != 0 => Effect::new(n, t),
        1 => Effect::new(n | t, n),
        2 => {
            // Without an index, or with one that is written to the address before or after.
            let address = if bits(word, 23, 1) == 1 { n } else { 0 };
            if bits(word, 22, 1) == 1 {
                Effect::new(n, t | second | address)
            } else {
                Effect::new(n | t | second, address)
            }
        }
        _ => single(word, t, n, m),
    })
}

/// LDR, STR and their like, of one register.
const fn single(word: u32, t: Registers, n: Registers, m: Registers) -> Effect {
    let (index, address) = match (bits(word, 24, 1), bits(word, 21, 1), bits(word, 10, 2)) {
        (1, ..) => (0, 0),
        // With an index that is written to the address before or after.
        (_, 0, 1 | 3) => (0, n),
        (_, 0, _) => (0, 0),
        // Atomics on memory: what is written there stands in Rs.
        (_, _, 0) => return Effect::new(n | m, t),
        (_, _, 2) => (m, 0),
        // LDRAA, LDRAB.
        _ => return Effect::new(n, t | n),
    };
    match bits(word, 22, 2) {
        0 => Effect::new(n | index | t, address),
        // PRFM: what stands in the place of Rt is no register.
        2 if bits(word, 30, 2) == 3 => Effect::new(n | index, 0),
        _ => Effect::new(n | index, t | address),
    }
}

/// LDXR, STXR, LDAR, STLR, CAS and their pairs.
const fn exclusive(word: u32) -> Effect {
    let (t, n, s, second) = (
        register(word, D),
        register(word, N),
        register(word, M),
        register(word, A),
    );
    let is_load = bits(word, 22, 1) == 1;
    match (bits(word, 23, 1), bits(word, 21, 1)) {
        // CAS: what is expected stands in Rs, and what was found goes there.
        (1, 1) => Effect::new(n | t | s, s),
        // CASP.
        (0, 1) if bits(word, 31, 1) == 0 => {
            let (new, expected) = (t | next(word, D), s | next(word, M));
            Effect::new(n | new | expected, expected)
        }
        (0, 1) if is_load => Effect::new(n, t | second),
        (0, 1) => Effect::new(n | t | second, s),
        (_, _) if is_load => Effect::new(n, t),
        (0, _) => Effect::new(n | t, s),
        _ => Effect::new(n | t, 0),
    }
}

const fn between_registers(word: u32) -> Option<Effect> {
    let (d, n, m) = (register(word, D), register(word, N), register(word, M));
    if bits(word, 28, 1) == 0 {
        // ADD, SUB and the logical ones.
        return Some(Effect::new(n | m, d));
    }
    Some(match bits(word, 21, 4) {
        // ADC and SBC; RMIF and SETF have no result.
        0 if bits(word, 10, 6) == 0 => Effect::new(n | m, d),
        0 => Effect::new(n, 0),
        // CCMP and CCMN, with a number or with a register.
        2 if bits(word, 11, 1) == 1 => Effect::new(n, 0),
        2 => Effect::new(n | m, 0),
        4 => Effect::new(n | m, d),
        // One source; PAC and AUT keep what they sign.
        6 if bits(word, 30, 1) == 1 && bits(word, 16, 5) == 1 => Effect::new(n | d, d),
        6 if bits(word, 30, 1) == 1 => Effect::new(n, d),
        6 => Effect::new(n | m, d),
        // MADD and its like.
        8..=15 => Effect::new(n | m | register(word, A), d),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn registers_are_where_the_manual_has_them() {
        let cases: &[(u32, Registers, Registers)] = &[
            (0xaa01_03e0, 0b10, 0b1),            // mov x0, x1
            (0x8b02_0020, 0b110, 0b1),           // add x0, x1, x2
            (0x9100_43e1, 0, 0b10),              // add x1, sp, #0x10
            (0xf940_0403, 0b1, 0b1000),          // ldr x3, [x0, #8]
            (0xf900_0402, 0b101, 0),             // str x2, [x0, #8]
            (0xa9bf_0fe2, 0b1100, 0),            // stp x2, x3, [sp, #-16]!
            (0xa8c1_0fe2, 0, 0b1100),            // ldp x2, x3, [sp], #16
            (0xf800_8420, 0b11, 0b10),           // str x0, [x1], #8
            (0xb400_0004, 0b1_0000, 0),          // cbz x4, .
            (0x5280_0005, 0, 0b10_0000),         // mov w5, #0
            (0xf280_0005, 0b10_0000, 0b10_0000), // movk x5, #0
            (0xd538_4100, 0, 0b1),               // mrs x0, sp_el0
            (0xd518_4100, 0b1, 0),               // msr sp_el0, x0
            (0xd503_233f, 0, 0),                 // paciasp
            (0xd503_201f, 0, 0),                 // nop
            (0x9b02_0c20, 0b1110, 0b1),          // madd x0, x1, x2, x3
            (0xb821_0002, 0b11, 0b100),          // ldadd w1, w2, [x0]
            (0x885f_7c01, 0b1, 0b10),            // ldxr w1, [x0]
            (0x8802_7c01, 0b11, 0b100),          // stxr w2, w1, [x0]
            (0xc8a1_7c02, 0b111, 0b10),          // cas x1, x2, [x0]
            (0xfa41_0800, 0b1, 0),               // ccmp x0, #1, #0, eq
            (0x9a81_0040, 0b110, 0b1),           // csel x0, x2, x1, eq
            (0xf8a1_6801, 0b11, 0),              // prfm pldl1strm, [x0, x1]
        ];
        for &(word, reads, writes) in cases {
            assert_eq!(effect(word), Some(Effect { reads, writes }), "{word:#010x}");
        }
    }

    #[test]
    fn what_does_not_go_on_has_no_effect() {
        for word in [
            0x1400_0000, // b .
            0x9400_0000, // bl .
            0xd65f_03c0, // ret
            0xd61f_0000, // br x0
            0xd421_0000, // brk #0x800
            0x0000_0000, // udf #0
            0x4e22_1c20, // and v0.16b, v1.16b, v2.16b
        ] {
            assert_eq!(effect(word), None, "{word:#010x}");
        }
    }

    proptest! {
        #[test]
        fn only_argument_registers_are_named(word: u32) {
            let Effect { reads, writes } = effect(word).unwrap_or_default();
            prop_assert!(reads < 1 << 8 && writes < 1 << 8);
        }
    }
}
