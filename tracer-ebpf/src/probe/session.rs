//! What a program that runs at both ends of a call asks the kernel: which end it is, and where the
//! eight bytes are that the two share.
//!
//! The two kernel functions are called through numbers that no helper has; userspace
//! puts the kernel's own in their place when it loads the program
//! (tracer-user/src/bpf/instructions.rs), because neither aya nor the linker knows such calls.
//! Seen to work on 6.12, 6.18 and 7.3.

use core::ffi::c_void;

use tracer_common::placeholder::{SESSION_COOKIE, SESSION_IS_RETURN};

/// Whether this is the exit.
///
/// # Safety
/// `ctx` is the context of a program of one of the two kinds.
#[inline(always)]
pub unsafe fn is_return(ctx: *mut c_void) -> bool {
    // SAFETY: userspace makes the number a call of `bpf_session_is_return`. Up to 6.19 that takes
    // no argument and ignores this one.
    unsafe {
        let is_return: unsafe extern "C" fn(*mut c_void) -> bool =
            core::mem::transmute(SESSION_IS_RETURN as usize);
        is_return(ctx)
    }
}

/// Eight bytes of this call's own.
///
/// # Safety
/// As [`is_return`].
#[inline(always)]
pub unsafe fn cookie(ctx: *mut c_void) -> *mut u64 {
    // SAFETY: userspace makes the number a call of `bpf_session_cookie`; for the argument see
    // above.
    unsafe {
        let cookie: unsafe extern "C" fn(*mut c_void) -> *mut u64 =
            core::mem::transmute(SESSION_COOKIE as usize);
        cookie(ctx)
    }
}
