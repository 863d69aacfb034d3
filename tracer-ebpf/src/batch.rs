//! Events into a task's batch, batches into the CPU's ring.
//!
//! A buffer is written by its task and by interrupts that arrive on top of it, on one CPU at a time. A place is
//! taken by one atomic addition, so an interrupt between any two instructions gets a place of its
//! own. Each task has two buffers: while one is handed over, interrupts find the other. Nothing is handed over while
//! an event below is half written. A hit that finds no place is counted in `missed` and widens the gap in
//! the sequence numbers: nothing is lost in silence.
//!
//! Cost: per event one atomic addition and 24 bytes; the ring's spin lock, its header and the reader's
//! wake-up once per batch.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_current_comm, bpf_ringbuf_output},
};
use tracer_common::{BATCH_CAPACITY, BATCH_HEADROOM, BatchHeader, Event};

use crate::{
    atomic,
    maps::{ALL_WRITING, Buffer, Cpu, FLUSHING, RINGS, Task, WRITING},
};

/// Whether the reader is woken. The wake-up is an interrupt that the CPU sends to itself: in the middle of a root
/// call it would land in the graph.
#[derive(Clone, Copy)]
pub enum Wake {
    /// Not now: the end of the root call will (`BPF_RB_NO_WAKEUP`).
    Later = 1,
    /// At once (`BPF_RB_FORCE_WAKEUP`).
    Now = 2,
}

/// What an event says besides its place.
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

/// Stores one event, or counts it as missed. `writer` is the context, or [`crate::maps::SWITCH`]; the frame is
/// taken from `ctx`, the probe's context.
#[inline(always)]
pub fn push<C: EbpfContext>(task: *mut Task, writer: u32, hit: &Hit, ctx: Option<&C>) {
    // SAFETY: `task` is a checked map value, and the place is ours alone once it is taken.
    unsafe {
        // First of all: from here on no interrupt hands over, so the active buffer stays the active one.
        set(task, WRITING << writer);
        let buffer = active(task);
        let place = atomic::fetch_add(&raw mut (*buffer).taken, 1);
        if place < BATCH_CAPACITY as u64 {
            let event = (&raw mut (*buffer).events)
                .cast::<Event>()
                .add(place as usize);
            let frame = ctx.map_or(0, |ctx| frame(event, ctx));
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
        } else {
            atomic::fetch_add(&raw mut (*task).missed, 1);
        }
        clear(task, WRITING << writer);
    }
}

/// Interrupts change `busy` too, but leave it as they found it: a plain read and write loses nothing.
#[inline(always)]
pub unsafe fn set(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe {
        let busy = core::ptr::read_volatile(&raw const (*task).busy);
        core::ptr::write_volatile(&raw mut (*task).busy, busy | bits);
    }
}

/// See [`set`].
#[inline(always)]
pub unsafe fn clear(task: *mut Task, bits: u32) {
    // SAFETY: the caller's checked map value.
    unsafe {
        let busy = core::ptr::read_volatile(&raw const (*task).busy);
        core::ptr::write_volatile(&raw mut (*task).busy, busy & !bits);
    }
}

/// Whether any of `bits` is set.
#[inline(always)]
pub unsafe fn any(task: *mut Task, bits: u32) -> bool {
    // SAFETY: the caller's checked map value.
    unsafe { core::ptr::read_volatile(&raw const (*task).busy) & bits != 0 }
}

#[inline(always)]
unsafe fn active(task: *mut Task) -> *mut Buffer {
    // SAFETY: the caller's checked map value.
    unsafe {
        let number = core::ptr::read_volatile(&raw const (*task).active) & 1;
        (&raw mut (*task).buffers)
            .cast::<Buffer>()
            .add(number as usize)
    }
}

/// The frame of a probe context. The verifier forbids arithmetic on the context pointer, but once it has been stored in a
/// map and read back it is a number (seen from 6.1 on).
#[inline(always)]
unsafe fn frame<C: EbpfContext>(scratch: *mut Event, ctx: &C) -> u16 {
    // SAFETY: the caller owns the place.
    unsafe {
        let cell = &raw mut (*scratch).value;
        core::ptr::write_volatile(cell.cast::<*mut c_void>(), ctx.as_ptr());
        (core::ptr::read_volatile(cell) >> 3) as u16
    }
}

/// Hands the batch over if it is nearly full, unless an event below is half written or a hand-over under way.
#[inline(always)]
pub fn flush_if_full(number: u32, cpu: &mut Cpu, task: *mut Task) {
    // SAFETY: a checked map value.
    unsafe {
        if (*active(task)).taken >= (BATCH_CAPACITY - BATCH_HEADROOM) as u64
            && !any(task, ALL_WRITING | FLUSHING)
        {
            flush(number, cpu, task, Wake::Later);
        }
    }
}

/// Hands the active buffer to the ring of the CPU. The caller has made sure that no event is half written and
/// no hand-over under way.
#[inline(always)]
pub fn flush(number: u32, cpu: &mut Cpu, task: *mut Task, wake: Wake) {
    // SAFETY: `task` is a checked map value; the buffer is ours alone once the other one is active.
    unsafe {
        set(task, FLUSHING);
        let buffer = active(task);
        (*task).active ^= 1;
        let next = active(task);
        let mut count = (*buffer).taken;
        if count > BATCH_CAPACITY as u64 {
            count = BATCH_CAPACITY as u64;
        }
        let missed = core::ptr::read_volatile(&raw const (*task).missed);
        atomic::fetch_add(&raw mut (*task).missed, missed.wrapping_neg());
        (*next).header.sequence = (*buffer).header.sequence + count + missed;
        cpu.counters.lost_events += missed;
        if count > 0 && !output(number, buffer, count, wake) {
            cpu.counters.lost_events += count;
        }
        cpu.counters.batches += 1;
        (*buffer).taken = 0;
        clear(task, FLUSHING);
    }
}

#[inline(always)]
unsafe fn output(number: u32, buffer: *mut Buffer, count: u64, wake: Wake) -> bool {
    // SAFETY: the caller's buffer, a checked map value that nobody else writes.
    unsafe {
        (*buffer).header.cpu = number;
        (*buffer).header.count = count as u32;
        if let Ok(comm) = bpf_get_current_comm() {
            (*buffer).header.comm = comm;
        }
        let Some(ring) = RINGS.get(number) else {
            return false;
        };
        let ring = core::ptr::from_ref(ring).cast_mut().cast::<c_void>();
        let bytes = size_of::<BatchHeader>() as u64 + count * size_of::<Event>() as u64;
        bpf_ringbuf_output(ring, (&raw mut (*buffer).header).cast(), bytes, wake as u64) == 0
    }
}
