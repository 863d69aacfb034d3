//! Is the task that runs here inside a root?
//!
//! Most calls of a traced function on a busy host are outside any root, so the answer must cost a few
//! instructions: one word per CPU says it. `switch` keeps the word right. Between the tracepoint
//! `sched_switch` and the switch itself the going task still runs traced functions, so there the word says
//! [`SWITCHING`] and the first who asks settles it by comparing the current task with the coming one.

use crate::{
    maps::{Cpu, OUTSIDE, SWITCHING, Task, task_at, this_cpu},
    task,
};

/// The CPU's word: the slot of the current task, or [`crate::maps::OUTSIDE`], or [`SWITCHING`].
#[inline(always)]
fn word(cpu: *mut Cpu) -> u32 {
    // SAFETY: an element of the table; volatile because preemption may change the word at any time.
    unsafe { core::ptr::read_volatile(&raw const (*cpu).slot) }
}

/// What the CPU's word names, unless that says that the task is outside every root. While it says [`SWITCHING`] that is a place in which no call is
/// open.
#[inline(always)]
pub fn inside() -> Option<*mut Task> {
    let word = word(this_cpu());
    (word != OUTSIDE).then(|| task_at(word))
}

/// The slot of the current task, or [`crate::maps::OUTSIDE`].
#[inline(always)]
pub fn slot_of_current(cpu: *mut Cpu) -> u32 {
    let word = word(cpu);
    if word == SWITCHING { settle() } else { word }
}

/// The slot of the current task while the word says [`SWITCHING`].
#[inline(never)]
pub fn settle() -> u32 {
    let cpu = this_cpu();
    // SAFETY: an element of the table, which only this CPU changes.
    unsafe {
        if task::current() == (*cpu).next_task {
            // The switch is done. Whatever preempts us from here on sets the word anew before we go on.
            (*cpu).slot = (*cpu).next_slot;
            (*cpu).next_slot
        } else {
            (*cpu).previous_slot
        }
    }
}
