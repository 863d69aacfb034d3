//! What a probe knows of the call that it sees, whichever way it was attached.
//!
//! A call is known by its frame, a number that its entry and its exit share and no other open call of the task has. At a
//! trampoline (fentry and fexit, single or multi) that is the address of the probe's context, which lies in the trampoline's own stack
//! frame. At a kprobe.session entry and exit have different registers, so the entry leaves the stack pointer in the session's cookie.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_func_arg, bpf_get_func_ip, bpf_get_func_ret},
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

    /// The argument with that number, counted from 0, as the register holds it; none if the function has fewer. At an fprobe nobody knows how
    /// many it has. The number is a constant, because the verifier allows only constant offsets into a context.
    fn argument<const NUMBER: u32>(&self) -> Option<u64>;

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

    #[inline(always)]
    fn argument<const NUMBER: u32>(&self) -> Option<u64> {
        argument_at_trampoline(self, NUMBER)
    }
}

/// See [`Site::argument`].
#[inline(always)]
pub fn argument_at_trampoline<C: EbpfContext>(ctx: &C, number: u32) -> Option<u64> {
    let mut value = 0;
    // SAFETY: the context is the program's own; the helper checks the number (5.17+).
    let answer = unsafe { bpf_get_func_arg(ctx.as_ptr(), number, &raw mut value) };
    (answer == 0).then_some(value)
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

    #[inline(always)]
    fn argument<const NUMBER: u32>(&self) -> Option<u64> {
        None
    }
}
