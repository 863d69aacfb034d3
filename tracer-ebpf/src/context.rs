//! What the CPU is running for: the task, a soft or hard interrupt, or an NMI.
//!
//! The kernel keeps it in a per-CPU preempt count, which a program may read like memory of its own
//! once the verifier knows the variable by its type id (5.10+). Userspace puts that in (it moved
//! twice: `__preempt_count` up to 6.1, `pcpu_hot.preempt_count` from 6.2, `__preempt_count` again
//! from 6.15). Where it is not known everything counts as the task's.
//!
//! Cost: a call of `bpf_this_cpu_ptr` and a load, some ten instructions; reading it with
//! `bpf_probe_read_kernel` took ninety.

use core::{arch::asm, ffi::c_void};

use aya_ebpf::helpers::generated::bpf_this_cpu_ptr;
use tracer_common::{PreemptLayout, context::CONTEXTS, placeholder};

use crate::maps::{config, meant};

#[inline(always)]
fn layout() -> PreemptLayout {
    PreemptLayout {
        mask: config!(preempt_layout.mask),
        shift: config!(preempt_layout.shift),
    }
}

/// The preempt count of this CPU, which must be known.
#[inline(always)]
fn known_preempt_count() -> u64 {
    // SAFETY: userspace makes the number the variable's type id, and the verifier checks the
    // offset.
    unsafe {
        let variable = meant::<{ placeholder::PREEMPT_COUNT }>() as *const c_void;
        let variable = bpf_this_cpu_ptr(variable);
        let count: u64;
        asm!("{count} = *(u32 *)({variable} + {offset})", count = out(reg) count, variable = in(reg) variable,
            offset = const placeholder::PREEMPT_COUNT_OFFSET, options(nostack, preserves_flags));
        count
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
        asm!("if {count} & {mask} goto {other}", count = in(reg) count, mask = const placeholder::PREEMPT_MASK,
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
