//! Events into a task's batch, batches into the CPU's ring.
//!
//! A buffer is written by its task and by interrupts that arrive on top of it, on one CPU at a
//! time. A place is taken by one atomic addition to the task's cursor, so an interrupt between any
//! two instructions gets a place of its own. Each task has two buffers, and the cursor says which
//! one takes events: while one is handed over, interrupts find the other. Nothing is handed over
//! while an event below is half written. A hit that finds no place then (an interrupt on top of a
//! half written event that brings more than there is room for) goes into the ring at once, as an
//! early batch of one: its number says where it belongs. So an event is lost only when the ring is
//! full, and that is counted.
//!
//! Cost: per event one atomic addition and 24 bytes; the ring's spin lock, its header and the
//! reader's wake-up once per batch.

use core::{arch::asm, ffi::c_void, hint::cold_path, mem::offset_of};

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::{bpf_ringbuf_output, generated::bpf_ringbuf_query},
};
use tracer_common::{
    Arrival, BatchHeader, Event, TASK_BYTES,
    cursor::{self, NEARLY_FULL},
};

use crate::{
    atomic,
    count::below,
    decide,
    maps::{
        ALL_GUARDS, ALL_WRITING, Buffer, FAST, FLUSHING, GUARD, PARKED, PLACES, RINGS, Single,
        Task, WRITING, config, cpu_number, this_cpu,
    },
    parked, profile, stack, task,
};

/// Tries to take a buffer out of use. Each that fails was undone by an interrupt in the same few
/// instructions.
const TRIES: u32 = 2;

/// How far the end of a buffer's places is from its beginning, bytes.
const END: u64 = cursor::BEGIN + PLACES as u64 * cursor::PLACE;

/// Whether the reader is woken. The wake-up is an interrupt that the CPU sends to itself: in the
/// middle of a root call it would land in the graph.
#[derive(Clone, Copy)]
pub enum Wake {
    /// Not now: the end of the root call will, or the reader looks by itself.
    Later,
    /// If the ring holds much: a wake-up costs as much as dozens of calls, and the reader looks by
    /// itself every few milliseconds.
    IfMuch,
}

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

/// Stores one event. `writer` is the context, or [`crate::maps::SWITCH`]; `frame` is the call's, or
/// 0.
#[inline(always)]
pub fn push(task: *mut Task, writer: u32, hit: &Hit, frame: u64) {
    if profile::is_on() {
        return;
    }
    // SAFETY: `task` is a checked map value, and the place is ours alone once it is taken.
    unsafe {
        // First of all: from here on no interrupt hands over, so the buffer stays in use until the
        // event is whole.
        set(task, WRITING << writer);
        let cursor = take_place(task);
        if has_place(cursor) {
            store(event(task, cursor), hit, frame);
        } else {
            let single = single(task, writer);
            store(&raw mut (*single).event, hit, frame);
            early(task, cursor, writer);
        }
        clear(task, WRITING << writer);
    }
}

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
        let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
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

/// Hands over the event that found no place at `cursor` and was put into the writer's single. The
/// place is given back, but for the first one: so the event before the cursor is not the last one.
#[inline(never)]
pub fn early(task: *mut Task, cursor: u64, writer: u32) {
    // SAFETY: as in `push`.
    unsafe {
        if cursor::offset(cursor) > END {
            atomic::fetch_add(&raw mut (*task).cursor, cursor::PLACE.wrapping_neg());
        }
        let buffer = buffer(task, cursor);
        atomic::fetch_add(&raw mut (*buffer).beyond.early, 1);
        let single = single(task, writer);
        (*single).header = BatchHeader {
            sequence: (*buffer).header.sequence + cursor::hits(cursor),
            early: (*buffer).header.early | Arrival::Early as u16,
            ..(*buffer).header
        };
        core::ptr::write_volatile(&raw mut (*task).early, 1);
        output(&raw mut (*single).header, 1, 1, Wake::Later);
    }
}

