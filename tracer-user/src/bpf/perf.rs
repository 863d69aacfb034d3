//! perf's events, as far as programs are attached to them.
//!
//! An event is opened for this process and never switched on, so perf itself counts and records
//! nothing: opening it makes the kernel call perf at the tracepoint (perf_trace_event_reg,
//! kernel/trace/trace_event_perf.c), and perf runs the programs that are linked to any event of
//! that tracepoint, in every task and on every CPU. The link holds the event.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use super::{link::LINK_CREATE, syscall};

/// `PERF_TYPE_TRACEPOINT` (include/uapi/linux/perf_event.h).
const TRACEPOINT: u32 = 2;
/// `PERF_FLAG_FD_CLOEXEC`.
const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;
/// `BPF_PERF_EVENT` (include/uapi/linux/bpf.h).
const PERF_EVENT: u32 = 41;

/// The first part of `struct perf_event_attr`, as it was at first (PERF_ATTR_SIZE_VER0).
#[repr(C)]
#[derive(Default)]
struct EventAttributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    /// The lowest bit: it is not switched on.
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

/// The beginning that all links share, then what a link to an event of perf's has.
#[repr(C)]
struct PerfLink {
    program: u32,
    event: u32,
    attach_type: u32,
    flags: u32,
    cookie: u64,
}

/// Opens the event of the tracepoint with that id (`id` in tracefs).
pub fn open_tracepoint(id: u64) -> io::Result<OwnedFd> {
    let attributes = EventAttributes {
        kind: TRACEPOINT,
        size: u32::try_from(size_of::<EventAttributes>()).unwrap_or_default(),
        config: id,
        flags: 1,
        ..EventAttributes::default()
    };
    let (this_process, any_cpu, no_group) = (0, -1, -1);
    // SAFETY: the attributes are as large as they say.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            std::ptr::from_ref(&attributes),
            this_process,
            any_cpu,
            no_group,
            CLOSE_ON_EXEC,
        )
    };
    match i32::try_from(answer) {
        // SAFETY: the kernel has just opened it for us.
        Ok(event) if event >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(event) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Attaches a program to an event; it has the number as its cookie (bpf_get_attach_cookie, 5.15+).
/// Dropping the link takes both away.
pub fn link_event(
    program: BorrowedFd<'_>,
    event: BorrowedFd<'_>,
    cookie: u64,
) -> io::Result<OwnedFd> {
    let attributes = PerfLink {
        program: program.as_raw_fd().cast_unsigned(),
        event: event.as_raw_fd().cast_unsigned(),
        attach_type: PERF_EVENT,
        flags: 0,
        cookie,
    };
    // SAFETY: the attributes point to nothing.
    unsafe { syscall::open(LINK_CREATE, &attributes) }
}
