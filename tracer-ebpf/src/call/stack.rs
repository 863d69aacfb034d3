//! The stack above a root, where it was asked for: the kernel's frames, and the process's.
//!
//! The kernel walks both (`bpf_get_stack`): its own by what it knows of its code (ORC), the
//! process's by frame pointers. It begins where the helper is called, so a trampoline's stack has
//! the frames of this program, of the trampoline and of the root first. What those are differs from
//! kernel to kernel. The caller's is the first one with the address where the root returns to, or
//! the one after the root's own: a function that ended with a jump to the root may have left it the
//! address of a probe, and the kernel has the one in its place. All before it is skipped. Where
//! there is neither, all are recorded, and userspace skips those of tracer by name.
//!
//! Each frame is an event after the entry's, all of a stack or none. Only root calls have one, and
//! in a listing each call of a root, unless it comes in the middle of a probe, which may be about
//! to write a stack to the same memory. The settings are constants to the verifier: callees, and
//! programs of traces without stacks, have nothing of this.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_F_USER_STACK,
    helpers::{bpf_get_current_pid_tgid, bpf_probe_read_kernel, generated::bpf_get_stack},
};
use tracer_common::{Context, Event, EventKind, MAX_FRAMES, TASK_BYTES, cursor, placeholder};

use crate::{
    arch,
    batch::{self, Hit},
    maps::{STACKS, Task, WRITING, config, cpu_number, meant, seen},
    probe::Site,
    task::{busy, current::current},
};

/// Where a probe's call goes on in the root, counted from its beginning, is less: a landing pad and
/// a call.
const ENTRY_BYTES: u64 = 16;

/// Frames of tracer itself that may be before the caller's.
const OWN_FRAMES: u32 = 12;

/// Events of a stack at most: a process's has one more than frames.
const MAX_EVENTS: u32 = MAX_FRAMES + 1;

/// Bytes of a frame.
const FRAME_BYTES: u32 = size_of::<u64>() as u32;

/// Stores the stacks that are wanted of the call of a root that `entry` begins.
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
    let first = place_of(words, caller, ctx.function());
    if first < count {
        // SAFETY: within the memory.
        let words = unsafe { words.add(first as usize) };
        let hit = of_kind(entry, EventKind::Frame);
        frames(task, ctx.frame(), &hit, words, pack(count - first, writer));
    }
}

/// Whose it is comes first, also where there are no frames: the kernel's own tasks have none.
#[inline(always)]
fn user<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    let Some(words) = memory(task) else { return };
    let (bytes, flags) = (MAX_FRAMES * FRAME_BYTES, u64::from(BPF_F_USER_STACK));
    let image = image();
    show(image);
    // SAFETY: the context is the program's own, and the memory is larger.
    let length = unsafe {
        *words = image;
        bpf_get_stack(ctx.as_ptr(), words.add(1).cast::<c_void>(), bytes, flags)
    };
    let count = if length > 0 {
        length as u32 / FRAME_BYTES
    } else {
        0
    };
    let hit = of_kind(entry, EventKind::UserFrame);
    frames(task, ctx.frame(), &hit, words, pack(1 + count, writer));
}

/// Whose the stack is, see [`EventKind::UserFrame`].
#[inline(always)]
fn image() -> u64 {
    let place = current() + config!(executed_offset);
    // SAFETY: the helper checks the address.
    let executed = unsafe { bpf_probe_read_kernel(place as *const u64) }.unwrap_or(0);
    bpf_get_current_pid_tgid() >> 32 | executed << 32
}

/// Has the reader woken when the root call ends, if the last stack here was of another program: it
/// asks what is at the addresses, and one that ends soon cannot be asked.
#[inline(always)]
fn show(image: u64) {
    let seen = seen(cpu_number());
    // SAFETY: an element of the table; who preempts us wakes the reader, too.
    unsafe {
        if (*seen).image != image {
            (*seen).image = image;
            (*seen).is_new = 1;
        }
    }
}

/// Where a stack of the task is written.
#[inline(always)]
fn memory(task: *mut Task) -> Option<*mut u64> {
    let offset = (task as u64).wrapping_sub(meant::<{ placeholder::TASKS }>());
    let slot = offset / u64::from(TASK_BYTES);
    STACKS.get_ptr_mut(slot as u32).map(<*mut _>::cast)
}

/// Which of the first frames is the caller's: the one where the root returns to, or the one after
/// the root's own. 0 if it is not among them. Where a stack from a probe's registers lacks the
/// caller, it takes the place of the root's own.
#[inline(always)]
fn place_of(words: *mut u64, caller: u64, root: u64) -> u32 {
    for place in 0..OWN_FRAMES {
        // SAFETY: within the memory, as is the one after it.
        unsafe {
            let word = words.add(place as usize);
            if *word == caller {
                return place;
            }
            if (*word).wrapping_sub(root) < ENTRY_BYTES {
                if arch::STACKS_LACK_CALLER && caller != 0 && *word.add(1) != caller {
                    *word = caller;
                    return place;
                }
                return place + 1;
            }
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
        busy::set(task, WRITING << writer);
        if let Some(cursor) = batch::take_places::<{ MAX_EVENTS }>(task, u64::from(count)) {
            let frame = batch::short(batch::event(task, cursor), frame);
            for number in 0..MAX_EVENTS {
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
        busy::clear(task, WRITING << writer);
    }
}