#[inline(always)]
unsafe fn store(event: *mut Event, hit: &Hit, frame: u64) {
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

/// Interrupts change `busy` too, but leave it as they found it: a plain read and write loses
/// nothing.
#[inline(always)]
pub unsafe fn set(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe { set_busy(task, busy(task) | bits) };
}

/// See [`set`].
#[inline(always)]
pub unsafe fn clear(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe { set_busy(task, busy(task) & !bits) };
}

/// Whether any of `bits` is set.
#[inline(always)]
pub unsafe fn any(task: *mut Task, bits: u32) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { busy(task) & bits != 0 }
}

/// Whether a probe is at work for this context.
#[inline(always)]
pub unsafe fn is_at_work(task: *mut Task, context: u8) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { any(task, (GUARD | FAST) << context) }
}

/// Whether the probe with this guard runs on top of another one of the task.
#[inline(always)]
pub unsafe fn is_on_top(task: *mut Task, guard: u32) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { any(task, (ALL_GUARDS | ALL_GUARDS * FAST) & !guard) }
}

/// The high half of [`Task::depth_and_busy`].
#[inline(always)]
pub unsafe fn busy(task: *mut Task) -> u32 {
    // SAFETY: the caller's checked map value.
    unsafe {
        let halves = (&raw const (*task).depth_and_busy).cast::<u32>();
        core::ptr::read_volatile(halves.add(1))
    }
}

/// See [`busy`].
#[inline(always)]
pub unsafe fn set_busy(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe {
        let halves = (&raw mut (*task).depth_and_busy).cast::<u32>();
        core::ptr::write_volatile(halves.add(1), bits);
    }
}

/// The number of the next hit.
#[inline(always)]
pub unsafe fn next_sequence(task: *mut Task) -> u64 {
    // SAFETY: the caller's checked map value.
    unsafe {
        let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
        (*buffer(task, cursor)).header.sequence + cursor::hits(cursor)
    }
}

/// The buffer that a cursor means.
#[inline(always)]
fn buffer(task: *mut Task, cursor: u64) -> *mut Buffer {
    task.cast::<u8>()
        .wrapping_add(cursor::buffer(cursor) as usize)
        .cast()
}

/// The short form of a frame. A trampoline's is its context pointer, with which the verifier
/// forbids arithmetic, but once it has been stored in a map and read back it is a number (seen from
/// 6.1 on).
#[inline(always)]
pub unsafe fn short(scratch: *mut Event, frame: u64) -> u16 {
    // SAFETY: the caller owns the place.
    unsafe {
        let cell = &raw mut (*scratch).value;
        core::ptr::write_volatile(cell, frame);
        (core::ptr::read_volatile(cell) >> 3) as u16
    }
}

/// Hands the batch over if it is nearly full, unless an event below is half written or a hand-over
/// under way.
#[inline(always)]
pub fn flush_if_full(task: *mut Task) {
    // SAFETY: a checked map value.
    unsafe {
        let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
        if any(task, PARKED) {
            cold_path();
            parked::hand_over(task);
        } else if (is_nearly_full(cursor) || stack::needs_room(cursor))
            && !any(task, ALL_WRITING | FLUSHING)
        {
            if decide::is_possible() && has_all(task) && (*task).held == 0 {
                hold(task);
            } else {
                flush(task, Wake::Later);
            }
        }
    }
}

/// Whether all events of the root call are still in its buffers: the one in use is the first one,
/// or that is held.
#[inline(always)]
pub unsafe fn has_all(task: *mut Task) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe {
        let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
        let is_first = (*buffer(task, cursor)).header.sequence == 0;
        (is_first || (*task).held != 0) && (*task).early == 0
    }
}

/// Holds the first buffer of a root call, and goes on in the second one. The caller has made sure
/// of what [`flush`] asks for.
#[inline(never)]
fn hold(task: *mut Task) {
    // SAFETY: as in `flush`.
    unsafe {
        set(task, FLUSHING);
        let taken = change_buffer(task);
        core::ptr::write_volatile(&raw mut (*task).held, taken);
        clear(task, FLUSHING);
    }
}

