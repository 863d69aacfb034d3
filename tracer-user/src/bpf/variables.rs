//! The kernel's variables that the eBPF side reads.
//!
//! The object file has a number in place of each (`tracer_common::placeholder`), because aya does
//! not know variables of the kernel. What is meant is its type id, marked as one
//! (BPF_PSEUDO_BTF_ID, check_pseudo_btf_id in kernel/bpf/verifier.c, 5.8+). It is put in before
//! anybody parses the object, so that aya and [`super::instructions`] see the same.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use aya_obj::generated::{
    BPF_ALU64, BPF_AND, BPF_DW, BPF_IMM, BPF_JGE, BPF_JMP, BPF_JSET, BPF_LD, BPF_LDX, BPF_MEM,
    BPF_PSEUDO_BTF_ID, BPF_PSEUDO_MAP_VALUE, BPF_W,
};
use zerocopy::IntoBytes as _;

/// The object file, aligned as its parser wants it.
pub struct Object(Vec<u64>);

impl Object {
    /// A copy of an object file, whose length is a multiple of 8 or else filled up with zeros.
    pub fn new(object: &[u8]) -> Self {
        let words = object.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Self(words.collect())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Makes every load of `number` one of the address of the variable with that type id.
    pub fn put_variable(&mut self, number: u64, type_id: u32) {
        self.put(number, BPF_PSEUDO_BTF_ID, type_id, 0);
    }

    /// Makes every load of `number` one of the address of the only element of an array.
    pub fn put_memory(&mut self, number: u64, array: BorrowedFd<'_>) {
        let descriptor = array.as_raw_fd().cast_unsigned();
        self.put(number, BPF_PSEUDO_MAP_VALUE, descriptor, 0);
    }

    /// Makes every load of `number` one of another number.
    #[allow(clippy::cast_possible_truncation)]
    pub fn put_number(&mut self, number: u64, meant: u64) {
        self.put(number, 0, meant as u32, (meant >> 32) as u32);
    }

    /// Makes every reading of 32 bits at `number` from a register one at `offset`.
    pub fn put_offset(&mut self, number: i16, offset: u64) {
        for word in &mut self.0 {
            if is_read(*word, number) {
                *word = *word & !OFFSET | (offset << OFFSET.trailing_zeros()) & OFFSET;
            }
        }
    }

    /// Makes every `&=` with `number` one with `mask`.
    pub fn put_mask(&mut self, number: i32, mask: u32) {
        for word in &mut self.0 {
            if is_mask(*word, number) {
                *word = *word & u64::from(u32::MAX) | u64::from(mask) << 32;
            }
        }
    }

    /// Makes every comparison of a register with `number`, and every question for its bits, one
    /// with `meant`.
    pub fn put_compared(&mut self, number: i32, meant: u32) {
        for word in &mut self.0 {
            if is_comparison(*word, number) {
                *word = *word & u64::from(u32::MAX) | u64::from(meant) << 32;
            }
        }
    }

    /// Replaces every load of `number`. Instructions have 8 bytes: two words are one such load.
    /// `kind` says what the two halves mean.
    fn put(&mut self, number: u64, kind: u32, low: u32, high: u32) {
        for at in 1..self.0.len() {
            if let Some(register) = loads(self.0[at - 1], self.0[at], number) {
                self.0[at - 1] = u64::from(LOAD)
                    | u64::from(register) << 8
                    | u64::from(kind) << 12
                    | u64::from(low) << 32;
                self.0[at] = u64::from(high) << 32;
            }
        }
    }
}

/// The instruction that loads 64 bits.
const LOAD: u32 = BPF_LD | BPF_IMM | BPF_DW;

/// Where the offset is in an instruction.
const OFFSET: u64 = 0xffff_0000;

/// Whether it reads 32 bits at that offset from a register, and does nothing else.
fn is_read(word: u64, offset: i16) -> bool {
    let code = u64::from(BPF_LDX | BPF_MEM | BPF_W);
    let [low, high] = offset.to_le_bytes();
    word & !0xff00 == code | u64::from(low) << 16 | u64::from(high) << 24
}

/// Whether it leaves those bits of a register that are in the number, and does nothing else.
fn is_mask(word: u64, number: i32) -> bool {
    let code = u64::from(BPF_ALU64 | BPF_AND);
    word & !0x0f00 == code | u64::from(number.cast_unsigned()) << 32
}

/// Whether it jumps if a register is not less than the number, or has one of its bits.
fn is_comparison(word: u64, number: i32) -> bool {
    let code = word & 0xff;
    let is_jump = [BPF_JGE, BPF_JSET].map(|it| u64::from(BPF_JMP | it));
    is_jump.contains(&code) && word >> 32 == u64::from(number.cast_unsigned())
}

/// The register, if the two words are a load of `number`: opcode, registers, offset, and half of
/// the number in each.
fn loads(first: u64, second: u64, number: u64) -> Option<u32> {
    let (low, high) = (number & 0xffff_ffff, number >> 32);
    #[allow(clippy::cast_possible_truncation)]
    let head = first as u32;
    let register = head >> 8;
    let is_load = head & 0xff == LOAD && register < 16;
    (is_load && first >> 32 == low && second == high << 32).then_some(register)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_becomes_a_variable() {
        // r1 = 0x1122334455667788 ll; r2 = 7 ll
        let object = [
            0x18, 1, 0, 0, 0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, //
            0x18, 2, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
        ];
        let mut object = Object::new(&object);
        let before = object.bytes().to_vec();
        object.put_variable(0x1122_3344_5566_7799, 5);
        assert_eq!(object.bytes(), before);
        object.put_variable(0x1122_3344_5566_7788, 0x0102_0304);
        let (changed, rest) = object.bytes().split_at(16);
        assert_eq!(
            changed,
            [0x18, 0x31, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(rest, &before[16..]);
        assert_eq!(rest.len(), 24);
    }

    #[test]
    fn a_number_becomes_another() {
        // r1 = 0x1122334455667788 ll; r2 = *(u32 *)(r0 + 0x7472); r2 = *(u64 *)(r0 + 0x7472)
        let object = [
            0x18, 1, 0, 0, 0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, //
            0x61, 2, 0x72, 0x74, 0, 0, 0, 0, 0x79, 2, 0x72, 0x74, 0, 0, 0, 0,
        ];
        let mut changed = Object::new(&object);
        changed.put_number(0x1122_3344_5566_7788, 0x0102_0304_0506_0708);
        changed.put_offset(0x7472, 0x0a09);
        assert_eq!(
            changed.bytes()[..24],
            [
                0x18, 1, 0, 0, 8, 7, 6, 5, 0, 0, 0, 0, 4, 3, 2, 1, //
                0x61, 2, 9, 0xa, 0, 0, 0, 0
            ]
        );
        assert_eq!(changed.bytes()[24..], object[24..]);
    }

    #[test]
    fn a_mask_becomes_another() {
        // r3 &= 0x74720009; r3 |= 0x74720009
        let object = [
            0x57, 3, 0, 0, 9, 0, 0x72, 0x74, 0x47, 3, 0, 0, 9, 0, 0x72, 0x74,
        ];
        let mut changed = Object::new(&object);
        changed.put_mask(0x7472_0009, 0x001f_c000);
        assert_eq!(changed.bytes()[..8], [0x57, 3, 0, 0, 0, 0xc0, 0x1f, 0]);
        assert_eq!(changed.bytes()[8..], object[8..]);
    }

    #[test]
    fn a_number_that_is_compared_becomes_another() {
        // if r3 >= 0x74720005 goto +2; if r3 & 0x74720005 goto +2; if r3 > 0x74720005 goto +2
        let object = [
            0x35, 3, 2, 0, 5, 0, 0x72, 0x74, 0x45, 3, 2, 0, 5, 0, 0x72, 0x74, //
            0x25, 3, 2, 0, 5, 0, 0x72, 0x74,
        ];
        let mut changed = Object::new(&object);
        changed.put_compared(0x7472_0005, 0x0102_0304);
        assert_eq!(
            changed.bytes()[..16],
            [0x35, 3, 2, 0, 4, 3, 2, 1, 0x45, 3, 2, 0, 4, 3, 2, 1]
        );
        assert_eq!(changed.bytes()[16..], object[16..]);
    }
}
