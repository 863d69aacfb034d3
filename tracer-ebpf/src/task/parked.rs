//! Tasks that sleep inside a root.
//!
//! A task that runs inside a root has a slot of 16 KiB, most of it room for events (`slots`). One
//! that sleeps has none to store, and thousands may sleep in a root at once, so at the switch away
//! from it what matters is put into 128 bytes here: the root call, the innermost open calls, the
//! number of the next event. At the switch to it, it gets a slot again, any one. The frames of
//! calls further out are given up; they are then known by their order alone (`calls::leave`), as
//! those are that are too deep. A root call that ends without a sleep comes never here.
//!
//! The tracepoint `sched_switch` comes before the switch, and what the task calls in between
//! belongs to its root call, too. So the slot serves it on, marked as [`PARKED`], until the next
//! switch on this CPU gives it back: each event there is handed over at once, and the table learns
//! the number of the next, before the task can run elsewhere (`finish_task`, kernel/sched/core.c).
//! A task that was preempted in the middle of a probe keeps its slot, and so does one that finds no
//! place.
//!
//! The keys are apart from the rest, eight to a cache line: a task is in one of four lines. They
//! are claimed by compare-and-exchange and freed by writing 0.

use core::{arch::asm, ptr};

use tracer_common::{PARKED_BUCKET, PARKED_BYTES, placeholder};

use super::{buffers, busy, calls, slots};
use crate::{
    atomic,
    maps::{
        DROPPED, FRAMES, HIDING, INSIDE, NOT_FAST, OUTSIDE, PARKED, Task, UNKNOWN, as_it_is,
        counts_functions, meant, this_cpu,
    },
};

/// Open calls under the root that are kept, the innermost.
const KEPT: usize = 7;

/// What is kept of a task.
#[repr(C)]
struct Sleeper {
    root_frame: u64,
    root_function: u64,
    dropped_frame: u64,
    excluded_frame: u64,
    /// The number of the next event.
    sequence: u64,
    root_time_ns: u64,
    pid_tgid: u64,
    generation: u16,
    /// [`NOT_FAST`], if the root has it.
    mark: u16,
    depth: u32,
    /// The identity of the root's entry.
    root: u64,
    /// The identities of the entries of calls under it, the innermost first. They have the frames,
    /// but for their upper bits, which those of a stack have in common.
    calls: [u64; KEPT],
}

const _: () = assert!(size_of::<Sleeper>() == PARKED_BYTES as usize);

/// The owner of a slot that is to be given back: no task has this address.
const GOING: u64 = 1;

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Lines in which a task may be.
const LINES: u32 = 4;

/// Puts a task that goes into the table, unless its state is out of the ordinary or there is no
/// place. All its events are handed over.
#[inline(never)]
pub fn park(task: *mut Task) {
    if counts_functions() {
        return;
    }
    let cpu = this_cpu();
    // SAFETY: a checked map value of the current task, which nobody else uses; interrupts are off.
    unsafe {
        let depth = calls::read(task);
        if busy::any(task, !(HIDING | DROPPED)) || depth == 0 || depth as usize > FRAMES {
            return;
        }
        let key = ptr::read_volatile(&raw const (*task).owner);
        // Stored and read back it is a number to the verifier, whichever place it is.
        let free = search(key, |cell| atomic::compare_exchange(cell, 0, key));
        ptr::write_volatile(&raw mut (*cpu).next_slot, free);
        let place = ptr::read_volatile(&raw const (*cpu).next_slot);
        let Some(sleeper) = sleeper_at(place) else {
            return;
        };
        keep(task, sleeper, depth);
        ptr::write_volatile(&raw mut (*task).parked, u64::from(place));
        busy::set(task, PARKED);
        ptr::write_volatile(&raw mut (*task).owner, GOING);
        count(1);
    }
}

