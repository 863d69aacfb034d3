//! A root call begins, and ends.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_log_ebpf::warn;
use tracer_common::{Away, Context};

use super::{callers, sample};
use crate::{
    atomic,
    batch::{self, Wake},
    call::{excluded, fields},
    maps::{OUTSIDE, Task, armed, config, count_away, cpu_number, this_cpu},
    probe::{Site, context},
    task::{current::current, gate, slots},
};

/// Claims a slot for a root call, unless it is filtered out or comes before or after the trace.
#[inline(always)]
pub fn open<S: Site>(ctx: &S) -> u32 {
    let number = cpu_number();
    let generation = armed();
    if generation == 0 {
        return OUTSIDE;
    }
    let away = if is_unwanted_interrupt() {
        Some(Away::Interrupt)
    } else {
        callers::turn_away(number).or_else(|| fields::turn_away(ctx).then_some(Away::Condition))
    };
    if let Some(reason) = away {
        count_away(number, reason);
        return OUTSIDE;
    }
    if sample::is_out(number) {
        return OUTSIDE;
    }
    let pid_tgid = bpf_get_current_pid_tgid();
    let slot = slots::claim(current(), generation, pid_tgid);
    let cpu = this_cpu();
    // SAFETY: a checked map value, and an element of the table, which only this CPU changes; a
    // counter is also changed by who preempts us.
    unsafe {
        if let Some(task) = slots::get(slot) {
            (*task).root_frame = ctx.frame();
            (*task).root_function = ctx.function();
            excluded::show(task);
            gate::set_current(cpu, slot);
        } else {
            // The first of each CPU says so: there may be thousands.
            if atomic::fetch_add(&raw mut (*cpu).counters.lost_roots, 1) == 0 {
                warn!(
                    ctx,
                    "no task slot is free for a root call of task {}", pid_tgid as u32
                );
            }
        }
    }
    slot
}

/// Whether the CPU runs for a hard interrupt, and root calls that begin there are not wanted.
#[inline(always)]
fn is_unwanted_interrupt() -> bool {
    config!(not_in_interrupts) != 0 && context::current() > Context::SoftIrq as u8
}

/// Hands over what is left and frees the slot of a root call that is over. The caller has set all
/// guards: whatever is hit from there on, the reader's wake-up first of all, is not in the call.
/// The word comes off before and after: preemption in between would find the slot still owned and
/// set it again.
#[inline(always)]
pub fn close(task: *mut Task) {
    batch::flush(task, Wake::IfMuch);
    leave(task);
}

/// As [`close`], of a root call of which nothing is to be handed over.
#[inline(always)]
pub fn leave(task: *mut Task) {
    let cpu = this_cpu();
    // SAFETY: a checked map value, ours until it is released; the word is this CPU's.
    unsafe {
        gate::set_current(cpu, OUTSIDE);
        slots::release(task);
        gate::set_current(cpu, OUTSIDE);
    }
}
