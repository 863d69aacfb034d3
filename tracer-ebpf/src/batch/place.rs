//! Places of events in a task's buffer: taking one, and writing what belongs there.

use core::{arch::asm, mem::offset_of, ptr};

use tracer_common::{
    BATCH_CAPACITY, Event, MAX_FRAMES, TASK_BYTES,
    cursor::{self, NEARLY_FULL},
};

use crate::{
    atomic,
    maps::{PLACES, Single, Task, wants_stacks_of_roots},
};

/// What an event says besides its place.
#[derive(Clone, Copy)]
pub struct Hit {
    /// See [`Event::time_ns`].
    pub time_ns: u64,
    /// See [`Event::value`].
    pub value: u64,
    /// See [`Event::function`].
    pub function: u32,
    /// See [`Event::depth`].
    pub depth: u32,
    /// See [`Event::kind_and_context`].
    pub kind_and_context: u8,
}

/// How far the end of a buffer's places is from its beginning, bytes.
pub const END: u64 = cursor::BEGIN + PLACES as u64 * cursor::PLACE;

/// Takes the next place; an interrupt in between gets another one.
#[inline(always)]
pub unsafe fn take_place(task: *mut Task) -> u64 {
    // SAFETY: the caller's checked map value.
    unsafe { atomic::fetch_add(&raw mut (*task).cursor, cursor::STEP) }
}

/// Takes `count` places at once, `MOST` at most; none where there is no room for so many, or an
/// interrupt takes one in the same few instructions. The caller writes meanwhile ([`WRITING`]).
#[inline(always)]
pub unsafe fn take_places<const MOST: u32>(task: *mut Task, count: u64) -> Option<u64> {
    // SAFETY: the caller's checked map value.
    unsafe {
        let cursor = ptr::read_volatile(&raw const (*task).cursor);
        let is_taken = cursor::place(cursor) < PLACES as u32 - MOST
            && atomic::compare_exchange(
                &raw mut (*task).cursor,
                cursor,
                cursor + count * cursor::STEP,
            );
        is_taken.then_some(cursor)
    }
}

/// Whether there is a place where a cursor points to.
#[inline(always)]
pub fn has_place(cursor: u64) -> bool {
    cursor::offset(cursor) < END
}

/// The event at a cursor that [`has_place`].
#[inline(always)]
pub fn event(task: *mut Task, cursor: u64) -> *mut Event {
    // The mask is for the verifier.
    let offset = cursor & (u64::from(TASK_BYTES) - 8);
    task.cast::<u8>().wrapping_add(offset as usize).cast()
}

/// Whether a cursor says that its buffer is nearly full: one instruction, which the compiler does
/// not know.
#[inline(always)]
pub fn is_nearly_full(cursor: u64) -> bool {
    // SAFETY: compares a number.
    unsafe {
        asm!("if {cursor} & {bit} goto {full}", cursor = in(reg) cursor, bit = const NEARLY_FULL,
            full = label { return true }, options(nomem, nostack, preserves_flags));
    }
    false
}

/// Whether a buffer is to be handed over before it is nearly full: where each call of a root has a
/// stack, there must be room for one after an entry and what else is recorded of it.
#[inline(always)]
pub fn needs_room_for_stack(cursor: u64) -> bool {
    const STACK: u32 = MAX_FRAMES + 1;
    wants_stacks_of_roots() && cursor::place(cursor) > BATCH_CAPACITY as u32 / 2 - STACK
}

/// The last event before a cursor, if the buffer has one: else what is no event, and no entry of a
/// function.
#[inline(always)]
pub fn last(task: *mut Task, cursor: u64) -> *mut Event {
    event(task, cursor.wrapping_sub(cursor::PLACE))
}

/// Makes the last event stand for one hit more, if it is the last one still.
#[inline(always)]
pub unsafe fn add_to_last(task: *mut Task, cursor: u64) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { atomic::add_if_same::<_, { offset_of!(Task, cursor) }, { cursor::HIT }>(task, cursor) }
}

/// Where `writer` puts an event that finds no place.
#[inline(always)]
pub unsafe fn single(task: *mut Task, writer: u32) -> *mut Single {
    // SAFETY: the caller's checked map value.
    unsafe {
        (&raw mut (*task).half.singles)
            .cast::<Single>()
            .add((writer & 7) as usize)
    }
}

#[inline(always)]
pub unsafe fn store(event: *mut Event, hit: &Hit, frame: u64) {
    // SAFETY: the caller owns the place.
    unsafe {
        let frame = short(event, frame);
        *event = Event {
            time_ns: hit.time_ns,
            value: hit.value,
            function: hit.function,
            frame,
            depth: if hit.depth > 255 {
                255
            } else {
                hit.depth as u8
            },
            kind_and_context: hit.kind_and_context,
        };
    }
}

/// The short form of a frame. A trampoline's is its context pointer, with which the verifier
/// forbids arithmetic, but once it has been stored in a map and read back it is a number (seen from
/// 6.1 on).
#[inline(always)]
pub unsafe fn short(scratch: *mut Event, frame: u64) -> u16 {
    // SAFETY: the caller owns the place.
    unsafe {
        let cell = &raw mut (*scratch).value;
        ptr::write_volatile(cell, frame);
        (ptr::read_volatile(cell) >> 3) as u16
    }
}
