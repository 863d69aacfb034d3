//! The two buffers of a task and the cursor that says which one takes events.

use core::ptr;

use tracer_common::{Arrival, cursor, generation};

use crate::{
    atomic,
    maps::{Buffer, PLACES, Task},
};

/// Makes the buffers ready for events of the slot's generation from number `sequence` on. The rest
/// of their headers is written when they are handed over.
#[inline(always)]
pub unsafe fn begin(task: *mut Task, sequence: u64, root_time_ns: u64, pid_tgid: u64) {
    // SAFETY: the caller's slot.
    unsafe {
        let generation = (*task).generation as u16;
        (*task).cursor = cursor::BEGIN;
        // Volatile as in `slots::claim`: a loop over 16 bytes takes a hundred instructions.
        ptr::write_volatile(&raw mut (*task).held, 0);
        ptr::write_volatile(&raw mut (*task).early, 0);
        (*task).first.beyond.early = 0;
        let second = &raw mut (*task).half.second.header;
        for header in [&raw mut (*task).first.header, second] {
            ptr::write_volatile(&raw mut (*header).sequence, sequence);
            ptr::write_volatile(&raw mut (*header).root_time_ns, root_time_ns);
            (*header).tid = pid_tgid as u32;
            (*header).tgid = (pid_tgid >> 32) as u32;
            (*header).early = Arrival::InOrder as u16 | generation << generation::SHIFT;
        }
    }
}

/// The root is entered at `time_ns`. Until then nothing of the root call is handed over.
#[inline(always)]
pub unsafe fn enter_root(task: *mut Task, time_ns: u64) {
    // SAFETY: the caller's slot.
    unsafe {
        (*task).first.header.root_time_ns = time_ns;
        (*task).half.second.header.root_time_ns = time_ns;
    }
}

/// The buffer that a cursor means.
#[inline(always)]
pub fn buffer(task: *mut Task, cursor: u64) -> *mut Buffer {
    task.cast::<u8>()
        .wrapping_add(cursor::buffer(cursor) as usize)
        .cast()
}

/// The number of the next hit.
#[inline(always)]
pub unsafe fn next_sequence(task: *mut Task) -> u64 {
    // SAFETY: the caller's checked map value.
    unsafe {
        let cursor = ptr::read_volatile(&raw const (*task).cursor);
        (*buffer(task, cursor)).header.sequence + cursor::hits(cursor)
    }
}

/// Whether all events of the root call are still in its buffers: the one in use is the first one,
/// or that is held.
#[inline(always)]
pub unsafe fn has_all(task: *mut Task) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe {
        let cursor = ptr::read_volatile(&raw const (*task).cursor);
        let is_first = (*buffer(task, cursor)).header.sequence == 0;
        (is_first || (*task).held != 0) && (*task).early == 0
    }
}

/// Tries to take a buffer out of use. Each that fails was undone by an interrupt in the same few
/// instructions.
const TRIES: u32 = 2;

/// Takes the buffer in use out of use and the other one into it. Returns how many events it has: 0
/// also if it is still in use.
#[inline(always)]
pub unsafe fn change_buffer(task: *mut Task) -> u64 {
    // SAFETY: the caller's checked map value.
    unsafe {
        for _ in 0..TRIES {
            let cursor = ptr::read_volatile(&raw const (*task).cursor);
            let full = buffer(task, cursor);
            let taken = u64::from(cursor::place(cursor));
            // Before it is in use: an event that finds no place there needs the number at once.
            let other = cursor::first_of_other(cursor);
            let next = buffer(task, other);
            (*next).header.sequence = (*full).header.sequence + cursor::hits(cursor);
            (*next).beyond.early = 0;
            if atomic::compare_exchange(&raw mut (*task).cursor, cursor, other) {
                return if taken > PLACES as u64 {
                    PLACES as u64
                } else {
                    taken
                };
            }
        }
    }
    0
}
