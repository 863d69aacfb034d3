//! How deep a call is.
//!
//! A counter alone would drift: the kernel skips a probe that is hit again in an interrupt during its own run, and a hit
//! of the tracer's own making is dropped, so an entry or an exit may be missing. So the frames of the open calls are
//! kept, and an exit takes the depth of its own entry. The usual case is one comparison.

use crate::maps::{FRAMES, Task};

/// Missing exits that one exit can make good.
const LOOK_BACK: u32 = 8;

/// Opens a call and returns its depth; the root's is 0.
#[inline(always)]
pub unsafe fn enter(task: *mut Task, frame: u64) -> u32 {
    // SAFETY: the caller's checked map value; the index is checked.
    unsafe {
        let depth = core::ptr::read_volatile(&raw const (*task).depth);
        // Raised first: an interrupt before the frame is kept takes the next place, and not this one.
        core::ptr::write_volatile(&raw mut (*task).depth, depth + 1);
        if (depth as usize) < FRAMES {
            let frames = (&raw mut (*task).frames).cast::<u64>();
            core::ptr::write_volatile(frames.add(depth as usize), frame);
        }
        depth
    }
}

/// Whether this is the frame of the innermost open call.
#[inline(always)]
pub unsafe fn is_innermost(task: *mut Task, frame: u64) -> bool {
    // SAFETY: the caller's checked map value; the index is checked.
    unsafe {
        let depth = (*task).depth.wrapping_sub(1);
        let frames = (&raw const (*task).frames).cast::<u64>();
        (depth as usize) < FRAMES && core::ptr::read_volatile(frames.add(depth as usize)) == frame
    }
}

/// Closes the call with this frame, and those above it whose exits were missed, and returns its depth. An exit without
/// an entry leaves all as it is and gets the depth of a call made now.
#[inline(always)]
pub unsafe fn leave(task: *mut Task, frame: u64) -> u32 {
    // SAFETY: the caller's checked map value; the index is checked.
    unsafe {
        let open = (*task).depth;
        let frames = (&raw const (*task).frames).cast::<u64>();
        for back in 1..=LOOK_BACK {
            if back >= open {
                break;
            }
            let depth = open - back;
            // One that is too deep to be known by its frame is taken for the innermost.
            if depth as usize >= FRAMES
                || core::ptr::read_volatile(frames.add(depth as usize)) == frame
            {
                core::ptr::write_volatile(&raw mut (*task).depth, depth);
                break;
            }
        }
        // Read back, so that the verifier does not follow each of the ways here through all that comes behind.
        let depth = core::ptr::read_volatile(&raw const (*task).depth);
        if depth == 0 { 1 } else { depth }
    }
}
