//! The fast path: a callee of a task or of a soft interrupt in its time, while no hard interrupt,
//! no other probe and nothing excluded is in play.
//!
//! That is nearly every call, so it decides what tracing costs. It does what `probe` does, in the
//! same order as far as an interrupt can see it; whatever is out of the ordinary goes there. One
//! comparison says that, and that there is room for the call: the depth with the busy bits above it
//! is below [`tracer_common::Config::fast_depth`]. One look at the preempt count says that it is
//! no hard interrupt. An exit does not look: what its entry knew stands beside the frame.
//!
//! Cost, counted on 7.3 (`cargo xtask bench`): docs/benchmarks.md has it. The clock alone is 45
//! instructions of each end. A program saves all registers that it uses anywhere when it begins,
//! also for a call outside any root, and a call of another function of its own costs a dozen
//! instructions. So this is part of the program, and made so that two registers are enough: the
//! task, and either the probe's context or the event, are all that is kept across the call of a
//! helper. What else is needed after one is read again. What leads elsewhere is marked as cold, so
//! that the compiler lays the fast path out without jumps. (A function that is `#[cold]` goes into
//! a section of its own, in which aya's linking does not find it.)

use core::{hint::cold_path, ptr};

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::{Event, EventKind, PreemptLayout, cursor::place, placeholder};

use crate::{
    batch, context, depth, gate,
    maps::{FAST, GUARD, OpenCall, PLACES, Task, meant},
    probe, profile,
    site::Site,
};

/// What [`Task::depth_and_busy`] has in its high half while a probe is at work for the task; for a
/// soft interrupt it is twice that.
pub const AT_WORK: u64 = (FAST as u64) << 32;

/// By how much [`AT_WORK`] is above the bit that [`context::soft_interrupt`] answers with.
const SOFT_TO_WORK: u32 = AT_WORK.trailing_zeros() - PreemptLayout::SERVING_SOFT_INTERRUPT;

/// By how much the lowest bit of the context in the upper half of an event's identity is above it.
const SOFT_TO_IDENTITY: u32 = 28 - PreemptLayout::SERVING_SOFT_INTERRUPT;

/// What makes the identity of an exit from the one of its entry.
const ENTRY_TO_EXIT: u64 = ((EventKind::Exit as u64) - (EventKind::Entry as u64)) << 56;

/// A callee was entered; `task` is from the gate. Says whether the exit belongs to a call that is
/// open.
#[inline(always)]
pub fn entry<S: Site>(ctx: &S, task: *mut Task) -> bool {
    // SAFETY: a place in the table; nested contexts leave what they found.
    unsafe {
        // Then the preempt count is not known, and what looks for it is no part of the program.
        if meant::<{ placeholder::FAST_CALLS }>() == 0 {
            cold_path();
            return any_entry(*ctx);
        }
        let mut function = 0;
        ptr::write_volatile(&raw mut function, probe::function(ctx));
        let Some(soft) = context::soft_interrupt() else {
            cold_path();
            return any_entry(*ctx);
        };
        // The calls under the root.
        let calls = open_calls(task);
        if calls >= meant::<{ placeholder::FAST_CALLS }>() {
            cold_path();
            return any_entry(*ctx);
        }
        // The depth is raised first: an interrupt before the call is kept takes the next place, and
        // not this one.
        let state = calls + (AT_WORK + 2) + (soft << SOFT_TO_WORK);
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        let call = call(task, calls);
        ptr::write_volatile(&raw mut (*call).frame, ctx.frame());
        ptr::write_volatile(&raw mut (*call).state, state);
        // Read back from the map it is a number to the verifier.
        let frame = ptr::read_volatile(&raw const (*call).frame) as u32;
        // As `Event::identity` has it.
        let upper = (frame << 13 >> 16)
            + ((calls as u32 + 1) << 16)
            + (soft << SOFT_TO_IDENTITY) as u32
            + ((EventKind::Entry as u32) << 24);
        let halves = (&raw mut (*call).identity).cast::<u32>();
        ptr::write_volatile(halves, ptr::read_volatile(&raw const function));
        ptr::write_volatile(halves.add(1), upper);
        if profile::is_on() {
            profile::enter_under(task, calls);
            batch::set_busy(task, 0);
            return true;
        }
        let cursor = batch::take_place(task);
        let identity = ptr::read_volatile(&raw const (*call).identity);
        if place(cursor) >= LAST_PLACE {
            cold_path();
            (*task).pending.cursor = cursor;
            write(&raw mut (*task).pending.event, identity);
            (*task).pending.event.value = 0;
            (*task).pending.event.time_ns = bpf_ktime_get_ns();
            at_the_end(task);
            return true;
        }
        let event = batch::event(task, cursor);
        write(event, identity);
        (*event).value = 0;
        (*event).time_ns = bpf_ktime_get_ns();
        // It was 0, and who came on top has left it as it was.
        batch::set_busy(task, 0);
    }
    true
}

