//! The stack above a root, where it was asked for: the kernel's frames, and the process's.
//!
//! The kernel walks both (`bpf_get_stack`): its own by what it knows of its code (ORC), the
//! process's by frame pointers. It begins where the helper is called, so a trampoline's stack has
//! the frames of this program, of the trampoline and of the root first. What those are differs from
//! kernel to kernel; where the root returns to is known by itself, so its caller is the first frame
//! with that address, and all before it is skipped. Where there is none, because a function that
//! ended with a jump to the root has a probe in its return address, all frames are recorded and
//! userspace skips what is tracer's by name.
//!
//! Each frame is an event after the entry's, all of a stack or none. Only roots have one, and the
//! settings are constants to the verifier: callees, and programs of traces without stacks, have
//! nothing of this.

use core::ffi::c_void;

use aya_ebpf::{bindings::BPF_F_USER_STACK, helpers::generated::bpf_get_stack};
use tracer_common::{Context, Event, EventKind, MAX_FRAMES, TASK_BYTES, cursor, placeholder};

use crate::{
    atomic,
    batch::{self, Hit},
    maps::{PLACES, STACKS, Task, WRITING, config, meant},
    site::Site,
};

/// Frames of tracer itself that may be before the caller's.
const OWN_FRAMES: u32 = 12;
/// Bytes of a frame.
const FRAME_BYTES: u32 = size_of::<u64>() as u32;

/// Stores the stacks that are wanted of the root call that `entry` begins.
#[inline(always)]
pub fn store<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    if config!(stacks) != 0 {
        kernel(ctx, task, writer, entry);
    }
    // An interrupt has no process.
    if config!(user_stacks) != 0 && writer == Context::Task as u32 {
        user(ctx, task, writer, entry);
    }
}

#[inline(always)]
fn kernel<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    let Some(words) = memory(task) else { return };
    let bytes = (MAX_FRAMES + OWN_FRAMES) * FRAME_BYTES;
    // SAFETY: the context is the program's own, and the memory is larger.
    let length = unsafe { bpf_get_stack(ctx.as_ptr(), words.cast::<c_void>(), bytes, 0) };
    if length <= 0 {
        return;
    }
    let count = length as u32 / FRAME_BYTES;
    // SAFETY: a checked map value; the cell is the writer's own, and in use only while it stores an
    // event.
    let cell = unsafe { &raw mut (*batch::single(task, writer)).event.value };
    let caller = ctx.return_address(cell).unwrap_or(0);
    let first = place_of(words, caller);
    if first < count {
        // SAFETY: within the memory.
        let words = unsafe { words.add(first as usize) };
        let hit = of_kind(entry, EventKind::Frame);
        frames(task, ctx.frame(), &hit, words, pack(count - first, writer));
    }
}

#[inline(always)]
fn user<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    let Some(words) = memory(task) else { return };
    let (bytes, flags) = (MAX_FRAMES * FRAME_BYTES, u64::from(BPF_F_USER_STACK));
    // SAFETY: the context is the program's own, and the memory is larger.
    let length = unsafe { bpf_get_stack(ctx.as_ptr(), words.cast::<c_void>(), bytes, flags) };
    if length > 0 {
        let count = length as u32 / FRAME_BYTES;
        let hit = of_kind(entry, EventKind::UserFrame);
        frames(task, ctx.frame(), &hit, words, pack(count, writer));
    }
}

/// Where a stack of the task is written.
#[inline(always)]
fn memory(task: *mut Task) -> Option<*mut u64> {
    let offset = (task as u64).wrapping_sub(meant::<{ placeholder::TASKS }>());
    let slot = offset / u64::from(TASK_BYTES);
    STACKS.get_ptr_mut(slot as u32).map(<*mut _>::cast)
}

/// Which of the first frames has the address; 0 if none has.
#[inline(always)]
fn place_of(words: *const u64, address: u64) -> u32 {
    for place in 0..=OWN_FRAMES {
        // SAFETY: within the memory.
        if unsafe { *words.add(place as usize) } == address {
            return place;
        }
    }
    0
}

/// The event of an entry, of another kind.
#[inline(always)]
fn of_kind(entry: &Hit, kind: EventKind) -> Hit {
    Hit {
        value: u64::from(entry.function),
        kind_and_context: entry.kind_and_context ^ EventKind::Entry as u8 | kind as u8,
        ..*entry
    }
}

/// How many frames, and in bit 8 and above the writer: a function has five arguments.
#[inline(always)]
const fn pack(count: u32, writer: u32) -> u32 {
    let most = if count > MAX_FRAMES {
        MAX_FRAMES
    } else {
        count
    };
    most | (writer << 8)
}

/// Stores frames, all of them or, where there is no room, none: at a root there is, unless an
/// interrupt takes it in the same few instructions.
#[inline(never)]
fn frames(task: *mut Task, frame: u64, hit: &Hit, words: *const u64, shape: u32) {
    let (count, writer) = (shape & 0xff, shape >> 8);
    // SAFETY: a checked map value; the places are ours alone once they are taken.
    unsafe {
        batch::set(task, WRITING << writer);
        let cursor = core::ptr::read_volatile(&raw const (*task).cursor);
        if cursor::place(cursor) < PLACES as u32 - MAX_FRAMES
            && atomic::compare_exchange(
                &raw mut (*task).cursor,
                cursor,
                cursor + u64::from(count) * cursor::STEP,
            )
        {
            let frame = batch::short(batch::event(task, cursor), frame);
            for number in 0..MAX_FRAMES {
                if number >= count {
                    break;
                }
                let word = *words.add(number as usize);
                let is_user = hit.kind_and_context & 0xf == EventKind::UserFrame as u8;
                *batch::event(task, cursor + u64::from(number) * cursor::STEP) = Event {
                    time_ns: hit.time_ns,
                    value: if is_user { word } else { hit.value },
                    function: if is_user { hit.function } else { word as u32 },
                    frame,
                    depth: number as u8,
                    kind_and_context: hit.kind_and_context,
                };
            }
        }
        batch::clear(task, WRITING << writer);
    }
}
