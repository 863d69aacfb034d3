//! What happens at the two ends of a root: a root call begins or ends, or the call is one like any
//! other inside an open one.

use aya_ebpf::helpers::bpf_ktime_get_ns;

use super::slow;
use crate::{
    call::profile,
    maps::{OUTSIDE, count_dropped, counts_functions, this_cpu},
    probe::Site,
    root::{decide, ends, missed},
    task::{gate, slots},
};

/// A root was entered: opens a root call, or is a call like any other inside one. An open root call
/// that this entry proves to be over is closed before.
#[inline(always)]
pub fn entry<S: Site>(ctx: &S) -> bool {
    let mut slot = gate::slot_of_current(this_cpu());
    if let Some(task) = slots::get(slot)
        && missed::is_over(ctx, task)
    {
        missed::close(task);
        slot = OUTSIDE;
    }
    let opens = slot == OUTSIDE;
    if opens {
        slot = ends::open(ctx);
    }
    // No closure: it would be a function of its own, with a frame of its own.
    match slots::get(slot) {
        Some(task) => slow::entry::<S, true>(ctx, task, opens),
        None => false,
    }
}

/// A root returned: closes the root call that its entry opened.
#[inline(always)]
pub fn exit<S: Site>(ctx: &S) {
    let Some(task) = gate::inside_root() else {
        return;
    };
    // SAFETY: a helper without arguments. First of all, so that our own work is not in the
    // duration.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    // SAFETY: a checked map value.
    let closes = unsafe {
        // At an fprobe the frame is the stack pointer at entry, and a root that the root ends with
        // a jump to has the same.
        (*task).root_frame == ctx.frame() && (*task).root_function == ctx.function()
    };
    slow::exit(ctx, task, time_ns, closes);
    if closes {
        if counts_functions() {
            // SAFETY: a checked map value.
            profile::count_root_call(unsafe { (*task).generation });
        }
        if decide::drops(ctx, task, time_ns) {
            count_dropped();
            ends::leave(task);
        } else {
            ends::close(task);
        }
    }
}
