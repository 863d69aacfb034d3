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

use tracer_common::count::{Returned, placeholder::RETURNED};

use super::condition::meets;
use crate::{
    maps::{DECIDING, Task, may_drop, meant},
    probe::Site,
    task::buffers::has_all,
};

/// Whether the root call that returned at `time_ns` is to be dropped. Its entry is the first event
/// of its first buffer.
#[inline(always)]
pub fn drops<S: Site>(ctx: &S, task: *mut Task, time_ns: u64) -> bool {
    // SAFETY: a checked map value, and a global; volatile because userspace writes.
    unsafe {
        if !may_drop() || ptr::read_volatile(DECIDING.get()) == 0 || !has_all(task) {
            return false;
        }
        let entered = ptr::read_volatile(&raw const (*task).first.events[0].time_ns);
        let duration = time_ns.saturating_sub(entered);
        !meets(duration, Returned(meant::<RETURNED>()), ctx)
    }
}