/// Hands over a first buffer that is held.
#[inline(always)]
unsafe fn release_held(task: *mut Task) {
    // SAFETY: the caller's checked map value; nobody uses the buffer.
    unsafe {
        let held = core::ptr::read_volatile(&raw const (*task).held);
        if !decide::is_possible() || held == 0 {
            return;
        }
        // It always is: the comparison is for the verifier.
        if let Some(held) = below(held, PLACES as u64 + 1) {
            // The second one is in use, and goes on with its number.
            let hits = (*task).half.second.header.sequence;
            output(&raw mut (*task).first.header, held, hits, Wake::Later);
        }
        core::ptr::write_volatile(&raw mut (*task).held, 0);
    }
}

/// Hands the buffer in use to the ring of the CPU. The caller has made sure that no event is half
/// written and no hand-over under way.
#[inline(never)]
pub fn flush(task: *mut Task, wake: Wake) {
    if profile::is_on() {
        return;
    }
    // SAFETY: `task` is a checked map value; the buffer is ours alone once the other one is in use.
    unsafe {
        set(task, FLUSHING);
        release_held(task);
        let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
        let full = buffer(task, cursor);
        let count = change_buffer(task);
        if count > 0 {
            // The other one is in use, and goes on with its number.
            let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
            let next = (*buffer(task, cursor)).header.sequence;
            let hits = next - (*full).header.sequence - (*full).beyond.early;
            output(&raw mut (*full).header, count, hits, wake);
        }
        clear(task, FLUSHING);
    }
}

/// Takes the buffer in use out of use and the other one into it. Returns how many events it has: 0
/// also if it is still in use.
#[inline(always)]
unsafe fn change_buffer(task: *mut Task) -> u64 {
    // SAFETY: the caller's checked map value.
    unsafe {
        for _ in 0..TRIES {
            let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
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

/// Copies a header and the events after it into the ring, or counts their hits as lost. No function
/// of its own: the frames of all that are open may be 512 bytes (`check_max_stack_depth`,
/// kernel/bpf/verifier.c), and this is where the longest chains end.
#[inline(always)]
unsafe fn output(header: *mut BatchHeader, count: u64, hits: u64, wake: Wake) {
    let (number, cpu) = (cpu_number(), this_cpu());
    // SAFETY: the caller's block within a map value, which nobody else writes.
    unsafe {
        (*header).cpu = number;
        (*header).count = count as u16;
        task::read_name((&raw mut (*header).comm).cast());
        let bytes = size_of::<BatchHeader>() as u64 + count * size_of::<Event>() as u64;
        let stored = RINGS.get(number).is_some_and(|ring| {
            let ring = core::ptr::from_ref(ring).cast_mut().cast::<c_void>();
            let flags = match wake {
                Wake::IfMuch if stack::wakes(number) || holds_much(ring) => BPF_RB_FORCE_WAKEUP,
                _ => BPF_RB_NO_WAKEUP,
            };
            bpf_ringbuf_output(ring, header.cast(), bytes, u64::from(flags)) == 0
        });
        // Interrupts count here, too, also between these instructions.
        let counters = &raw mut (*cpu).counters;
        if stored {
            atomic::fetch_add(&raw mut (*counters).batches, 1);
            return;
        }
        atomic::fetch_add(&raw mut (*counters).lost_events, hits);
        if (*header).sequence == 0 {
            atomic::fetch_add(&raw mut (*counters).lost_beginnings, 1);
        }
    }
}

/// Whether so much waits in a ring that the reader should come at once. It is woken where the ring
/// has just got so far, and again where it has got as far once more: a reader that is at work
/// already needs no wake-up, and each is an interrupt, whose end may be a root call of its own.
#[inline(always)]
unsafe fn holds_much(ring: *mut c_void) -> bool {
    /// Bytes of some batches.
    const STRETCH: u64 = 1 << 15;
    let step = config!(wake_bytes);
    // SAFETY: the caller's ring.
    let waits = unsafe { bpf_ringbuf_query(ring, u64::from(BPF_RB_AVAIL_DATA)) };
    waits >= step && waits & (step - 1) < STRETCH
}
