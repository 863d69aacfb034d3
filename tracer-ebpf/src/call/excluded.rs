//! Functions that are skipped with everything below them.
//!
//! The first excluded call of a task inside a root leaves its frame in the task's state; while it
//! is there, probes make no events, of the task or of interrupts on top. The exit with the same
//! frame takes it away. That exit may be missed (the kernel skips a probe that is hit again during
//! its own run), so the exit of a call that was open before ends it, too: frames of open calls are
//! known (`calls`), and they are compared for being equal, not for their order, because an
//! interrupt has a stack of its own. Nothing is entered meanwhile, so the depth is right again at
//! once.

use crate::{
    maps::{FRAMES, HIDING, Task},
    probe::{Site, context},
    task::{busy, calls, gate},
};

/// Open calls that are looked at, innermost first, as many as `calls` makes good.
const LOOK_BACK: u32 = 8;

/// An excluded function was entered. Like every entry here it says whether the exit belongs to a
/// call that is open.
#[inline(always)]
pub fn entry<S: Site>(ctx: &S) -> bool {
    gate::inside_root().is_some_and(|task| enter(ctx.frame(), task))
}

/// An excluded function returned.
#[inline(always)]
pub fn exit<S: Site>(ctx: &S) {
    if let Some(task) = gate::inside_root() {
        leave(ctx.frame(), task);
    }
}

/// An excluded function was entered; says whether it is this call that hides.
#[inline(always)]
fn enter(frame: u64, task: *mut Task) -> bool {
    let context = context::current();
    // SAFETY: a checked map value; an interrupt that hides something has shown it again before it
    // returns.
    unsafe {
        // What the tracer's own work calls is no event anyway, and must not hide what comes after.
        let begins = !is_on(task) && !busy::is_at_work(task, context);
        if begins {
            core::ptr::write_volatile(&raw mut (*task).excluded_frame, frame);
            busy::set(task, HIDING);
        }
        begins
    }
}

/// An excluded function returned.
#[inline(always)]
fn leave(frame: u64, task: *mut Task) {
    // SAFETY: a checked map value.
    unsafe {
        if core::ptr::read_volatile(&raw const (*task).excluded_frame) == frame {
            show(task);
        }
    }
}

/// Whether the task is below an excluded call.
#[inline(always)]
pub fn is_on(task: *mut Task) -> bool {
    // SAFETY: a checked map value.
    unsafe { core::ptr::read_volatile(&raw const (*task).excluded_frame) != 0 }
}

/// Whether this exit belongs to what is excluded. The exit of an open call does not: it ends the
/// hiding.
#[inline(always)]
pub fn hides_exit(frame: u64, task: *mut Task) -> bool {
    if !is_on(task) {
        return false;
    }
    // SAFETY: a checked map value.
    unsafe {
        if !is_of_open_call(task, frame) {
            return true;
        }
        show(task);
    }
    false
}

/// Nothing is excluded.
#[inline(always)]
pub unsafe fn show(task: *mut Task) {
    // SAFETY: the caller's checked map value.
    unsafe {
        core::ptr::write_volatile(&raw mut (*task).excluded_frame, 0);
        busy::clear(task, HIDING);
    }
}

/// Whether this is the frame of one of the innermost open calls.
#[inline(always)]
pub fn is_of_open_call(task: *mut Task, frame: u64) -> bool {
    // SAFETY: a checked map value; the index is checked.
    unsafe {
        let open = calls::read(task);
        for back in 1..=LOOK_BACK {
            if back > open {
                return false;
            }
            let depth = open - back;
            if (depth as usize) < FRAMES && calls::frame(task, depth) == frame {
                return true;
            }
        }
        false
    }
}
