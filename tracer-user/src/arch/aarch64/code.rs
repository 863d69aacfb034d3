//! Machine code: branches, calls, and what stands at the beginning of a function.
//!
//! Every instruction is a word of four bytes, so nothing has to be decoded to find the next one.
//! Branches are those of "A64 instruction set encoding" in the Arm Architecture Reference Manual;
//! return addresses that are signed, and landing pads, change nothing of that.

use super::{ARGUMENT_REGISTERS, registers::effect};
pub use crate::arch::branch::Branches;
use crate::arch::{Address, Branch, BranchKind};

/// Bytes of padding in front of a function that may be called instead of it: none. What ftrace
/// keeps there (DYNAMIC_FTRACE_WITH_CALL_OPS) is no code.
pub const FUNCTION_PADDING: u64 = 0;

/// Static calls have no trampolines here.
pub const TRAMPOLINE_BYTES: usize = WORD;

/// Whether it goes wherever a register says: there are no thunks that do.
pub const fn is_indirect_thunk(_name: &str) -> bool {
    false
}

/// What tracers put into functions.
pub fn is_machinery(name: &str) -> bool {
    name.starts_with("ftrace_") && name.ends_with("caller")
        || name.starts_with("bpf_trampoline_")
        || name == "ftrace_stub"
}

/// Bytes of an instruction.
const WORD: usize = 4;

/// A call with its distance, bytes.
pub const CALL_BYTES: usize = WORD;

/// `bti c`, where the kernel has landing pads.
const LANDING_PAD: u32 = 0xd503_245f;
/// `nop`.
const NOP: u32 = 0xd503_201f;
/// `mov x9, lr`, with which ftrace keeps where the function returns to.
const KEEP_LINK: u32 = 0xaa1e_03e9;

/// What stands at the place that ftrace patches while nobody traces the function.
#[cfg(test)]
pub const NOTHING: [u8; WORD] = NOP.to_le_bytes();

/// As much of a function as has all that the kernel patches at its entry: a landing pad, what keeps
/// `lr`, and the place for a call, bytes.
pub const ENTRY_BYTES: usize = 3 * WORD;

/// As much of a function as is looked at for arguments, bytes.
pub const BEGINNING_BYTES: usize = 128;

/// The instructions of a piece of code.
fn words(code: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let (words, _) = code.as_chunks::<WORD>();
    words.iter().map(|word| u32::from_le_bytes(*word))
}

/// So many bits of an instruction from the one with that number on, as a signed number of
/// instructions, in bytes.
const fn distance(word: u32, from: u32, count: u32) -> i64 {
    let at_the_top = word << (u32::BITS - from - count);
    (at_the_top.cast_signed() >> (u32::BITS - count)) as i64 * WORD as i64
}

/// How an instruction branches, and how far from itself, if it does and says so.
const fn direct(word: u32) -> Option<(BranchKind, i64)> {
    Some(match word >> 24 {
        // BL and B.
        0x94..=0x97 => (BranchKind::Call, distance(word, 0, 26)),
        0x14..=0x17 => (BranchKind::Jump, distance(word, 0, 26)),
        // B.cond, CBZ and CBNZ.
        0x54 | 0x34 | 0x35 | 0xb4 | 0xb5 => (BranchKind::Jump, distance(word, 5, 19)),
        // TBZ and TBNZ.
        0x36 | 0x37 | 0xb6 | 0xb7 => (BranchKind::Jump, distance(word, 5, 14)),
        _ => return None,
    })
}

/// Whether an instruction goes wherever a register says: BR and BLR, with and without
/// authentication, and not RET.
const fn is_indirect(word: u32) -> bool {
    word >> 25 == 0b110_1011 && word >> 21 & 0b111 < 2
}

/// What may be a call, or a jump as a function may end with: where it is, among the first `length`
/// bytes of the code that starts at `start`, and where it leads.
pub fn likely_branches(
    kind: BranchKind,
    code: &[u8],
    start: Address,
    length: usize,
) -> impl Iterator<Item = (Address, Address)> {
    let opcode = match kind {
        BranchKind::Call => 0b10_0101,
        BranchKind::Jump => 0b00_0101,
    };
    let code = &code[..length.min(code.len())];
    (0..)
        .step_by(WORD)
        .zip(words(code))
        .filter_map(move |(at, word)| {
            let from = start.plus(at);
            let to = from.plus(distance(word, 0, 26).cast_unsigned());
            (word >> 26 == opcode).then_some((from, to))
        })
}

