//! Marks: events of the kernel that were asked for, at their place in the call graph of the task
//! that they happen in.
//!
//! A program on a tracepoint by perf (BPF_PROG_TYPE_TRACEPOINT) is given the event's own record,
//! laid out as `format` in tracefs says: the kernel has already looked up what its fields need,
//! names and numbers where a raw tracepoint has pointers. The record's bytes go into the batch as
//! they are, eight an event, and userspace makes fields of them.
//!
//! One program serves all events; what it must know of each is the link's cookie (5.15+). It runs
//! with preemption off (trace_call_bpf, kernel/trace/bpf_trace.c). Outside a root it reads the
//! gate's two words and counts. Which side the root call is of does not matter: the program is
//! attached once, for the whole trace. Guards, excluded functions and the slot of a task on its way
//! off the CPU are as for calls in `probe`. All places of a mark are taken at once, so no interrupt
//! tears it.
//!
//! The kernel runs no such program while another of perf's or an fprobe's runs on the same CPU
//! (`bpf_prog_active`): an event in an interrupt on top of one is skipped, and counted by the
//! kernel.

use core::{ffi::c_void, mem::MaybeUninit, ptr};

use aya_ebpf::helpers::{
    bpf_ktime_get_ns, bpf_probe_read_kernel,
    generated::{bpf_get_attach_cookie, bpf_probe_read_kernel as read_kernel},
};
use tracer_common::{Event, EventKind, MARK_RECORD, MAX_MARK_PARTS, MarkCookie, cursor};

use crate::{
    atomic, batch,
    call::excluded,
    maps::{GUARD, Task, WRITING, config, count_mark, count_self_recursion},
    probe::context,
    task::{busy, calls, gate},
};

/// What is recorded of a mark, at most.
type Record = [u64; MAX_MARK_PARTS as usize];

/// A tracepoint's event; `record` is the program's context.
#[inline(always)]
pub fn tracepoint(record: *mut c_void) {
    let Some(task) = gate::inside_root() else {
        return count_mark(false);
    };
    count_mark(true);
    if excluded::is_on(task) {
        return;
    }
    let context = context::current();
    let guard = GUARD << u32::from(context);
    // SAFETY: a checked map value; nested contexts leave what they found.
    unsafe {
        if busy::is_at_work(task, context) {
            return count_self_recursion();
        }
        busy::set(task, guard);
        store(record, task, context);
        batch::flush_if_full(task);
        busy::clear(task, guard);
    }
}

/// Stores a mark with its record.
#[inline(never)]
fn store(context: *mut c_void, task: *mut Task, writer: u8) {
    let mut record = MaybeUninit::<Record>::uninit();
    let begin = context.cast::<u8>();
    // SAFETY: the context is the program's own; the helpers check the addresses. The kernel's
    // buffer of a record has always room for the largest one (PERF_MAX_TRACE_SIZE).
    let (cookie, answer) = unsafe {
        let cookie = MarkCookie::unpack(bpf_get_attach_cookie(context));
        let from = begin.wrapping_add(MARK_RECORD as usize);
        let answer = read_kernel(
            record.as_mut_ptr().cast(),
            size_of::<Record>() as u32,
            from.cast(),
        );
        (cookie, answer)
    };
    let bytes = if answer == 0 { bytes(begin, cookie) } else { 0 };
    let parts = bytes
        .div_ceil(size_of::<u64>() as u32)
        .clamp(1, MAX_MARK_PARTS);
    let writer = u32::from(writer);
    // SAFETY: a helper without arguments; a checked map value, whose places are ours alone once
    // they are taken. The helper clears what it cannot read.
    unsafe {
        let record = record.as_ptr().cast::<u64>();
        let open = calls::read(task)
            .min(config!(max_depth))
            .min(u32::from(u8::MAX));
        let mark = Event {
            time_ns: bpf_ktime_get_ns(),
            value: 0,
            function: cookie.number,
            frame: bytes as u16,
            depth: open as u8,
            kind_and_context: Event::pack(EventKind::Mark, writer as u8),
        };
        busy::set(task, WRITING << writer);
        let first = atomic::fetch_add(&raw mut (*task).cursor, u64::from(parts) * cursor::STEP);
        for part in 0..MAX_MARK_PARTS {
            if part >= parts {
                break;
            }
            let cursor = first + u64::from(part) * cursor::STEP;
            let has_place = batch::has_place(cursor);
            let event = if has_place {
                batch::event(task, cursor)
            } else {
                &raw mut (*batch::single(task, writer)).event
            };
            put(event, &mark, part, ptr::read(record.add(part as usize)));
            if !has_place {
                batch::early(task, cursor, writer);
            }
        }
        busy::clear(task, WRITING << writer);
    }
}

/// Writes one part.
#[inline(always)]
unsafe fn put(event: *mut Event, mark: &Event, part: u32, value: u64) {
    let (depth, kind) = if part == 0 {
        (mark.depth, EventKind::Mark)
    } else {
        (part as u8, EventKind::MarkPart)
    };
    let kind_and_context = mark.kind_and_context & 0xf0 | kind as u8;
    let identity = Event::identity(mark.function, mark.frame, depth, kind_and_context);
    let words = event.cast::<u64>();
    // SAFETY: the caller's place, which is three words.
    unsafe {
        ptr::write_volatile(words, mark.time_ns);
        ptr::write_volatile(words.add(1), value);
        ptr::write_volatile(words.add(2), identity);
    }
}

/// Bytes of the record: what the event always has, or up to the end of what was put last.
#[inline(always)]
fn bytes(begin: *const u8, cookie: MarkCookie) -> u32 {
    if cookie.last_variable == 0 {
        return u32::from(cookie.bytes);
    }
    let place = begin.wrapping_add(cookie.last_variable as usize);
    // SAFETY: the helper checks the address.
    let Ok(location) = (unsafe { bpf_probe_read_kernel(place.cast::<u32>()) }) else {
        return u32::from(cookie.bytes);
    };
    let end = (location & 0xffff) + (location >> 16);
    end.saturating_sub(u32::from(MARK_RECORD))
}
