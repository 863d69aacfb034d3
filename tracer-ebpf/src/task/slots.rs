//! The table of tasks that run inside a root, by what identifies them (`current`).
//!
//! A task that sleeps gives its place back, see `parked`: so places are for the CPUs, and for tasks
//! that were preempted in the middle of a probe.
//!
//! Open addressing over an array, with a fixed number of places to look at and no order among them:
//! finding, claiming and releasing take no lock, call no helper and run no traced function. It is
//! asked only when a root is entered and at a task switch, never per event.

use core::ptr;

use tracer_common::{TASK_BYTES, generation};

use super::{buffers::begin, busy};
use crate::{
    atomic,
    maps::{ALL_GUARDS, INSIDE, OUTSIDE, SWITCHING, Task, armed, masked, task_at},
};

/// Places in which a task's slot may be.
const PLACES: u32 = 16;

/// A slot in which the state of the task may be.
#[inline(always)]
fn place(key: u64, attempt: u32) -> Option<u32> {
    // Double hashing: addresses are not spread evenly, and neighbours would fill up long before the
    // table is full.
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (first, step) = ((hash >> 40) as u32, (hash >> 16) as u32 | 1);
    let number = first.wrapping_add(attempt.wrapping_mul(step));
    let slot = masked(u64::from(number.wrapping_mul(TASK_BYTES)));
    let last = masked(u64::from(SWITCHING));
    (slot != u64::from(OUTSIDE) && slot != last).then_some(slot as u32)
}

/// The task in a slot; there is none in [`OUTSIDE`].
#[inline(always)]
pub fn get(slot: u32) -> Option<*mut Task> {
    (slot != OUTSIDE).then(|| task_at(slot))
}

/// The slot of a task, or [`OUTSIDE`].
#[inline(always)]
pub fn find(key: u64) -> u32 {
    for attempt in 0..PLACES {
        let Some(slot) = place(key, attempt) else {
            continue;
        };
        // SAFETY: a place in the table; volatile because other CPUs claim and release.
        if unsafe { ptr::read_volatile(&raw const (*task_at(slot)).owner) } == key {
            return slot;
        }
    }
    OUTSIDE
}

/// Takes a free slot for a task; [`OUTSIDE`] if all places are taken.
#[inline(always)]
pub fn take(key: u64) -> u32 {
    for attempt in 0..PLACES {
        let Some(slot) = place(key, attempt) else {
            continue;
        };
        // SAFETY: a place in the table.
        if unsafe { atomic::compare_exchange(&raw mut (*task_at(slot)).owner, 0, key) } {
            return slot;
        }
    }
    OUTSIDE
}

/// Takes a free slot for a task and makes its state new; [`OUTSIDE`] if all places are taken. The
/// root call is of `generation`, or of the one that is armed once it is counted: userspace arms
/// another one first and then asks how many root calls of the old one are open, so none of those is
/// missed. When it began its entry says ([`super::buffers::enter_root`]).
#[inline(always)]
pub fn claim(key: u64, generation: u64, pid_tgid: u64) -> u32 {
    let slot = take(key);
    let Some(task) = get(slot) else {
        return OUTSIDE;
    };
    count_inside(generation, 1);
    let counted = generation;
    let generation = match armed() {
        // Disarmed meanwhile: root calls that are open go on, and this one is one of them.
        0 => counted,
        armed => armed,
    };
    if generation::side(generation) != generation::side(counted) {
        count_inside(generation, 1);
        count_inside(counted, -1);
    }
    // SAFETY: the slot is ours alone from here on.
    unsafe {
        (*task).generation = generation;
        // Volatile, or the compiler makes one loop over their bytes of it.
        ptr::write_volatile(&raw mut (*task).root_frame, 0);
        ptr::write_volatile(&raw mut (*task).root_function, 0);
        (*task).dropped_frame = 0;
        begin(task, 0, 0, pid_tgid);
        // What an interrupt hits before the root's entry is stored is not in the call.
        (*task).depth_and_busy = u64::from(ALL_GUARDS) << 32;
    }
    slot
}

/// Frees a slot. The caller has taken the CPU's word off it.
#[inline(always)]
pub fn release(task: *mut Task) {
    // SAFETY: the caller owns the slot; an interrupt that still comes here finds every context
    // busy.
    unsafe {
        let generation = ptr::read_volatile(&raw const (*task).generation);
        busy::write(task, u32::MAX);
        ptr::write_volatile(&raw mut (*task).owner, 0);
        count_inside(generation, -1);
    }
}

/// Whether any task is inside a root.
#[inline(always)]
pub fn any_inside() -> bool {
    // SAFETY: the pointer was checked.
    INSIDE
        .get_ptr(0)
        .is_some_and(|count| unsafe { ptr::read_volatile(count) } != 0)
}

/// Counts root calls of a generation's side, see [`INSIDE`]. What is taken away was counted before,
/// so neither half runs into the other.
#[inline(always)]
pub fn count_inside(generation: u64, delta: i64) {
    if let Some(count) = INSIDE.get_ptr_mut(0) {
        let delta = (delta as u64) << (generation::side(generation) * 32);
        // SAFETY: the pointer was checked.
        unsafe { atomic::fetch_add(count, delta) };
    }
}
