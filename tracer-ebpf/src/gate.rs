//! Is the task that runs here inside a root?
//!
//! Most calls of a traced function on a busy host are outside any root, so the answer must cost a few
//! instructions: one word per CPU says it. `switch` keeps the word right. Between the tracepoint
//! `sched_switch` and the switch itself the going task still runs traced functions, so there the word says
//! [`SWITCHING`] and the first who asks settles it by comparing the current task with the coming one.

use core::ptr;

use aya_ebpf::helpers::bpf_get_current_pid_tgid;

use crate::maps::{Cpu, SWITCHING};

/// The slot of the current task, or [`crate::maps::OUTSIDE`].
#[inline(always)]
pub fn slot_of_current(cpu: &mut Cpu) -> u32 {
    // SAFETY: a valid reference; volatile because preemption may change the word at any time.
    let slot = unsafe { ptr::read_volatile(&raw const cpu.slot) };
    if slot != SWITCHING {
        return slot;
    }
    if bpf_get_current_pid_tgid() as u32 == cpu.next_tid {
        // The switch is done. Whatever preempts us from here on sets the word anew before we go on.
        cpu.slot = cpu.next_slot;
        cpu.next_slot
    } else {
        cpu.previous_slot
    }
}
