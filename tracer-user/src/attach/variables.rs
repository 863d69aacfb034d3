//! The kernel's variables that the eBPF side reads.
//!
//! The object file has a number in place of each (`tracer_common::stand_in`), because aya does not know variables of the kernel. What is meant
//! is its type id, marked as one (BPF_PSEUDO_BTF_ID, check_pseudo_btf_id in kernel/bpf/verifier.c, 5.8+). It is put in before anybody parses the
//! object, so that aya and [`super::instructions`] see the same.

use aya_obj::generated::{BPF_DW, BPF_IMM, BPF_LD, BPF_PSEUDO_BTF_ID};
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

    /// Makes every load of `number` one of the address of the variable with that type id. Instructions have 8 bytes: two words are one such load.
    pub fn put_variable(&mut self, number: u64, type_id: u32) {
        for at in 1..self.0.len() {
            if let Some(register) = loads(self.0[at - 1], self.0[at], number) {
                self.0[at - 1] = u64::from(LOAD)
                    | u64::from(register) << 8
                    | u64::from(BPF_PSEUDO_BTF_ID) << 12
                    | u64::from(type_id) << 32;
                self.0[at] = 0;
            }
        }
    }
}

/// The instruction that loads 64 bits.
const LOAD: u32 = BPF_LD | BPF_IMM | BPF_DW;

/// The register, if the two words are a load of `number`: opcode, registers, offset, and half of the number in each.
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
}