#[inline(always)]
unsafe fn keep(task: *mut Task, sleeper: *mut Sleeper, depth: u32) {
    // SAFETY: the caller's places; the indexes are checked.
    unsafe {
        let header = &raw const (*task).first.header;
        let root = calls::call(task, 0);
        (*sleeper).root_frame = ptr::read_volatile(&raw const (*task).root_frame);
        (*sleeper).root_function = (*task).root_function;
        (*sleeper).dropped_frame = (*task).dropped_frame;
        (*sleeper).excluded_frame = ptr::read_volatile(&raw const (*task).excluded_frame);
        (*sleeper).sequence = buffers::next_sequence(task);
        (*sleeper).root_time_ns = (*header).root_time_ns;
        (*sleeper).pid_tgid = u64::from((*header).tgid) << 32 | u64::from((*header).tid);
        (*sleeper).generation = (*task).generation as u16;
        (*sleeper).mark = (ptr::read_volatile(&raw const (*root).frame) & NOT_FAST) as u16;
        (*sleeper).depth = depth;
        (*sleeper).root = ptr::read_volatile(&raw const (*root).identity);
        for back in 0..KEPT {
            let at = after(depth, back);
            if at >= FRAMES as u64 {
                break;
            }
            let identity = ptr::read_volatile(&raw const (*calls::call(task, at)).identity);
            ptr::write_volatile(&raw mut (*sleeper).calls[back], identity);
        }
    }
}

/// The place of an open call: of the innermost, or so many before it.
#[inline(always)]
fn after(depth: u32, back: usize) -> u64 {
    as_it_is(u64::from(depth).wrapping_sub(1 + back as u64))
}

/// The slot of a task that comes, or [`OUTSIDE`]. If it is in the table, it gets a slot.
#[inline(always)]
pub fn come(key: u64) -> u32 {
    if any() {
        let cpu = this_cpu();
        // SAFETY: an element of the table of CPUs; interrupts are off. A cell is a place of the
        // table.
        unsafe {
            let place = search(key, |cell| ptr::read_volatile(cell) == key);
            ptr::write_volatile(&raw mut (*cpu).next_slot, place);
            let place = ptr::read_volatile(&raw const (*cpu).next_slot);
            if place != NOWHERE {
                return wake(key, place);
            }
        }
    }
    slots::find(key)
}

/// Gives a task a slot again. If there is none, its root call is recorded no further, and counted
/// as one that was not traced.
#[inline(never)]
fn wake(key: u64, place: u32) -> u32 {
    let Some(sleeper) = sleeper_at(place) else {
        return OUTSIDE;
    };
    let slot = slots::take(key);
    // SAFETY: both are ours alone: the task is nowhere else.
    unsafe {
        if let Some(task) = slots::get(slot) {
            restore(task, sleeper);
        } else {
            slots::count_inside(u64::from((*sleeper).generation), -1);
            atomic::fetch_add(&raw mut (*this_cpu()).counters.lost_roots, 1);
        }
    }
    free(place);
    slot
}

#[inline(always)]
unsafe fn restore(task: *mut Task, sleeper: *mut Sleeper) {
    /// The bits of a frame that an event has.
    const FRAME: u64 = 0xffff << 3;
    // SAFETY: the caller's places; the indexes are checked.
    unsafe {
        let root_frame = (*sleeper).root_frame;
        let excluded_frame = (*sleeper).excluded_frame;
        let dropped_frame = (*sleeper).dropped_frame;
        let depth = ptr::read_volatile(&raw const (*sleeper).depth);
        (*task).generation = u64::from((*sleeper).generation);
        ptr::write_volatile(&raw mut (*task).root_frame, root_frame);
        (*task).root_function = (*sleeper).root_function;
        (*task).dropped_frame = dropped_frame;
        ptr::write_volatile(&raw mut (*task).excluded_frame, excluded_frame);
        buffers::begin(
            task,
            (*sleeper).sequence,
            (*sleeper).root_time_ns,
            (*sleeper).pid_tgid,
        );
        for at in 0..FRAMES as u32 {
            if at >= depth {
                break;
            }
            let call = calls::call(task, u64::from(at));
            ptr::write_volatile(&raw mut (*call).frame, UNKNOWN);
        }
        for back in 0..KEPT {
            let at = after(depth, back);
            if at >= FRAMES as u64 {
                break;
            }
            let identity = ptr::read_volatile(&raw const (*sleeper).calls[back]);
            let frame = root_frame & !(FRAME | 7) | identity >> 29 & FRAME;
            calls::keep(calls::call(task, at), at as u32, frame, identity);
        }
        let mark = u64::from((*sleeper).mark);
        calls::keep(calls::call(task, 0), 0, root_frame | mark, (*sleeper).root);
        let hiding = if excluded_frame == 0 { 0 } else { HIDING };
        let dropped = if dropped_frame == 0 { 0 } else { DROPPED };
        let state = u64::from(hiding | dropped) << 32 | u64::from(depth);
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
    }
}

