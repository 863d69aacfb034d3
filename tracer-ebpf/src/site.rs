//! What a probe knows of the call that it sees, whichever way it was attached.
//!
//! A call is known by its frame, a number that its entry and its exit share and no other open call of the task has. At a
//! trampoline (fentry and fexit, single or multi) that is the address of the probe's context, which lies in the trampoline's own stack
//! frame. At a kprobe.session entry and exit have different registers, so the entry leaves the stack pointer in the session's cookie.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_func_ip, bpf_get_func_ret},
    programs::{FEntryContext, FExitContext},
};

/// The entry or the exit of a call.
pub trait Site: EbpfContext {
    /// Whether the exit's probe runs even if the entry turned the call away.
    const EXIT_ALWAYS_COMES: bool;

    /// The number of the call, see above.
    fn frame(&self) -> u64;

    /// What the function returned; meaningless at an entry.
    fn value(&self) -> u64;

    /// Where the probed function begins.
    #[inline(always)]
    fn function(&self) -> u64 {
        // SAFETY: the context is the program's own.
        unsafe { bpf_get_func_ip(self.as_ptr()) }
    }
}

impl Site for FEntryContext {
    const EXIT_ALWAYS_COMES: bool = true;

    #[inline(always)]
    fn frame(&self) -> u64 {
        self.as_ptr() as u64
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        0
    }
}

impl Site for FExitContext {
    const EXIT_ALWAYS_COMES: bool = true;

    #[inline(always)]
    fn frame(&self) -> u64 {
        self.as_ptr() as u64
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        let mut value = 0;
        // SAFETY: the context is the program's own, and the function has returned.
        unsafe { bpf_get_func_ret(self.as_ptr(), &raw mut value) };
        value
    }
}
