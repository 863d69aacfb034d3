//! Batches into the CPU's ring: the buffer that is nearly full, and events that found no place.
//!
//! Cost: the ring's spin lock, its header and the reader's wake-up once per batch.

use core::{ffi::c_void, ptr};

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::{bpf_ringbuf_output, generated::bpf_ringbuf_query},
};
use tracer_common::{Arrival, BatchHeader, Event, cursor};

use super::place::{END, single};
use crate::{
    atomic,
    maps::{
        FLUSHING, PLACES, RINGS, Task, below, config, counts_functions, cpu_number, may_drop,
        this_cpu, wakes,
    },
    task::{
        buffers::{buffer, change_buffer},
        busy,
        current::read_name,
    },
};

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
        ptr::write_volatile(&raw mut (*task).early, 1);
        output(&raw mut (*single).header, 1, 1, Wake::Later);
    }
}

/// Holds the first buffer of a root call, and goes on in the second one. The caller has made sure
/// of what [`flush`] asks for.
#[inline(never)]
pub fn hold(task: *mut Task) {
    // SAFETY: as in `flush`.
    unsafe {
        busy::set(task, FLUSHING);
        let taken = change_buffer(task);
        ptr::write_volatile(&raw mut (*task).held, taken);
        busy::clear(task, FLUSHING);
    }
}

/// Hands over a first buffer that is held.
#[inline(always)]
unsafe fn release_held(task: *mut Task) {
    // SAFETY: the caller's checked map value; nobody uses the buffer.
    unsafe {
        let held = ptr::read_volatile(&raw const (*task).held);
        if !may_drop() || held == 0 {
            return;
        }
        // It always is: the comparison is for the verifier.
        if let Some(held) = below(held, PLACES as u64 + 1) {
            // The second one is in use, and goes on with its number.
            let hits = (*task).half.second.header.sequence;
            output(&raw mut (*task).first.header, held, hits, Wake::Later);
        }
        ptr::write_volatile(&raw mut (*task).held, 0);
    }
}

/// Hands the buffer in use to the ring of the CPU. The caller has made sure that no event is half
/// written and no hand-over under way.
#[inline(never)]
pub fn flush(task: *mut Task, wake: Wake) {
    if counts_functions() {
        return;
    }
    // SAFETY: `task` is a checked map value; the buffer is ours alone once the other one is in use.
    unsafe {
        busy::set(task, FLUSHING);
        release_held(task);
        let cursor = ptr::read_volatile(&raw const (*task).cursor);
        let full = buffer(task, cursor);
        let count = change_buffer(task);
        if count > 0 {
            // The other one is in use, and goes on with its number.
            let cursor = ptr::read_volatile(&raw const (*task).cursor);
            let next = (*buffer(task, cursor)).header.sequence;
            let hits = next - (*full).header.sequence - (*full).beyond.early;
            output(&raw mut (*full).header, count, hits, wake);
        }
        busy::clear(task, FLUSHING);
    }
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
        read_name((&raw mut (*header).comm).cast());
        let bytes = size_of::<BatchHeader>() as u64 + count * size_of::<Event>() as u64;
        let stored = RINGS.get(number).is_some_and(|ring| {
            let ring = ptr::from_ref(ring).cast_mut().cast::<c_void>();
            let flags = match wake {
                Wake::IfMuch if wakes(number) || holds_much(ring) => BPF_RB_FORCE_WAKEUP,
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
