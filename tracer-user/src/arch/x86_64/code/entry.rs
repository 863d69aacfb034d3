//! What stands at the beginning of a function: a landing pad, and the place that ftrace patches.
//!
//! Compilers put a call of `__fentry__` there, of which the kernel makes a `nop` of five bytes at
//! boot. Whoever traces the function puts a call or a jump in its place.

use super::{CALL, CALL_BYTES, JUMP};

/// How many bytes the landing pad at a function's start takes, if it has one. After it is the
/// place that ftrace patches.
pub(super) fn landing_pad(code: &[u8]) -> usize {
    const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
    // What the kernel puts where nobody jumps to (seal_endbr, arch/x86/kernel/alternative.c).
    const SEALED: [[u8; 4]; 2] = [[0x66, 0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0xd6]];
    let pads = [ENDBR64, SEALED[0], SEALED[1]];
    let pad = pads.iter().find(|pad| code.starts_with(&pad[..]));
    pad.map_or(0, |pad| pad.len())
}

/// What stands at the place that ftrace patches while nobody traces the function (x86_nops of 5
/// bytes, arch/x86/kernel/alternative.c).
pub const NOTHING: [u8; CALL_BYTES] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
/// What may stand there instead begins with this, or as a call does.
const BREAKPOINT: u8 = 0xcc;
/// As much of a function as has all that the kernel patches at its entry: a landing pad and
/// [`NOTHING`], bytes.
pub const ENTRY_BYTES: usize = 9;

/// How far into a function the place is that ftrace can patch: a `nop` of five bytes or a call in
/// its place, after a landing pad if there is one. None if it begins otherwise.
pub fn patchable_place(code: &[u8]) -> Option<usize> {
    let entry = &code[landing_pad(code)..];
    let is_one = entry.starts_with(&NOTHING) || entry.first() == Some(&CALL) && entry.len() >= 5;
    is_one.then_some(code.len() - entry.len())
}

/// Whether the place that ftrace can patch, in a function that begins so, is patched: by a call, by
/// the jump or the breakpoint of another tracer. None if there is no such place, as in a function
/// that ftrace does not know: what stands there is code of its own.
pub fn is_patched(code: &[u8]) -> Option<bool> {
    let entry = &code[landing_pad(code)..];
    match entry.get(..NOTHING.len())? {
        nothing if nothing == NOTHING => Some(false),
        [CALL | JUMP | BREAKPOINT, ..] => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_can_be_patched_are_known() {
        let nop: &[u8] = &[0x0f, 0x1f, 0x44, 0, 0, 0x55];
        let call: &[u8] = &[0xe8, 1, 2, 3, 4];
        let pads: [&[u8]; 3] = [&[0xf3, 0x0f, 0x1e, 0xfa], &[0x66, 0x0f, 0x1f, 0], &[]];
        for pad in pads {
            let place = |entry: &[u8]| patchable_place(&[pad, entry].concat());
            assert_eq!(place(nop), Some(pad.len()));
            assert_eq!(place(call), Some(pad.len()));
            assert_eq!(place(&[0x55, 0x48, 0x89, 0xe5, 0x5d]), None);
            assert_eq!(place(&[]), None);
        }
    }

    #[test]
    fn what_is_no_patch_is_told_from_one() {
        let pads: [&[u8]; 2] = [&[0xf3, 0x0f, 0x1e, 0xfa], &[]];
        for pad in pads {
            let patched = |entry: &[u8]| is_patched(&[pad, entry].concat());
            assert_eq!(patched(&NOTHING), Some(false));
            for first in [CALL, JUMP, BREAKPOINT] {
                assert_eq!(patched(&[first, 1, 2, 3, 4]), Some(true));
            }
            // push %rbp; mov %rsp,%rbp; pop %rbp: a function that ftrace does not know.
            assert_eq!(patched(&[0x55, 0x48, 0x89, 0xe5, 0x5d]), None);
            assert_eq!(patched(&[CALL, 1]), None);
        }
    }
}
