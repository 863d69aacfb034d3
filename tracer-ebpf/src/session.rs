//! kprobe.session: one program that runs at the entry and at the exit of any number of functions (kernels 6.10+).
//!
//! A function needs no type information for it, and an entry that answers [`NO_EXIT`] costs no exit. The two kernel
//! functions that it needs are called through numbers that no helper has; userspace puts the kernel's own in their place when it
//! loads the program (tracer-user/src/attach/session.rs), because neither aya nor the linker knows such calls. Seen to work on 6.12, 6.18 and 7.3.

use core::ffi::c_void;

use aya_ebpf::{EbpfContext, bindings::pt_regs, programs::ProbeContext};
use tracer_common::session::{SESSION_COOKIE, SESSION_IS_RETURN};

use crate::{probe, site::Site};

/// The exit is wanted; the answer of an exit means nothing (kprobe_multi_link_handler, kernel/trace/bpf_trace.c).
const EXIT: u32 = 0;
/// The exit is not wanted.
const NO_EXIT: u32 = 1;

/// A call at its entry or at its exit.
pub struct SessionContext {
    registers: *mut pt_regs,
    frame: u64,
}

impl EbpfContext for SessionContext {
    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        self.registers.cast()
    }
}

impl Site for SessionContext {
    const EXIT_ALWAYS_COMES: bool = false;

    #[inline(always)]
    fn frame(&self) -> u64 {
        self.frame
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        // SAFETY: the registers are the program's context.
        unsafe { (*self.registers).rax }
    }
}

/// Runs `entry`, which says whether the exit is wanted, or `exit`.
#[inline(always)]
fn run(
    registers: &ProbeContext,
    entry: impl FnOnce(&SessionContext) -> bool,
    exit: impl FnOnce(&SessionContext),
) -> u32 {
    let ctx = registers.as_ptr();
    // SAFETY: userspace makes the numbers calls of `bpf_session_is_return` and `bpf_session_cookie`. Up to 6.19 they
    // take no argument and ignore this one. The cookie is 8 bytes of this call's own.
    let (is_return, cookie) = unsafe {
        let is_return: unsafe extern "C" fn(*mut c_void) -> bool =
            core::mem::transmute(SESSION_IS_RETURN as usize);
        let cookie: unsafe extern "C" fn(*mut c_void) -> *mut u64 =
            core::mem::transmute(SESSION_COOKIE as usize);
        (is_return(ctx), cookie(ctx))
    };
    if is_return {
        // SAFETY: as above.
        let frame = unsafe { *cookie };
        exit(&SessionContext {
            registers: registers.regs,
            frame,
        });
        return EXIT;
    }
    // SAFETY: the registers are the program's context; the cookie as above.
    let frame = unsafe {
        let frame = (*registers.regs).rsp;
        *cookie = frame;
        frame
    };
    if entry(&SessionContext {
        registers: registers.regs,
        frame,
    }) {
        EXIT
    } else {
        NO_EXIT
    }
}

/// A function that may run under a root.
#[inline(always)]
pub fn callee(registers: &ProbeContext) -> u32 {
    if probe::is_outside() {
        return NO_EXIT;
    }
    run(registers, probe::callee_entry, probe::callee_exit)
}

/// A root.
#[inline(always)]
pub fn root(registers: &ProbeContext) -> u32 {
    run(registers, probe::root_entry, probe::root_exit)
}

/// A hidden function.
#[inline(always)]
pub fn hidden(registers: &ProbeContext) -> u32 {
    if probe::is_outside() {
        return NO_EXIT;
    }
    run(registers, probe::hidden_entry, probe::hidden_exit)
}
