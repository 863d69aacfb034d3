//! Who is at work for a task, and what is out of the ordinary: the high half of
//! [`Task::depth_and_busy`].
//!
//! Interrupts change it, too, but leave it as they found it, so a plain read and write loses
//! nothing.

use core::ptr;

use crate::maps::{ALL_GUARDS, FAST, GUARD, Task};

/// Interrupts change `busy` too, but leave it as they found it: a plain read and write loses
/// nothing.
#[inline(always)]
pub unsafe fn set(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe { write(task, read(task) | bits) };
}

/// See [`set`].
#[inline(always)]
pub unsafe fn clear(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe { write(task, read(task) & !bits) };
}

/// Whether any of `bits` is set.
#[inline(always)]
pub unsafe fn any(task: *mut Task, bits: u32) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { read(task) & bits != 0 }
}

/// Whether a probe is at work for this context.
#[inline(always)]
pub unsafe fn is_at_work(task: *mut Task, context: u8) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { any(task, (GUARD | FAST) << context) }
}

/// Whether the probe with this guard runs on top of another one of the task.
#[inline(always)]
pub unsafe fn is_on_top(task: *mut Task, guard: u32) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { any(task, (ALL_GUARDS | ALL_GUARDS * FAST) & !guard) }
}

/// The high half of [`Task::depth_and_busy`].
#[inline(always)]
pub unsafe fn read(task: *mut Task) -> u32 {
    // SAFETY: the caller's checked map value.
    unsafe {
        let halves = (&raw const (*task).depth_and_busy).cast::<u32>();
        ptr::read_volatile(halves.add(1))
    }
}

/// See [`read`].
#[inline(always)]
pub unsafe fn write(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe {
        let halves = (&raw mut (*task).depth_and_busy).cast::<u32>();
        ptr::write_volatile(halves.add(1), bits);
    }
}
