//! Root calls that are dropped when they return, because they do not meet what was asked for
//! (`--slower-than`, `--failed`, `--returns`): only what will be shown goes through the rings.
//!
//! That can be as long as nothing of the root call has been handed over: it has not slept, and its
//! events fit the two buffers of its task. So a first buffer that is full is held until the second
//! one is, too ([`crate::batch::flush_if_full`]). All other root calls are decided by userspace, by
//! the same conditions. What is dropped is counted.
//!
//! While the trace finds out what runs below the roots, all root calls are wanted: userspace says
//! when ([`crate::maps::DECIDING`]). The conditions are constants in the programs' text.

use core::ptr;

use tracer_common::{
    count::{Returned, placeholder::RETURNED},
    placeholder,
};

use crate::{
    atomic, batch,
    count::meets,
    maps::{DECIDING, DROPPED_CALLS, MAX_CPUS_MASK, Task, cpu_number, meant},
    site::Site,
};

/// Whether root calls may be dropped in this trace.
#[inline(always)]
pub fn is_possible() -> bool {
    meant::<{ placeholder::DECIDE }>() != 0
}

/// Whether the root call that returned at `time_ns` is to be dropped. Its entry is the first event
/// of its first buffer.
#[inline(always)]
pub fn drops<S: Site>(ctx: &S, task: *mut Task, time_ns: u64) -> bool {
    // SAFETY: a checked map value, and a global; volatile because userspace writes.
    unsafe {
        if !is_possible() || ptr::read_volatile(DECIDING.get()) == 0 || !batch::has_all(task) {
            return false;
        }
        let entered = ptr::read_volatile(&raw const (*task).first.events[0].time_ns);
        let duration = time_ns.saturating_sub(entered);
        !meets(duration, Returned(meant::<RETURNED>()), ctx)
    }
}

/// Counts a root call that is dropped.
#[inline(always)]
pub fn count() {
    // As in `maps::this_cpu`, the mask is for the verifier.
    let cpu = cpu_number() as usize & MAX_CPUS_MASK;
    let count = DROPPED_CALLS.get().cast::<[u64; 8]>().wrapping_add(cpu);
    // SAFETY: an element of the table; a root of an interrupt may count here, too.
    unsafe { atomic::fetch_add(count.cast(), 1) };
}
