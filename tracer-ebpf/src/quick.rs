//! The short way: a callee of a task or of a soft interrupt in its time, while no hard interrupt, no other probe and nothing hidden is in play.
//!
//! That is nearly every call, so it decides what tracing costs. It does what `probe` does, in the same order as far as an interrupt can see it;
//! whatever is out of the ordinary goes there. One comparison says that, and that there is room for the call: the depth with the busy bits above it
//! is below [`tracer_common::Config::quick_depth`]. One look at the preempt count says that it is no hard interrupt. An exit does not look: its
//! entry's context stands beside the frame.
//!
//! Cost, counted on 7.3 (`cargo xtask bench`): docs/benchmarks.md has it. The clock alone is 45 instructions of each end. What is kept
//! across the clock's call must be in saved registers, so the CPU's state is looked up again where it is needed, which is off this way.
//!
//! Callers put it into a function of its own behind the gate: a program saves all registers that it uses anywhere when it begins, and a call
//! outside any root should not pay for that.

use core::ptr;

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::{BATCH_CAPACITY, Context, Event, EventKind};

use crate::{
    atomic,
    batch::{self, Hit},
    context, depth,
    maps::{GUARD, OpenCall, Task, WRITING, config},
    probe,
    site::Site,
    task,
};

/// What [`Task::depth_and_busy`] has in its high half while a probe of the task's own is at work; shifted by the context.
const AT_WORK: u64 = ((GUARD | WRITING) as u64) << 32;

/// A callee was entered while the CPU's word was `word`, and not [`crate::maps::OUTSIDE`]. Says whether the exit belongs to a call that
/// is open.
#[inline(always)]
pub fn entry<S: Site>(ctx: &S, word: u32) -> bool {
    let Some(task) = task::of_word(word) else {
        return false;
    };
    // SAFETY: a checked map value; nested contexts leave what they found.
    unsafe {
        let depth = ptr::read_volatile(&raw const (*task).depth_and_busy);
        if depth >= config!(quick_depth) {
            return any_entry(*ctx, task);
        }
        let Some(context) = context::task_or_soft_interrupt() else {
            return any_entry(*ctx, task);
        };
        // The depth is raised first: an interrupt before the call is kept takes the next place, and not this one.
        let state = (AT_WORK << context) + depth + 1;
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        let call = depth::call(task, depth);
        ptr::write_volatile(&raw mut (*call).frame, ctx.frame());
        ptr::write_volatile(&raw mut (*call).context, context);
        let function = probe::function(ctx);
        let hit = Hit {
            time_ns: bpf_ktime_get_ns(),
            value: 0,
            function,
            depth: depth as u32,
            kind_and_context: EventKind::Entry as u8,
        };
        push(task, call, &hit);
    }
    true
}

/// A callee returned while the CPU's word was `word`, and not [`crate::maps::OUTSIDE`].
#[inline(always)]
pub fn exit<S: Site>(ctx: &S, word: u32) {
    let Some(task) = task::of_word(word) else {
        return;
    };
    // SAFETY: as in `entry`.
    unsafe {
        // What is in the probe's context first, so that the time need not be kept across it; the time next, so that our own
        // work is not in the duration.
        let (value, function) = (ctx.value(), probe::function(ctx));
        let time_ns = bpf_ktime_get_ns();
        let depth = ptr::read_volatile(&raw const (*task).depth_and_busy).wrapping_sub(1);
        if depth >= config!(quick_depth) {
            return any_exit(*ctx, task, time_ns);
        }
        let call = depth::call(task, depth);
        let context = ptr::read_volatile(&raw const (*call).context);
        if ptr::read_volatile(&raw const (*call).frame) != ctx.frame()
            || context > Context::SoftIrq as u64
        {
            return any_exit(*ctx, task, time_ns);
        }
        let state = (AT_WORK << context) + depth;
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        let hit = Hit {
            time_ns,
            value,
            function,
            depth: depth as u32,
            kind_and_context: EventKind::Exit as u8,
        };
        push(task, call, &hit);
    }
}

/// The way that knows all cases. A function of its own, so that what it needs is not kept at hand on the short way.
#[inline(never)]
fn any_entry<S: Site>(ctx: S, task: *mut Task) -> bool {
    probe::entry(&ctx, task, false)
}

/// As [`any_entry`].
#[inline(never)]
fn any_exit<S: Site>(ctx: S, task: *mut Task, time_ns: u64) {
    probe::exit(&ctx, task, time_ns, false);
}

/// Stores the event of a call, hands the batch over if it is nearly full, and is no longer at work. The context of `hit` is still missing.
#[inline(always)]
unsafe fn push(task: *mut Task, call: *mut OpenCall, hit: &Hit) {
    // SAFETY: a checked map value, and one of its open calls; a place below the capacity is ours alone once it is taken.
    unsafe {
        // Read back from the map they are numbers to the verifier: a frame may be shifted, see `batch`.
        let frame = ptr::read_volatile(&raw const (*call).frame);
        let context = ptr::read_volatile(&raw const (*call).context);
        let event = Event {
            time_ns: hit.time_ns,
            value: hit.value,
            function: hit.function,
            frame: (frame >> 3) as u16,
            depth: hit.depth as u8,
            kind_and_context: hit.kind_and_context | (context << 4) as u8,
        };
        let cursor = atomic::fetch_add(&raw mut (*task).cursor, 1);
        let place = batch::place(cursor);
        if place < BATCH_CAPACITY as u64 {
            *batch::event(task, cursor) = event;
        } else {
            (*batch::single(task, context as u32)).event = event;
            batch::early(task, cursor, context as u32);
        }
        if place >= batch::NEARLY_FULL - 1 {
            return hand_over(task, context as u32);
        }
        // It was 0, and who came on top has left it as it was.
        batch::set_busy(task, 0);
    }
}

/// Hands the batch over, and is no longer at work in the context of the call's entry. A few functions return in another one
/// (`irq_enter_rcu`): what the handing over calls must find the guard of the one that it runs in.
#[inline(never)]
fn hand_over(task: *mut Task, context: u32) {
    let (entered, now) = (context & 1, u32::from(context::current()));
    // SAFETY: a checked map value.
    unsafe {
        batch::set(task, GUARD << now);
        batch::clear(task, WRITING << entered);
        batch::flush_if_full(task);
        batch::clear(task, GUARD << now | GUARD << entered);
    }
}
