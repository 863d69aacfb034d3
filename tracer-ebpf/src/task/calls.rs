//! How deep a call is.
//!
//! A counter alone would drift: the kernel skips a probe that is hit again in an interrupt during
//! its own run, and a hit of the tracer's own making is dropped, so an entry or an exit may be
//! missing. So the frames of the open calls are kept, and an exit takes the depth of its own entry.
//! The usual case is one comparison.

use tracer_common::{Context, Event, EventKind};

use crate::maps::{AT_WORK, FRAMES, NOT_FAST, OpenCall, Task, UNKNOWN};

/// Missing exits that one exit can make good.
const LOOK_BACK: u32 = 8;

/// How many calls are open: the low half of [`Task::depth_and_busy`].
#[inline(always)]
pub unsafe fn read(task: *mut Task) -> u32 {
    // SAFETY: the caller's checked map value.
    unsafe { core::ptr::read_volatile((&raw const (*task).depth_and_busy).cast::<u32>()) }
}

#[inline(always)]
unsafe fn write(task: *mut Task, depth: u32) {
    // SAFETY: the caller's checked map value.
    unsafe { core::ptr::write_volatile((&raw mut (*task).depth_and_busy).cast::<u32>(), depth) };
}

/// Opens a call and returns its depth; the root's is 0.
#[inline(always)]
pub unsafe fn enter(task: *mut Task, frame: u64, function: u32, context: u8) -> u32 {
    // SAFETY: the caller's checked map value; the index is checked.
    unsafe {
        let depth = read(task);
        // Raised first: an interrupt before the call is kept takes the next place, and not this
        // one.
        write(task, depth + 1);
        if (depth as usize) < FRAMES {
            let call = call(task, u64::from(depth));
            core::ptr::write_volatile(&raw mut (*call).frame, frame);
            let number = core::ptr::read_volatile(&raw const (*call).frame);
            let (mark, context) = if context > Context::SoftIrq as u8 {
                (NOT_FAST, 0)
            } else {
                (0, context)
            };
            let identity = Event::identity(
                function,
                (number >> 3) as u16,
                depth as u8,
                Event::pack(EventKind::Entry, context),
            );
            keep(call, depth, number | mark, identity);
        }
        depth
    }
}

/// Keeps what the exit of the call at `depth` needs. The context is that of the identity.
#[inline(always)]
pub unsafe fn keep(call: *mut OpenCall, depth: u32, frame: u64, identity: u64) {
    let state = AT_WORK * (1 + (identity >> 60)) + u64::from(depth) + 1;
    // SAFETY: the caller's place.
    unsafe {
        core::ptr::write_volatile(&raw mut (*call).frame, frame);
        core::ptr::write_volatile(&raw mut (*call).state, state);
        core::ptr::write_volatile(&raw mut (*call).identity, identity);
    }
}

/// The open call at `depth`, which is below [`FRAMES`].
#[inline(always)]
pub unsafe fn call(task: *mut Task, depth: u64) -> *mut OpenCall {
    // SAFETY: the caller's checked map value and its promise.
    unsafe {
        (&raw mut (*task).calls)
            .cast::<OpenCall>()
            .add(depth as usize)
    }
}

/// The frame of the open call at `depth`, which is below [`FRAMES`].
#[inline(always)]
pub unsafe fn frame(task: *mut Task, depth: u32) -> u64 {
    // SAFETY: as `call`.
    unsafe {
        let frame = core::ptr::read_volatile(&raw const (*call(task, u64::from(depth))).frame);
        frame & !NOT_FAST
    }
}

/// Whether a call that was kept with this frame may be the one of an exit with `frame`.
#[inline(always)]
fn is_of(kept: u64, frame: u64) -> bool {
    kept == frame || kept == UNKNOWN
}

/// Whether this is the frame of the innermost open call.
#[inline(always)]
pub unsafe fn is_innermost(task: *mut Task, frame: u64) -> bool {
    // SAFETY: the caller's checked map value; the index is checked.
    unsafe {
        let depth = read(task).wrapping_sub(1);
        (depth as usize) < FRAMES && self::frame(task, depth) == frame
    }
}

/// The depth of the open call with this frame, or that of a call made now.
#[inline(always)]
pub unsafe fn find(task: *mut Task, frame: u64) -> u32 {
    // SAFETY: the caller's checked map value; the index is checked.
    unsafe {
        let open = read(task);
        for back in 1..=LOOK_BACK {
            if back >= open {
                break;
            }
            let depth = open - back;
            // One that is too deep to be known by its frame, or that was left so by a sleep, is
            // taken for the innermost.
            if depth as usize >= FRAMES || is_of(self::frame(task, depth), frame) {
                return depth;
            }
        }
        open
    }
}

/// So many calls stay open.
#[inline(always)]
pub unsafe fn close_from(task: *mut Task, depth: u32) {
    // SAFETY: the caller's checked map value.
    unsafe { write(task, depth) };
}

/// Closes the call with this frame, and those above it whose exits were missed, and returns its
/// depth. An exit without an entry leaves all as it is and gets the depth of a call made now.
#[inline(always)]
pub unsafe fn leave(task: *mut Task, frame: u64) -> u32 {
    // SAFETY: the caller's checked map value.
    unsafe {
        write(task, find(task, frame));
        // Read back, so that the verifier does not follow each of the ways here through all that
        // comes after.
        let depth = read(task);
        if depth == 0 { 1 } else { depth }
    }
}
