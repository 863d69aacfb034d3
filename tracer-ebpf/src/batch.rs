//! Events into a task's batch, batches into the CPU's ring.
//!
//! A batch is written by its task and by interrupts that arrive on top of it, on one CPU at a time. A place is
//! taken by one atomic addition, so an interrupt between any two instructions gets a place of its
//! own. Only a context with no unfinished event below it hands the batch over; a hit while that is
//! under way, or with no place left, is counted in `missed` and widens the gap in the sequence
//! numbers: nothing is lost in silence.
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
    maps::{Cpu, FLUSHING, RINGS, Task},
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

/// Stores one event, or counts it as missed. `ctx` is the probe's context, from which the frame is taken.
#[inline(always)]
pub fn push<C: EbpfContext>(task: *mut Task, hit: &Hit, ctx: Option<&C>) {
    // SAFETY: `task` is a checked map value, and the place is ours alone once it is taken.
    unsafe {
        if (*task).busy & FLUSHING != 0 {
            atomic::fetch_add(&raw mut (*task).missed, 1);
            return;
        }
        let place = atomic::fetch_add(&raw mut (*task).taken, 1);
        if place >= BATCH_CAPACITY as u64 {
            atomic::fetch_add(&raw mut (*task).missed, 1);
            return;
        }
        let event = (&raw mut (*task).events).cast::<Event>().add(place as usize);
        let frame = ctx.map_or(0, |ctx| frame(event, ctx));
        *event = Event {
            time_ns: hit.time_ns,
            value: hit.value,
            function: hit.function,
            frame,
            depth: if hit.depth > 255 { 255 } else { hit.depth as u8 },
            kind_and_context: hit.kind_and_context,
        };
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

/// Whether the task should hand its batch over now.
#[inline(always)]
pub fn is_nearly_full(task: *mut Task) -> bool {
    // SAFETY: a checked map value.
    unsafe { (*task).taken >= (BATCH_CAPACITY - BATCH_HEADROOM) as u64 }
}

/// Hands the batch to the ring of the CPU. The caller has made sure that no event is half written.
#[inline(always)]
pub fn flush(number: u32, cpu: &mut Cpu, task: *mut Task, wake: Wake) {
    // SAFETY: `task` is a checked map value; `FLUSHING` keeps interrupts off the batch until it is empty.
    unsafe {
        (*task).busy |= FLUSHING;
        let mut count = (*task).taken;
        if count > BATCH_CAPACITY as u64 {
            count = BATCH_CAPACITY as u64;
        }
        (*task).header.cpu = number;
        (*task).header.count = count as u32;
        let mut stored = false;
        if count == 0 {
            stored = true;
        } else {
            if let Ok(comm) = bpf_get_current_comm() {
                (*task).header.comm = comm;
            }
            if let Some(ring) = RINGS.get(number) {
                let bytes = size_of::<BatchHeader>() as u64 + count * size_of::<Event>() as u64;
                let ring = core::ptr::from_ref(ring).cast_mut().cast();
                let flags = wake as u64;
                stored = bpf_ringbuf_output(ring, (&raw mut (*task).header).cast(), bytes, flags) == 0;
            }
            cpu.counters.batches += 1;
        }
        let missed = (*task).missed;
        if !stored {
            cpu.counters.lost_events += count;
        }
        cpu.counters.lost_events += missed;
        (*task).header.sequence += count + missed;
        atomic::fetch_add(&raw mut (*task).missed, missed.wrapping_neg());
        (*task).taken = 0;
        (*task).busy &= !FLUSHING;
    }
}
