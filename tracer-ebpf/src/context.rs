//! What the CPU is running for: the task, a soft or hard interrupt, or an NMI.
//!
//! The kernel keeps it in a per-CPU preempt count, which a program may read like memory of its own once the verifier knows the variable by
//! its type id (5.10+). Userspace puts that in (it moved twice: `__preempt_count` up to 6.1, `pcpu_hot.preempt_count` from 6.2,
//! `__preempt_count` again from 6.15). Where it is not known everything counts as the task's.
//!
//! Cost: a call of `bpf_this_cpu_ptr` and a load, some ten instructions; reading it with `bpf_probe_read_kernel` took ninety.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_this_cpu_ptr;
use tracer_common::{PreemptLayout, context::CONTEXTS, stand_in::PREEMPT_COUNT};

use crate::maps::config;

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
    // SAFETY: userspace makes the number the variable's type id, and the verifier checks the offset.
    unsafe {
        let variable = bpf_this_cpu_ptr(PREEMPT_COUNT as *const c_void).cast::<u8>();
        let count = variable.wrapping_add(config!(preempt_count_offset) as usize);
        core::ptr::read_volatile(count.cast::<u32>())
    }
}

/// The context, if it is the task's or a soft interrupt's: the usual cases, in fewer instructions.
#[inline(always)]
pub fn task_or_soft_interrupt() -> Option<u64> {
    let count = preempt_count();
    if count & config!(preempt_layout.mask) != 0 {
        return None;
    }
    Some(PreemptLayout::soft_interrupt(count))
}

/// The context that the caller interrupted or runs in, as the number of a [`tracer_common::Context`].
#[inline(always)]
pub fn current() -> u8 {
    CONTEXTS[layout().place(preempt_count()) as usize]
}
