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

mod place;
mod ring;

use core::{hint::cold_path, ptr};

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::{Context, Event, EventKind};

use crate::{
    maps::{ALL_WRITING, FLUSHING, PARKED, SWITCH, Task, WRITING, counts_functions, may_drop},
    task::{
        buffers::{has_all, next_sequence},
        busy, calls, parked,
    },
};
pub use place::{
    Hit, add_to_last, event, has_place, is_nearly_full, last, short, single, take_place,
    take_places,
};
use place::{needs_room_for_stack, store};
use ring::hold;
pub use ring::{Wake, early, flush};

/// Stores one event. `writer` is the context, or [`crate::maps::SWITCH`]; `frame` is the call's, or
/// 0.
#[inline(always)]
pub fn push(task: *mut Task, writer: u32, hit: &Hit, frame: u64) {
    if counts_functions() {
        return;
    }
    // SAFETY: `task` is a checked map value, and the place is ours alone once it is taken.
    unsafe {
        // First of all: from here on no interrupt hands over, so the buffer stays in use until the
        // event is whole.
        busy::set(task, WRITING << writer);
        let cursor = take_place(task);
        if has_place(cursor) {
            store(event(task, cursor), hit, frame);
        } else {
            let single = single(task, writer);
            store(&raw mut (*single).event, hit, frame);
            early(task, cursor, writer);
        }
        busy::clear(task, WRITING << writer);
    }
}

/// Stores an event that is none of a call's.
#[inline(always)]
pub fn push_of_task(task: *mut Task, kind: EventKind) {
    let hit = Hit {
        // SAFETY: a helper without arguments.
        time_ns: unsafe { bpf_ktime_get_ns() },
        value: 0,
        function: 0,
        // SAFETY: a checked map value.
        depth: unsafe { calls::read(task) },
        kind_and_context: Event::pack(kind, Context::Task as u8),
    };
    push(task, SWITCH, &hit, 0);
}

/// Hands the batch over if it is nearly full, unless an event below is half written or a hand-over
/// under way.
#[inline(always)]
pub fn flush_if_full(task: *mut Task) {
    // SAFETY: a checked map value.
    unsafe {
        let cursor = ptr::read_volatile(&raw const (*task).cursor);
        if busy::any(task, PARKED) {
            cold_path();
            hand_over(task);
        } else if (is_nearly_full(cursor) || needs_room_for_stack(cursor))
            && !busy::any(task, ALL_WRITING | FLUSHING)
        {
            if may_drop() && has_all(task) && (*task).held == 0 {
                hold(task);
            } else {
                flush(task, Wake::Later);
            }
        }
    }
}

/// What a parked task did on its way off the CPU goes into the ring, unless an event below is half
/// written.
#[inline(never)]
fn hand_over(task: *mut Task) {
    // SAFETY: a checked map value, which is its task's until the switch.
    unsafe {
        if busy::any(task, ALL_WRITING | FLUSHING) {
            return;
        }
        flush(task, Wake::Later);
        parked::set_sequence(task, next_sequence(task));
    }
}
