//! The fast path: a callee of a task or of a soft interrupt in its time, while no hard interrupt,
//! no other probe and nothing excluded is in play.
//!
//! That is nearly every call, so it decides what tracing costs. It does what `slow` does, in the
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

use core::{arch::asm, hint::cold_path, mem::offset_of, ptr};

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::{Event, EventKind, PreemptLayout, placeholder};

use super::slow;
use crate::{
    batch,
    call::profile,
    maps::{AT_WORK, FAST, GUARD, OpenCall, Task, as_it_is, meant},
    probe::{Site, context},
    task::{busy, calls, gate},
};

/// By how much [`AT_WORK`] is above the bit that [`context::soft_interrupt`] answers with.
const SOFT_TO_WORK: u32 = AT_WORK.trailing_zeros() - PreemptLayout::SERVING_SOFT_INTERRUPT;

/// Where the depth is in an event's identity.
const DEPTH: u32 = 48;

/// Where the kind is, counted from there.
const KIND: u32 = 8;

/// By how much the lowest bit of the context, counted from there, is above it.
const SOFT_TO_CONTEXT: u32 = KIND + 4 - PreemptLayout::SERVING_SOFT_INTERRUPT;

/// The bits of a frame that an event has: how many are above them, and how far below they go then.
const FRAME: (u32, u32) = (64 - 19, 16);

/// What makes the identity of an exit from the one of its entry.
const ENTRY_TO_EXIT: u64 = ((EventKind::Exit as u64) - (EventKind::Entry as u64)) << 56;

/// What makes the kind of a leaf from the one of its entry.
const ENTRY_TO_LEAF: u8 = EventKind::Leaf as u8 - EventKind::Entry as u8;

