//! Root calls whose exit was missed.
//!
//! The kernel skips a program that is hit while it runs on the same CPU, and an fprobe for which it
//! has no room, so a root call may return unseen. Its task would seem to be inside it forever:
//! nothing that it calls from then on would be a root call of its own, and the exit of a much later
//! call of the same root, which has the same frame, would end it.
//!
//! What the task does next proves it over. A stack grows downwards, so while a root call is open
//! all that its task calls has a lower address on the same stack, and a root that is entered at the
//! frame or above it is called by somebody outside. The call is closed with a mark
//! ([`EventKind::Missed`]), and the new one begins. Nothing follows from an address on another
//! stack, with one exception: what is called for the task itself finds every interrupt that was on
//! top of it gone, and the root calls of these with it.
//!
//! Asked where a root is entered inside a root call: three comparisons usually.

use core::{hint::cold_path, ptr};

use tracer_common::{Context, EventKind};

use super::ends;
use crate::{
    arch::STACK,
    batch,
    call::profile,
    maps::{ALL_GUARDS, DROPPED, HIDING, NOT_FAST, Task},
    probe::{Site, context},
    task::{busy, calls},
};

/// Whether the task's root call has returned, as the entry of a root by `ctx` proves.
#[inline(always)]
pub fn is_over<S: Site>(ctx: &S, task: *mut Task) -> bool {
    // SAFETY: a checked map value.
    let root = unsafe { ptr::read_volatile(&raw const (*task).root_frame) };
    let (frame, bottom, top) = (ctx.frame(), root & !(STACK - 1), root | (STACK - 1));
    // No arithmetic on the frame: the verifier allows only comparisons.
    if frame >= bottom && frame < root {
        return false;
    }
    cold_path();
    // SAFETY: a checked map value.
    unsafe {
        // Somebody's event is half written, or it is the tracer's own work that calls a root: the
        // next entry will find the same.
        if busy::any(task, !(HIDING | DROPPED)) {
            return false;
        }
        if frame < bottom || frame > top {
            return is_of_interrupt(task) && context::current() == Context::Task as u8;
        }
        frame != root || !S::JUMPS_SHARE_FRAME || !may_be_jumped_to(ctx, task)
    }
}

/// Whether the root call began in an interrupt.
#[inline(always)]
unsafe fn is_of_interrupt(task: *mut Task) -> bool {
    // SAFETY: the caller's checked map value; the root's place is the first.
    unsafe {
        let root = calls::call(task, 0);
        let is_hard = ptr::read_volatile(&raw const (*root).frame) & NOT_FAST != 0;
        let context = ptr::read_volatile(&raw const (*root).identity) >> 60;
        is_hard || context != Context::Task as u64
    }
}

/// Whether this entry, which has the root's frame, may be of a function that the root ends with a
/// jump to: of another one, or of the same one by way of another, which is open then with the same
/// frame.
#[inline(always)]
unsafe fn may_be_jumped_to<S: Site>(ctx: &S, task: *mut Task) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe {
        ptr::read_volatile(&raw const (*task).root_function) != ctx.function()
            || calls::read(task) > 1 && calls::is_innermost(task, ctx.frame())
    }
}

/// Ends the root call without its exit. Nobody is at work for the task.
#[inline(never)]
pub fn close(task: *mut Task) {
    // SAFETY: a checked map value of the current task.
    unsafe { busy::set(task, ALL_GUARDS) };
    batch::push_of_task(task, EventKind::Missed);
    profile::count_open(task);
    ends::close(task);
}
