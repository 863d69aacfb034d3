//! The state of a task that runs inside a root: its layout, and the slots of the table.
//!
//! The table is one element of an array, so a slot is found with one addition. Who may change what
//! of a state stands in `task`.

use core::arch::asm;

use tracer_common::{
    BATCH_CAPACITY, BatchHeader, Event, MAX_FAST_DEPTH, MAX_TASK_SLOTS, TASK_BYTES, cursor,
    placeholder,
};

use super::setting::meant;

/// Which task slot the CPU works for: none. No task has the first slot of the table.
pub const OUTSIDE: u32 = 0;

/// Which task slot the CPU works for: a switch is under way, ask who is current. The last place in
/// the table is no task's, either: there a probe finds that no call is open, and takes the slow
/// path.
pub const SWITCHING: u32 = (MAX_TASK_SLOTS - 1) * TASK_BYTES;

/// The state in a slot of the table. Any slot is one: see [`OUTSIDE`] and [`SWITCHING`].
#[inline(always)]
pub fn task_at(slot: u32) -> *mut Task {
    task_of(u64::from(slot))
}

/// The state in the slot that a gate's word names; bits that are no slot's are nothing.
#[inline(always)]
pub fn task_of(word: u64) -> *mut Task {
    // The mask is for the verifier.
    (meant::<{ placeholder::TASKS }>() as *mut u8)
        .wrapping_add(masked(word) as usize)
        .cast()
}

/// What of a number is a slot of the table, however many that has: one instruction.
#[inline(always)]
pub fn masked(mut word: u64) -> u64 {
    // SAFETY: leaves some bits of a number.
    unsafe {
        asm!("{word} &= {mask}", word = inout(reg) word, mask = const placeholder::TASK_MASK, options(pure, nomem, nostack, preserves_flags));
    }
    word
}

/// The state of a task that runs inside a root. Slots are found by task, see `task`; what stays of
/// it while the task sleeps is in `parked`.
#[repr(C)]
pub struct Task {
    /// One buffer takes events while the other is handed over.
    pub first: Buffer,
    /// The task, see `task::current`; 0 while the slot is free, and a key of no task while it is on
    /// its way to that, see `parked`.
    pub owner: u64,
    /// Where the task is in the table of those that sleep, if it is [`PARKED`].
    pub parked: u64,
    /// The generation of probes that the root call belongs to, see [`tracer_common::generation`].
    pub generation: u64,
    /// The frame of the open root call, see `site`: with its function it identifies its exit.
    pub root_frame: u64,
    /// Where the root begins that was called.
    pub root_function: u64,
    /// In its low half the calls that are open under the root; in its high half who is at work, see
    /// [`GUARD`], [`WRITING`], [`FAST`] and [`FLUSHING`], and what is out of the ordinary,
    /// [`HIDING`] and [`DROPPED`]. That is 0 usually, and then one comparison sees it and the
    /// depth.
    pub depth_and_busy: u64,
    /// The probe context of the outermost entry that was dropped as the tracer's own doing, 0 if
    /// there is none: its exit may come when the guard is no longer set, and is dropped with it.
    pub dropped_frame: u64,
    /// The probe context of the excluded call under which the task is, 0 if there is none, see
    /// `excluded`.
    pub excluded_frame: u64,
    /// Where the next event goes, see [`cursor`]. The place may exceed the capacity.
    pub cursor: u64,
    /// Events of the first buffer that are held until the second one is full, too, see `decide`.
    pub held: u64,
    /// Whether an event of the root call has gone into the ring before all others.
    pub early: u64,
    /// The event of the fast path that finds the batch nearly full, on its way from one function of
    /// a program to another.
    pub pending: Pending,
    /// The open calls, outermost first, as far as they fit: an exit finds here what its entry knew.
    pub calls: [OpenCall; FRAMES],
    /// The second half.
    pub half: Half,
}

/// The second half of a task's state, which begins at [`cursor::SECOND`].
#[repr(C, align(8192))]
pub struct Half {
    /// As [`Task::first`].
    pub second: Buffer,
    /// Events that found no place, one for each writer, on their way to the ring.
    pub singles: [Single; 8],
}