/// The branches of the code that starts at `start`.
pub fn branches(code: &[u8], start: Address) -> Branches {
    let mut found = Branches::default();
    for (at, word) in (0..).step_by(WORD).zip(words(code)) {
        if let Some((kind, distance)) = direct(word) {
            let target = start.plus(at).plus(distance.cast_unsigned());
            found.direct.push(Branch { kind, target });
        } else if is_indirect(word) {
            found.indirect += 1;
        }
    }
    found
}

/// Where the code goes if its first instruction is a jump.
pub fn leading_jump(code: &[u8], start: Address) -> Option<Address> {
    let word = words(code).next()?;
    let is_jump = word >> 26 == 0b00_0101;
    is_jump.then(|| start.plus(distance(word, 0, 26).cast_unsigned()))
}

/// At which instruction of a function the place is that ftrace patches, and what stands there. None
/// if the function begins otherwise.
fn place(code: &[u8]) -> Option<(usize, u32)> {
    let mut words = words(code);
    let first = words.next()?;
    let (keeps, number) = match first {
        LANDING_PAD => (words.next()?, 2),
        _ => (first, 1),
    };
    let is_one = matches!(keeps, NOP | KEEP_LINK);
    let patched = words.next()?;
    is_one.then_some((number, patched))
}

/// Whether it is BL.
const fn is_call(word: u32) -> bool {
    word >> 26 == 0b10_0101
}

/// Whether it is BRK with that number.
const fn is_breakpoint(word: u32, number: u32) -> bool {
    word == 0xd420_0000 | number << 5
}

/// The numbers of the breakpoints of kprobes (KPROBES_BRK_IMM and KPROBES_BRK_SS_IMM,
/// arch/arm64/include/asm/brk-imm.h).
const OF_KPROBES: [u32; 2] = [0x4, 0x6];

fn is_of_kprobe(word: u32) -> bool {
    OF_KPROBES.iter().any(|number| is_breakpoint(word, *number))
}

/// How far into a function the place is that ftrace can patch: a `nop` or a call in its place,
/// after an instruction that keeps `lr`. None if it begins otherwise.
pub fn patchable_place(code: &[u8]) -> Option<usize> {
    let (number, word) = place(code)?;
    (word == NOP || is_call(word)).then_some(number * WORD)
}

/// Whether the place that ftrace can patch, in a function that begins so, is patched: by a call or
/// by the breakpoint of another tracer. None if there is no such place, as in a function that
/// ftrace does not know: what stands there is code of its own.
pub fn is_patched(code: &[u8]) -> Option<bool> {
    match place(code)? {
        (_, NOP) => Some(false),
        (_, word) if is_call(word) || is_of_kprobe(word) => Some(true),
        _ => None,
    }
}

/// How many arguments in registers the beginning of a function reads for certain: one more than the
/// last register that is read before anything is written to it, up to the first instruction that
/// the next one does not follow.
///
/// Whatever stands at the place that ftrace patches counts as nothing. None if a kprobe has changed
/// what is after it: its breakpoint says nothing of the instruction that stood there.
pub fn arguments_read(
    code: &[u8],
    _start: Address,
    _is_code: impl Fn(Address) -> bool,
) -> Option<usize> {
    let patched = place(code).map_or(usize::MAX, |(number, _)| number);
    let (mut read, mut written) = (0, 0);
    for (number, word) in words(code).enumerate() {
        if number == patched {
            continue;
        }
        if is_of_kprobe(word) {
            return None;
        }
        let Some(effect) = effect(word) else { break };
        read |= effect.reads & !written;
        // What was read first is an argument whatever becomes of the register.
        written |= effect.writes;
    }
    debug_assert!(read < 1 << ARGUMENT_REGISTERS);
    Some((u32::BITS - read.leading_zeros()) as usize)
}

#[cfg(test)]
mod tests;
