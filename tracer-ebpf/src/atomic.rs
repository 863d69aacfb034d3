//! The atomic operations that the tables need.
//!
//! `core::sync::atomic` offers none on this target (its `target_has_atomic` is unset), although the
//! kernel has them since 5.12 (Documentation/bpf/standardization/instruction-set.rst).

use core::arch::asm;
use core::intrinsics::{AtomicOrdering, atomic_and, atomic_cxchg, atomic_or, atomic_xadd};

/// Adds `delta` and returns what was there before. One instruction: an interrupt that does the same
/// on the same CPU sees the number before or after, never the same one.
///
/// # Safety
/// `counter` points to a counter inside a map value.
#[inline(always)]
pub unsafe fn fetch_add(counter: *mut u64, delta: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(counter, delta) }
}

/// Writes `new` if `old` is there; says whether it was.
///
/// # Safety
/// `cell` points to a cell inside a map value.
#[inline(always)]
pub unsafe fn compare_exchange(cell: *mut u64, old: u64, new: u64) -> bool {
    // SAFETY: the caller's promise.
    let (found, _) = unsafe {
        atomic_cxchg::<u64, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(cell, old, new)
    };
    found == old
}

/// Adds `DELTA` to the cell that lies so far from `base` if `old` is there; says whether it was. As
/// [`compare_exchange`], of whose answer the compiler makes a number before it compares it, and for
/// which it needs two registers more.
///
/// # Safety
/// `base` points to a map value, and the cell is inside that.
#[inline(always)]
pub unsafe fn add_if_same<T, const OFFSET: usize, const DELTA: u64>(
    base: *mut T,
    old: u64,
) -> bool {
    let found: u64;
    // SAFETY: the caller's promise.
    unsafe {
        asm!("{new} = {delta} ll", "{new} += {old}",
            "r0 = {old}", "r0 = cmpxchg_64({base} + {offset}, r0, {new})",
            new = out(reg) _, delta = const DELTA, old = in(reg) old,
            base = in(reg) base, offset = const OFFSET, out("r0") found,
            options(nostack, preserves_flags));
    }
    found == old
}

/// Sets `bits`, whatever others do to the rest.
///
/// # Safety
/// `word` points to a word inside a map value.
#[inline(always)]
pub unsafe fn set_bits(word: *mut u64, bits: u64) {
    // SAFETY: the caller's promise.
    unsafe { atomic_or::<u64, u64, { AtomicOrdering::SeqCst }>(word, bits) };
}

/// Clears `bits`, whatever others do to the rest.
///
/// # Safety
/// `word` points to a word inside a map value.
#[inline(always)]
pub unsafe fn clear_bits(word: *mut u64, bits: u64) {
    // SAFETY: the caller's promise.
    unsafe { atomic_and::<u64, u64, { AtomicOrdering::SeqCst }>(word, !bits) };
}