/// A callee returned; `task` is from the gate.
#[inline(always)]
pub fn exit<S: Site>(ctx: &S, task: *mut Task) {
    // SAFETY: as in `entry`.
    unsafe {
        // First, so that our own work is not in the duration.
        let time_ns = bpf_ktime_get_ns();
        // Those that will be open.
        let calls = open_calls(task).wrapping_sub(1);
        if calls >= meant::<{ placeholder::FAST_CALLS }>() {
            cold_path();
            return any_exit(*ctx, time_ns);
        }
        let call = call(task, calls);
        if ptr::read_volatile(&raw const (*call).frame) != ctx.frame() {
            cold_path();
            return any_exit(*ctx, time_ns);
        }
        let state = ptr::read_volatile(&raw const (*call).state) - 1;
        if profile::is_on() {
            let function = ptr::read_volatile(&raw const (*call).identity) as u32;
            let exit = profile::Exit::under(task, calls, function, time_ns);
            ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
            exit.add(ctx.value());
            return batch::set_busy(task, 0);
        }
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        let identity = ptr::read_volatile(&raw const (*call).identity) + ENTRY_TO_EXIT;
        let cursor = batch::take_place(task);
        if place(cursor) >= LAST_PLACE {
            cold_path();
            (*task).pending.cursor = cursor;
            (*task).pending.event.time_ns = time_ns;
            write(&raw mut (*task).pending.event, identity);
            ctx.store_value(&raw mut (*task).pending.event.value);
            return at_the_end(task);
        }
        let event = batch::event(task, cursor);
        (*event).time_ns = time_ns;
        write(event, identity);
        ctx.store_value(&raw mut (*event).value);
        batch::set_busy(task, 0);
    }
}

/// An event as words.
type Words = [u64; size_of::<Event>() / size_of::<u64>()];

/// Which of them the fields are that [`Event::identity`] packs.
const WORD: usize = core::mem::offset_of!(Event, function) / size_of::<u64>();

/// Reads an event word by word: what is copied as a whole goes byte by byte, in a loop.
#[inline(always)]
unsafe fn words(event: *const Event) -> Words {
    let word = event.cast::<u64>();
    // SAFETY: the caller's event, which is so many words.
    unsafe { [0, 1, 2].map(|at| ptr::read_volatile(word.add(at))) }
}

/// Writes what [`words`] has read.
#[inline(always)]
unsafe fn put_words(event: *mut Event, [time, value, identity]: Words) {
    let word = event.cast::<u64>();
    // SAFETY: the caller's place for an event.
    unsafe {
        ptr::write_volatile(word, time);
        ptr::write_volatile(word.add(1), value);
        ptr::write_volatile(word.add(2), identity);
    }
}

/// After an event at this place, the batch is handed over.
const LAST_PLACE: u32 = batch::NEARLY_FULL - 1;

/// Calls that are open under the root, if nothing is out of the ordinary; more than there can be
/// otherwise, and where no root is open.
#[inline(always)]
unsafe fn open_calls(task: *mut Task) -> u64 {
    // SAFETY: the caller's place in the table.
    unsafe { ptr::read_volatile(&raw const (*task).depth_and_busy).wrapping_sub(1) }
}

/// What is kept of the call under the root that so many are around.
#[inline(always)]
unsafe fn call(task: *mut Task, calls: u64) -> *mut OpenCall {
    // SAFETY: the caller's place in the table, and its number.
    unsafe { depth::call(task, calls).add(1) }
}

/// Writes the end of an event.
#[inline(always)]
unsafe fn write(event: *mut Event, identity: u64) {
    // SAFETY: the caller's place; the fields from there on are what `Event::identity` packs.
    unsafe { *event.cast::<u64>().add(WORD) = identity };
}

/// The slow path. A function of its own, so that what it needs is not kept at hand
/// on the fast path.
#[inline(never)]
fn any_entry<S: Site>(ctx: S) -> bool {
    ours().is_some_and(|task| probe::entry(&ctx, task, false))
}

/// As [`any_entry`].
#[inline(never)]
fn any_exit<S: Site>(ctx: S, time_ns: u64) {
    if let Some(task) = ours() {
        probe::exit(&ctx, task, time_ns, false);
    }
}

/// The state of the current task, if that is inside a root call of this program's side.
#[inline(always)]
fn ours() -> Option<*mut Task> {
    probe::inside_root().filter(|&task| gate::is_ours(task))
}

/// Stores what is pending, hands the batch over, and is no longer at work in the context of the
/// call's entry. A few functions return in another one (`irq_enter_rcu`): what the handing over
/// calls must find the guard of the one that it runs in.
#[inline(never)]
fn at_the_end(task: *mut Task) {
    let now = u32::from(context::current());
    // SAFETY: the caller's place in the table, and what is pending is its; a place below the
    // capacity is ours alone once it is taken.
    unsafe {
        let cursor = (*task).pending.cursor;
        let event = words(&raw const (*task).pending.event);
        let entered = (event[WORD] >> 60) as u32 & 1;
        batch::set(task, GUARD << now | GUARD << entered);
        if place(cursor) < PLACES as u32 {
            put_words(batch::event(task, cursor), event);
        } else {
            put_words(&raw mut (*batch::single(task, entered)).event, event);
            batch::early(task, cursor, entered);
        }
        batch::clear(task, FAST << entered);
        batch::flush_if_full(task);
        batch::clear(task, GUARD << now | GUARD << entered);
    }
}