/// A call that is open.
#[repr(C)]
pub struct OpenCall {
    /// The address of its probe context, see `site`; with [`NOT_FAST`], if its exit must not take
    /// the fast path.
    pub frame: u64,
    /// What [`Task::depth_and_busy`] was while its entry was at work.
    pub state: u64,
    /// The last word of its entry's event, see [`Event::identity`].
    pub identity: u64,
}

/// In [`OpenCall::frame`]: the call was entered in a hard interrupt or an NMI. Frames are multiples
/// of 8.
pub const NOT_FAST: u64 = 1;

/// In place of an [`OpenCall::frame`]: it was given up while the task slept.
pub const UNKNOWN: u64 = 2;

const _: () = assert!(size_of::<Task>() == TASK_BYTES as usize);

const _: () = assert!(core::mem::offset_of!(Task, half) as u64 == cursor::SECOND);

const _: () = assert!(core::mem::offset_of!(Buffer, events) as u64 == cursor::BEGIN);

const _: () = assert!(PLACES <= BATCH_CAPACITY);

const _: () = assert!(size_of::<Beyond>() == size_of::<Event>());

/// An event that is not yet in its place.
#[repr(C)]
pub struct Pending {
    /// Its place, see [`Task::cursor`].
    pub cursor: u64,
    /// The event.
    pub event: Event,
}

/// Open calls whose frames are kept.
pub const FRAMES: usize = MAX_FAST_DEPTH as usize;

/// Events for which a buffer has room: what the first half of a task's state leaves for it. A task
/// hands its batch over when it is nearly full ([`cursor::NEARLY_FULL`]): the places that are left
/// then are for interrupts in the middle of an event. The events of one that brings more go into
/// the ring one by one.
pub const PLACES: usize = 205;

/// Room for one batch.
#[repr(C)]
pub struct Buffer {
    /// The batch: header and events are one block for the ring.
    pub header: BatchHeader,
    /// See `header`.
    pub events: [Event; PLACES],
    /// No event.
    pub beyond: Beyond,
}

/// What stands where another event would, for which there is no room: to who looks for the last
/// event it is one that nothing is the end of.
#[repr(C)]
pub struct Beyond {
    /// Events that have found no place in the buffer and went into the ring early.
    pub early: u64,
    /// Always 0.
    pub nothing: [u64; 2],
}

/// Room for a batch of one.
#[repr(C)]
pub struct Single {
    /// As in [`Buffer`].
    pub header: BatchHeader,
    /// See `header`.
    pub event: Event,
}

/// Who writes: one of the [`tracer_common::Context`]s, or the task switch.
pub const SWITCH: u32 = 4;

/// In [`Task::depth_and_busy`], times `1 << context`: a probe is at work in the context.
pub const GUARD: u32 = 1;

/// In [`Task::depth_and_busy`]: all guards.
pub const ALL_GUARDS: u32 = 0xf;

/// In [`Task::depth_and_busy`], times `1 << writer`: an event is half written.
pub const WRITING: u32 = 1 << 8;

/// In [`Task::depth_and_busy`], times `1 << context`: a probe is at work on the fast path
/// (`fast_path`), and its event is half written.
pub const FAST: u32 = 1 << 20;

/// What [`Task::depth_and_busy`] has in its high half while a probe is at work for the task; for a
/// soft interrupt it is twice that.
pub const AT_WORK: u64 = (FAST as u64) << 32;

/// In [`Task::depth_and_busy`]: all of [`WRITING`], and of [`FAST`].
pub const ALL_WRITING: u32 = 0x1f << 8 | 3 << 20;

/// In [`Task::depth_and_busy`]: a buffer is being handed over.
pub const FLUSHING: u32 = 1 << 16;

/// In [`Task::depth_and_busy`]: there is a [`Task::excluded_frame`].
pub const HIDING: u32 = 1 << 17;

/// In [`Task::depth_and_busy`]: there is a [`Task::dropped_frame`].
pub const DROPPED: u32 = 1 << 18;

/// In [`Task::depth_and_busy`]: the task is in the table of those that sleep, and only what it does
/// on its way off the CPU comes here.
pub const PARKED: u32 = 1 << 19;
