//! Machine code: branches and calls; [`entry`] and [`arguments`] are what stands at the beginning
//! of a function.
//!
//! A linear sweep: kernel functions have their jump tables in read-only data, not in between, so
//! instruction follows instruction. Where bytes do not decode, the sweep ends, and what was found
//! before stands.

mod arguments;
mod entry;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};

pub use self::{
    arguments::{BEGINNING_BYTES, arguments_read},
    entry::{ENTRY_BYTES, is_patched, patchable_place},
};
pub use crate::arch::branch::Branches;
use crate::arch::{Address, Branch, BranchKind};

/// Bytes of padding in front of a function that may be called instead of it
/// (CONFIG_FUNCTION_PADDING_BYTES: call thunks live there).
pub const FUNCTION_PADDING: u64 = 16;

/// A static-call trampoline is a jump of five bytes and some that mark it
/// (arch/x86/include/asm/static_call.h).
pub const TRAMPOLINE_BYTES: usize = 8;

/// Whether it goes wherever a register says (arch/x86/lib/retpoline.S).
pub fn is_indirect_thunk(name: &str) -> bool {
    name.starts_with("__x86_indirect_")
}

/// What compilers, mitigations and tracers put into functions.
pub fn is_machinery(name: &str) -> bool {
    name.ends_with("return_thunk")
        || name.starts_with("ftrace_")
            && (name.ends_with("caller") || name == "ftrace_trampoline" || name == "ftrace_stub")
        || name.starts_with("bpf_trampoline_")
        || name.starts_with("__fentry__")
}

/// A call with its distance, bytes.
pub const CALL_BYTES: usize = 5;
/// `call` with a distance of 32 bits.
const CALL: u8 = 0xe8;
/// `jmp` with a distance of 32 bits.
const JUMP: u8 = 0xe9;

/// What may be a call, or a jump as a function may end with: where it is, among the first `length`
/// bytes of the code that starts at `start`, and where it leads. Nothing is decoded: each byte that
/// such an instruction begins with is taken for one.
pub fn likely_branches(
    kind: BranchKind,
    code: &[u8],
    start: Address,
    length: usize,
) -> impl Iterator<Item = (Address, Address)> {
    let first = match kind {
        BranchKind::Call => CALL,
        BranchKind::Jump => JUMP,
    };
    memchr::memchr_iter(first, &code[..length.min(code.len())]).filter_map(move |at| {
        let [_, distance @ ..] = code[at..].first_chunk::<CALL_BYTES>()?;
        let from = start.plus(at as u64);
        let distance = i64::from(i32::from_le_bytes(*distance));
        let to = from.plus(CALL_BYTES as u64).plus(distance.cast_unsigned());
        Some((from, to))
    })
}

/// The branches of the code that starts at `start`.
pub fn branches(code: &[u8], start: Address) -> Branches {
    let mut found = Branches::default();
    let mut decoder = Decoder::with_ip(64, code, start.0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            break;
        }
        let is_call = instruction.mnemonic() == Mnemonic::Call;
        if goes_near(&instruction) {
            let kind = if is_call {
                BranchKind::Call
            } else {
                BranchKind::Jump
            };
            let target = Address(instruction.near_branch_target());
            found.direct.push(Branch { kind, target });
        } else if is_call || instruction.mnemonic() == Mnemonic::Jmp {
            found.indirect += 1;
        }
    }
    found
}

/// Whether the target stands in the instruction.
fn goes_near(instruction: &Instruction) -> bool {
    matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    )
}

/// Where the code goes if its first instruction is a jump.
pub fn leading_jump(code: &[u8], start: Address) -> Option<Address> {
    let instruction = Decoder::with_ip(64, code, start.0, DecoderOptions::NONE).decode();
    let jumps = instruction.mnemonic() == Mnemonic::Jmp && goes_near(&instruction);
    jumps.then(|| Address(instruction.near_branch_target()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Address = Address(0xffff_ffff_8100_0000);

    #[test]
    fn calls_and_jumps_are_found() {
        let code = [
            0xf3, 0x0f, 0x1e, 0xfa, // endbr64
            0x0f, 0x1f, 0x44, 0x00, 0x00, // nop: the patched-out call of __fentry__
            0xe8, 0xf2, 0x00, 0x00, 0x00, // call START+0x100
            0x74, 0x05, // je START+0x15
            0xff, 0xd0, // call *%rax
            0xff, 0x25, 0x00, 0x00, // the start of jmp *0(%rip), with ...
            0x00, 0x00, // ... its end
            0xe9, 0xe4, 0xff, 0xff, 0xff, // jmp START
        ];
        let call = |target| Branch {
            kind: BranchKind::Call,
            target: START.plus(target),
        };
        let jump = |target| Branch {
            kind: BranchKind::Jump,
            target: START.plus(target),
        };
        assert_eq!(
            branches(&code, START),
            Branches {
                direct: vec![call(0x100), jump(0x15), jump(0x01)],
                indirect: 2
            }
        );
    }

    #[test]
    fn the_sweep_ends_where_nothing_decodes() {
        let code = [
            0xe8, 0, 0, 0, 0,    // call START+5
            0x06, // not an instruction in 64-bit mode
            0xe8, 0, 0, 0, 0,
        ];
        assert_eq!(branches(&code, START).direct.len(), 1);
        assert_eq!(branches(&code[..3], START), Branches::default());
    }

    #[test]
    fn trampolines_are_read() {
        let jump = [0xe9, 0xfb, 0x0f, 0, 0, 0x0f, 0xb9, 0xcc];
        assert_eq!(leading_jump(&jump, START), Some(START.plus(0x1000)));
        // ret; int3: a static call that is set to nothing.
        assert_eq!(leading_jump(&[0xc3, 0xcc, 0xcc, 0xcc, 0xcc], START), None);
        assert_eq!(leading_jump(&[], START), None);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(code in prop::collection::vec(any::<u8>(), 0..300), start: u64) {
            let _ = branches(&code, Address(start));
            let _ = leading_jump(&code, Address(start));
        }
    }
}
