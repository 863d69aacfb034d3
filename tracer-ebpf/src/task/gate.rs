//! Is the task that runs here inside a root call that this probe records?
//!
//! Most calls of a traced function on a busy host are outside any root, so the answer must cost a
//! few instructions: one word per CPU and side says it (see [`tracer_common::generation`]). A
//! callee's program reads the word of its own side, whose offset userspace puts into each copy of
//! it. `switch` keeps the words right. Between the tracepoint `sched_switch` and the switch itself
//! the going task still runs traced functions, so there the words say [`SWITCHING`] and the first
//! who asks settles it by comparing the current task with the coming one. A root call that begins
//! or ends within that window is the going task's: it changes what is kept of that task, and leaves
//! the words alone.

use core::{arch::asm, ptr};

use tracer_common::{generation, placeholder};

use super::{current::current, parked, slots};
use crate::maps::{Cpu, OUTSIDE, SWITCHING, Task, meant, task_at, task_of, this_cpu};

/// The word of one side. Volatile because preemption may change it at any time.
#[inline(always)]
fn word(cpu: *mut Cpu, side: usize) -> u32 {
    // SAFETY: an element of the table.
    unsafe { ptr::read_volatile((&raw const (*cpu).words).cast::<u32>().add(side)) }
}

/// Sets the words of both sides at once.
#[inline(always)]
pub unsafe fn set_both(cpu: *mut Cpu, word: u32) {
    let both = u64::from(word) << 32 | u64::from(word);
    // SAFETY: the caller's element of the table, whose words are aligned to 8 bytes.
    unsafe { ptr::write_volatile((&raw mut (*cpu).words).cast::<u64>(), both) };
}

/// The slot that the word of this program's side names, unless that says that no root call of the
/// side is open here. While it says [`SWITCHING`] that is a slot in which no call is open.
#[inline(always)]
pub fn inside() -> Option<*mut Task> {
    let cpu = this_cpu();
    let word: u64;
    // SAFETY: userspace makes the number the offset of a word of the element.
    unsafe {
        asm!("{word} = *(u32 *)({cpu} + {offset})", word = out(reg) word, cpu = in(reg) cpu,
            offset = const placeholder::GATE_WORD, options(nostack, preserves_flags, readonly));
    }
    (word != u64::from(OUTSIDE)).then(|| task_of(word))
}

/// The slot of the current task, whatever side its root call is of, or [`OUTSIDE`].
#[inline(always)]
pub fn slot_of_current(cpu: *mut Cpu) -> u32 {
    let (first, second) = (word(cpu, 0), word(cpu, 1));
    if first == SWITCHING || second == SWITCHING {
        settle()
    } else {
        first | second
    }
}

/// Whether the task's root call is of this program's side.
#[inline(always)]
pub fn is_ours(task: *mut Task) -> bool {
    // SAFETY: a checked map value.
    let generation = unsafe { ptr::read_volatile(&raw const (*task).generation) };
    generation::side(generation) == meant::<{ placeholder::SIDE }>()
}

/// The current task is inside a root call in `slot`, or in none if that is [`OUTSIDE`]. The caller
/// has asked [`slot_of_current`], so words that say [`SWITCHING`] mean that the task is on its way
/// out.
#[inline(always)]
pub unsafe fn set_current(cpu: *mut Cpu, slot: u32) {
    // SAFETY: the caller's element of the table, which only this CPU changes, and its slot.
    unsafe {
        if word(cpu, 0) == SWITCHING {
            parked::forget(ptr::read_volatile(&raw const (*cpu).previous_slot));
            ptr::write_volatile(&raw mut (*cpu).previous_slot, slot);
        } else {
            set_words(cpu, slot);
        }
    }
}

/// The words for a slot: it stands on its own side, and the other one says [`OUTSIDE`].
#[inline(always)]
unsafe fn set_words(cpu: *mut Cpu, slot: u32) {
    // SAFETY: the caller's element of the table and its slot.
    unsafe {
        if slot == OUTSIDE {
            set_both(cpu, OUTSIDE);
            return;
        }
        let generation = ptr::read_volatile(&raw const (*task_at(slot)).generation);
        let words = u64::from(slot) << (generation::side(generation) * 32);
        ptr::write_volatile((&raw mut (*cpu).words).cast::<u64>(), words);
    }
}

/// The slot of the current task while the words say [`SWITCHING`].
#[inline(never)]
pub fn settle() -> u32 {
    let cpu = this_cpu();
    // SAFETY: an element of the table, which only this CPU changes.
    unsafe {
        if current() == ptr::read_volatile(&raw const (*cpu).next_task) {
            // The switch is done. Preemption from here on sets the words anew before we go on.
            let slot = ptr::read_volatile(&raw const (*cpu).next_slot);
            set_words(cpu, slot);
            slot
        } else {
            ptr::read_volatile(&raw const (*cpu).previous_slot)
        }
    }
}

/// The state of the current task, if that is inside a root.
#[inline(always)]
pub fn inside_root() -> Option<*mut Task> {
    slots::get(slot_of_current(this_cpu()))
}