/// A callee was entered; `task` is from the gate. Says whether the exit belongs to a call that is
/// open.
#[inline(always)]
pub fn entry<S: Site>(ctx: &S, task: *mut Task) -> bool {
    // SAFETY: a place in the table; nested contexts leave what they found.
    unsafe {
        // Then the preempt count is not known, and what looks for it is no part of the program.
        if meant::<{ placeholder::IS_FAST }>() == 0 {
            cold_path();
            return any_entry(*ctx);
        }
        let mut function = 0;
        ptr::write_volatile(&raw mut function, ctx.function_id());
        let Some(soft) = context::soft_interrupt() else {
            cold_path();
            return any_entry(*ctx);
        };
        // The calls under the root.
        let calls = open_calls(task);
        if are_too_many(calls) {
            cold_path();
            return any_entry(*ctx);
        }
        if are_counted(calls) {
            cold_path();
            // Or the compiler makes one of what both have in common, and asks again after it.
            let calls = as_it_is(calls);
            open(
                ctx,
                task,
                calls,
                soft,
                ptr::read_volatile(&raw const function),
            );
            profile::enter_under(task, calls);
            idle(task);
            return true;
        }
        let function = ptr::read_volatile(&raw const function);
        let identity = open(ctx, task, calls, soft, function);
        let cursor = batch::take_place(task);
        if batch::is_nearly_full(cursor) {
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
        put_0::<_, { offset_of!(Event, value) }>(event);
        (*event).time_ns = bpf_ktime_get_ns();
        idle(task);
    }
    true
}

/// Opens a call under so many others: it is kept, and a probe is at work for it. Returns the
/// identity of its entry.
#[inline(always)]
unsafe fn open<S: Site>(ctx: &S, task: *mut Task, calls: u64, soft: u64, function: u32) -> u64 {
    // SAFETY: the caller's place in the table, and that of the call, which comes by order.
    unsafe {
        // The depth is raised first: an interrupt before the call is kept takes the next place, and
        // not this one.
        let state = calls + (AT_WORK + 2) + (soft << SOFT_TO_WORK);
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        let call = call(task, calls);
        ptr::write_volatile(&raw mut (*call).frame, ctx.frame());
        ptr::write_volatile(&raw mut (*call).state, state);
        // Read back from the map it is a number to the verifier.
        let frame = ptr::read_volatile(&raw const (*call).frame);
        // As `Event::identity` has it.
        let upper = (soft << SOFT_TO_CONTEXT) + calls + (1 | (EventKind::Entry as u64) << KIND);
        let frame = as_it_is(frame << FRAME.0) >> FRAME.1;
        let identity = as_it_is(upper) << DEPTH | frame | u64::from(function);
        ptr::write_volatile(&raw mut (*call).identity, identity);
        identity
    }
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
        if are_too_many(calls) {
            cold_path();
            return any_exit(*ctx, time_ns);
        }
        if are_counted(calls) {
            cold_path();
            return count_exit(ctx, task, calls, time_ns);
        }
        let call = call(task, calls);
        if ptr::read_volatile(&raw const (*call).frame) != ctx.frame() {
            cold_path();
            return any_exit(*ctx, time_ns);
        }
        let state = ptr::read_volatile(&raw const (*call).state) - 1;
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        let identity = ptr::read_volatile(&raw const (*call).identity);
        if complete(ctx, task, identity, time_ns) {
            return idle(task);
        }
        let identity = identity + ENTRY_TO_EXIT;
        let cursor = batch::take_place(task);
        if batch::is_nearly_full(cursor) {
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
        idle(task);
    }
}

/// As [`exit`] of the call under so many others, where functions are counted.
#[inline(always)]
unsafe fn count_exit<S: Site>(ctx: &S, task: *mut Task, calls: u64, time_ns: u64) {
    // SAFETY: as in `exit`.
    unsafe {
        let call = call(task, calls);
        if ptr::read_volatile(&raw const (*call).frame) != ctx.frame() {
            cold_path();
            return any_exit(*ctx, time_ns);
        }
        let state = ptr::read_volatile(&raw const (*call).state) - 1;
        let function = ptr::read_volatile(&raw const (*call).identity) as u32;
        let exit = profile::Exit::under(task, calls, function, time_ns);
        ptr::write_volatile(&raw mut (*task).depth_and_busy, state);
        exit.add(ctx.value());
        idle(task);
    }
}

/// No probe is at work: nobody was, and who came on top has left it so.
#[inline(always)]
unsafe fn idle(task: *mut Task) {
    const BUSY: usize = offset_of!(Task, depth_and_busy) + size_of::<u32>();
    // SAFETY: the caller's place in the table.
    unsafe {
        asm!("*(u32 *)({task} + {offset}) = 0", task = in(reg) task, offset = const BUSY,
            options(nostack, preserves_flags));
    }
}

/// Writes 0 where a map's memory is so far from `base`: one instruction, where the compiler takes
/// two.
#[inline(always)]
unsafe fn put_0<T, const OFFSET: usize>(base: *mut T) {
    // SAFETY: the caller's place.
    unsafe {
        asm!("*(u64 *)({base} + {offset}) = 0", base = in(reg) base, offset = const OFFSET,
            options(nostack, preserves_flags));
    }
}

/// Whether functions are counted in the kernel, as [`crate::maps::counts_functions`] says. The
/// answer costs nothing: the verifier knows how many calls there are at most, and takes the
/// comparison with a number out of the program.
#[inline(always)]
fn are_counted(calls: u64) -> bool {
    is_at_least::<{ placeholder::PROFILE_CALLS }>(calls)
}

/// Whether so many calls are open under the root that the slow path is to be taken.
#[inline(always)]
fn are_too_many(calls: u64) -> bool {
    is_at_least::<{ placeholder::FAST_CALLS }>(calls)
}

/// Compares with a number that userspace puts in the place of `NUMBER`: one instruction, which the
/// compiler does not know.
#[inline(always)]
fn is_at_least<const NUMBER: i32>(calls: u64) -> bool {
    // SAFETY: compares a number.
    unsafe {
        asm!("if {calls} >= {least} goto {is}", calls = in(reg) calls, least = const NUMBER,
            is = label { return true }, options(nomem, nostack, preserves_flags));
    }
    false
}

/// Completes the entry of the call that returns, if nothing came after it: half of the calls of a
/// send and more call nothing that has a probe. Then it stands for both ends, and the exit needs no
/// place. An interrupt on top that takes a place meanwhile makes it an ordinary exit. Who is on the
/// fast path has the buffer in use for itself, so it is not handed over.
#[inline(always)]
unsafe fn complete<S: Site>(ctx: &S, task: *mut Task, entry: u64, time_ns: u64) -> bool {
    // SAFETY: the caller's place in the table.
    unsafe {
        let cursor = ptr::read_volatile(&raw const (*task).cursor);
        let event = batch::last(task, cursor);
        if ptr::read_volatile(event.cast::<u64>().add(WORD)) != entry {
            return false;
        }
        let duration = time_ns.wrapping_sub(ptr::read_volatile(&raw const (*event).time_ns));
        if duration > u64::from(u16::MAX) || !batch::add_to_last(task, cursor) {
            cold_path();
            return false;
        }
        (*event).frame = duration as u16;
        (*event).kind_and_context = (entry >> 56) as u8 + ENTRY_TO_LEAF;
        ctx.store_value(&raw mut (*event).value);
        true
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
    unsafe { calls::call(task, calls).add(1) }
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
    ours().is_some_and(|task| slow::entry::<_, false>(&ctx, task, false))
}

/// As [`any_entry`].
#[inline(never)]
fn any_exit<S: Site>(ctx: S, time_ns: u64) {
    if let Some(task) = ours() {
        slow::exit(&ctx, task, time_ns, false);
    }
}

/// The state of the current task, if that is inside a root call of this program's side.
#[inline(always)]
fn ours() -> Option<*mut Task> {
    gate::inside_root().filter(|&task| gate::is_ours(task))
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
        busy::set(task, GUARD << now | GUARD << entered);
        if batch::has_place(cursor) {
            put_words(batch::event(task, cursor), event);
        } else {
            put_words(&raw mut (*batch::single(task, entered)).event, event);
            batch::early(task, cursor, entered);
        }
        busy::clear(task, FAST << entered);
        batch::flush_if_full(task);
        busy::clear(task, GUARD << now | GUARD << entered);
    }
}
