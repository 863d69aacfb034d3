//! What the CPU is running for: the task, a soft or hard interrupt, or an NMI.
//!
//! The kernel keeps it in a per-CPU preempt count. Userspace finds its address (it moved twice:
//! `__preempt_count` up to 6.1, `pcpu_hot.preempt_count` from 6.2, `__preempt_count` again from 6.15); seen to
//! be right on 6.1, 6.12, 6.18 and 7.3. Where the address is unknown everything counts as the task's.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use tracer_common::{Context, context::CONTEXTS};

use crate::maps::{Cpu, config};

/// The context that the caller interrupted or runs in, as the number of a [`Context`].
#[inline(always)]
pub fn current(number: u32, cpu: &mut Cpu) -> u8 {
    if config!(per_cpu_offsets) == 0 {
        return Context::Task as u8;
    }
    if cpu.area == 0 {
        let entry = config!(per_cpu_offsets) + u64::from(number) * 8;
        // SAFETY: the helper reads any kernel address or fails.
        cpu.area = unsafe { bpf_probe_read_kernel(entry as *const u64) }.unwrap_or(0);
    }
    let address = cpu.area.wrapping_add(config!(preempt_count));
    // SAFETY: as above.
    let count = unsafe { bpf_probe_read_kernel(address as *const u32) }.unwrap_or(0);
    CONTEXTS[config!(preempt_layout).place(count) as usize]
}