/// The number of the next event of a task that is in the table: what it did on its way off the CPU
/// is in the ring.
#[inline(always)]
pub unsafe fn set_sequence(task: *mut Task, sequence: u64) {
    // SAFETY: the caller's checked map value, which is its task's until the switch.
    unsafe {
        let place = ptr::read_volatile(&raw const (*task).parked) as u32;
        if let Some(sleeper) = sleeper_at(place) {
            ptr::write_volatile(&raw mut (*sleeper).sequence, sequence);
        }
    }
}

/// The slot of the task that went from this CPU is free, if it sleeps: the switch is done.
#[inline(always)]
pub fn give_back(slot: u32) {
    if let Some(task) = slots::get(slot) {
        // SAFETY: a place in the table; one that is going is this CPU's.
        unsafe {
            if ptr::read_volatile(&raw const (*task).owner) == GOING {
                give_up(task);
            }
        }
    }
}

/// The root call of the task that goes has ended in spite of all: it does not sleep in it.
#[inline(never)]
pub fn forget(slot: u32) {
    if let Some(task) = slots::get(slot) {
        // SAFETY: as in `give_back`.
        unsafe {
            if ptr::read_volatile(&raw const (*task).owner) == GOING {
                busy::clear(task, PARKED);
                free(ptr::read_volatile(&raw const (*task).parked) as u32);
            }
        }
    }
}

#[inline(always)]
unsafe fn give_up(task: *mut Task) {
    // SAFETY: the caller's slot; an interrupt that still comes here finds every context busy.
    unsafe {
        busy::write(task, u32::MAX);
        ptr::write_volatile(&raw mut (*task).owner, 0);
    }
}

#[inline(always)]
fn free(place: u32) {
    if let Some(cell) = key_at(place) {
        // SAFETY: a place of the table, which is the caller's.
        unsafe { ptr::write_volatile(cell, 0) };
        count(-1);
    }
}

/// Whether any task is in the table.
#[inline(always)]
fn any() -> bool {
    // SAFETY: the pointer was checked.
    INSIDE
        .get_ptr(1)
        .is_some_and(|count| unsafe { ptr::read_volatile(count) } != 0)
}

#[inline(always)]
fn count(delta: i64) {
    if let Some(count) = INSIDE.get_ptr_mut(1) {
        // SAFETY: the pointer was checked.
        unsafe { atomic::fetch_add(count, delta as u64) };
    }
}

/// The first place of those where a task may be whose key is accepted.
#[inline(always)]
fn search(key: u64, mut accept: impl FnMut(*mut u64) -> bool) -> u32 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = key.wrapping_mul(GOLDEN);
    for _ in 0..LINES {
        let line = line_of(hash);
        let first = line * u64::from(PARKED_BUCKET);
        let cells =
            (meant::<{ placeholder::PARKED_KEYS }>() as *mut u64).wrapping_add(first as usize);
        for number in 0..PARKED_BUCKET {
            if accept(cells.wrapping_add(number as usize)) {
                return first as u32 + number;
            }
        }
        hash = (hash ^ hash >> 32).wrapping_mul(GOLDEN);
    }
    NOWHERE
}

/// The line that a hash means. 6.1's verifier loses sight of a product whose first factor is the
/// constant, so the order is written down; and 17 bits of the hash, so that it fits 31.
#[inline(always)]
fn line_of(hash: u64) -> u64 {
    const BITS: u32 = 17;
    let mut line = hash >> (u64::BITS - BITS);
    // SAFETY: multiplies a number.
    unsafe {
        asm!("{line} *= {lines}", line = inout(reg) line, lines = in(reg) meant::<{ placeholder::PARKED_BUCKETS }>(),
            options(pure, nomem, nostack, preserves_flags));
    }
    as_it_is(line >> BITS)
}

/// A place, if it is one.
#[inline(always)]
fn checked(place: u32) -> Option<usize> {
    let place = as_it_is(u64::from(place));
    let places = meant::<{ placeholder::PARKED_BUCKETS }>() * u64::from(PARKED_BUCKET);
    (place < places).then_some(place as usize)
}

#[inline(always)]
fn key_at(place: u32) -> Option<*mut u64> {
    let keys = meant::<{ placeholder::PARKED_KEYS }>() as *mut u64;
    checked(place).map(|place| keys.wrapping_add(place))
}

#[inline(always)]
fn sleeper_at(place: u32) -> Option<*mut Sleeper> {
    let sleepers = meant::<{ placeholder::PARKED }>() as *mut Sleeper;
    checked(place).map(|place| sleepers.wrapping_add(place))
}
