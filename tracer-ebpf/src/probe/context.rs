//! What the CPU is running for: the task, a soft or hard interrupt, or an NMI.
//!
//! The kernel keeps it in a preempt count, which a program may read like memory of its own once the
//! verifier knows what it belongs to (5.10+): see [`crate::arch`]. Userspace says where that is.
//! Where it is not known everything counts as the task's.
//!
//! Cost: a call of `bpf_this_cpu_ptr` and a load, some ten instructions; reading it with
//! `bpf_probe_read_kernel` took ninety.

use core::arch::asm;

use tracer_common::{PreemptLayout, context::CONTEXTS, placeholder};

use crate::{arch::known_preempt_count, maps::config};

#[inline(always)]
fn layout() -> PreemptLayout {
    PreemptLayout {
        mask: config!(preempt_layout.mask),
        shift: config!(preempt_layout.shift),
    }
}

/// The preempt count of this CPU, or 0.
#[inline(always)]
fn preempt_count() -> u32 {
    if config!(preempt_layout.mask) == 0 {
        return 0;
    }
    known_preempt_count() as u32
}

/// If it is a soft interrupt that the CPU runs for, the bit that says so, and if it is the task, 0:
/// the usual cases, in fewer instructions. The preempt count must be known.
#[inline(always)]
pub fn soft_interrupt() -> Option<u64> {
    let count = known_preempt_count();
    // SAFETY: compares a number.
    unsafe {
        asm!("if {count} & {mask} goto {other}",
            count = in(reg) count, mask = const placeholder::PREEMPT_MASK,
            other = label { return None }, options(nomem, nostack, preserves_flags));
    }
    Some(count & (1 << PreemptLayout::SERVING_SOFT_INTERRUPT))
}

/// The context that the caller interrupted or runs in, as the number of a
/// [`tracer_common::Context`].
#[inline(always)]
pub fn current() -> u8 {
    CONTEXTS[layout().place(preempt_count()) as usize]
}
