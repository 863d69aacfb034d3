//! What a probe knows of the call that it sees, by whichever mechanism.
//!
//! A call is known by its frame, a number that its entry and its exit share and no other open call
//! of the task has. At a trampoline (fentry and fexit, single or multi) that is the address of the
//! probe's context, which lies in the trampoline's own stack frame. At a kprobe.session entry and
//! exit have different registers, so the entry leaves the stack pointer in the session's cookie.
//! That it shares with one that it ends with a jump to (a tail call): they differ by function.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext,
    bindings::pt_regs,
    helpers::{bpf_get_func_arg, bpf_get_func_arg_cnt, bpf_get_func_ip, bpf_get_func_ret},
};

use crate::arch;

/// The entry or the exit of a call.
pub trait Site: EbpfContext + Copy {
    /// Whether the exit's probe runs even if the entry turned the call away.
    const EXIT_ALWAYS_COMES: bool;

    /// Whether a call has the same number as one that it ends with a jump to.
    const JUMPS_SHARE_FRAME: bool;

    /// Whether [`Site::argument`] may be asked for at an exit, too.
    const EXIT_HAS_ARGUMENTS: bool;

    /// The number of the call, see above.
    fn frame(&self) -> u64;

    /// What the function returned. To be asked for at an exit only.
    fn value(&self) -> u64;

    /// Puts [`Site::value`] into memory of a map.
    fn store_value(&self, place: *mut u64);

    /// To be asked for at an entry, and at an exit if [`Site::EXIT_HAS_ARGUMENTS`]: the argument
    /// with that number, counted from 0, as the
    /// register holds it; none if the function has fewer. At an fprobe nobody knows how many it
    /// has. The number is a constant, because the verifier allows only constant offsets into a
    /// context.
    fn argument<const NUMBER: u32>(&self) -> Option<u64>;

    /// To be asked for at an entry only: where the call will go on in its caller. `cell` is in a
    /// map, and what it holds is lost.
    fn return_address(&self, cell: *mut u64) -> Option<u64>;

    /// Where the probed function begins.
    #[inline(always)]
    fn function(&self) -> u64 {
        // SAFETY: the context is the program's own.
        unsafe { bpf_get_func_ip(self.as_ptr()) }
    }

    /// How an event names the probed function: the lower half of its address.
    #[inline(always)]
    fn function_id(&self) -> u32 {
        self.function() as u32
    }
}

/// A call at its entry or at its exit, at a trampoline.
#[derive(Clone, Copy)]
pub struct TrampolineSite(*mut c_void);

impl TrampolineSite {
    /// Where a program of a trampoline runs.
    #[inline(always)]
    pub fn of<C: EbpfContext>(ctx: &C) -> Self {
        Self(ctx.as_ptr())
    }
}

impl EbpfContext for TrampolineSite {
    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        self.0
    }
}

impl Site for TrampolineSite {
    const EXIT_ALWAYS_COMES: bool = true;
    const JUMPS_SHARE_FRAME: bool = false;
    const EXIT_HAS_ARGUMENTS: bool = true;

    #[inline(always)]
    fn frame(&self) -> u64 {
        self.0 as u64
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        let mut value = 0;
        // SAFETY: the context is the program's own, and the function has returned.
        unsafe { bpf_get_func_ret(self.0, &raw mut value) };
        value
    }

    #[inline(always)]
    fn store_value(&self, place: *mut u64) {
        // SAFETY: as above; the caller's place.
        unsafe { bpf_get_func_ret(self.0, place) };
    }

    #[inline(always)]
    fn argument<const NUMBER: u32>(&self) -> Option<u64> {
        let mut value = 0;
        // SAFETY: the context is the program's own; the helper checks the number (5.17+).
        let answer = unsafe { bpf_get_func_arg(self.0, NUMBER, &raw mut value) };
        (answer == 0).then_some(value)
    }

    /// It is on the stack after the context, which is a pointer with which the verifier forbids
    /// arithmetic; read back from a map it is a number.
    #[inline(always)]
    fn return_address(&self, cell: *mut u64) -> Option<u64> {
        // SAFETY: the context is the program's own, the cell is the caller's; the helper is there
        // from 5.17 on.
        let (arguments, context) = unsafe {
            let arguments = bpf_get_func_arg_cnt(self.0) as u64;
            core::ptr::write_volatile(cell, self.0 as u64);
            (arguments, core::ptr::read_volatile(cell))
        };
        arch::trampoline_return_address(context, arguments, self.function())
    }
}

/// A call at its entry or at its exit, at an fprobe. `ALWAYS` says whether the exit's probe runs
/// even if the entry turned the call away, as it does where each end has a program and a link of
/// its own.
#[derive(Clone, Copy)]
pub struct ProbeSite<const ALWAYS: bool> {
    /// The registers there.
    pub registers: *mut pt_regs,
    /// See [`Site::frame`].
    pub frame: u64,
}

impl<const ALWAYS: bool> EbpfContext for ProbeSite<ALWAYS> {
    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        self.registers.cast()
    }
}

impl<const ALWAYS: bool> Site for ProbeSite<ALWAYS> {
    const EXIT_ALWAYS_COMES: bool = ALWAYS;
    const JUMPS_SHARE_FRAME: bool = true;
    const EXIT_HAS_ARGUMENTS: bool = false;

    #[inline(always)]
    fn frame(&self) -> u64 {
        self.frame
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        // SAFETY: the registers are the program's context.
        unsafe { arch::returned(self.registers) }
    }

    #[inline(always)]
    fn store_value(&self, place: *mut u64) {
        // SAFETY: the caller's place.
        unsafe { *place = self.value() };
    }

    #[inline(always)]
    fn argument<const NUMBER: u32>(&self) -> Option<u64> {
        // SAFETY: the registers are the program's context.
        unsafe { arch::argument::<NUMBER>(self.registers) }
    }

    #[inline(always)]
    fn return_address(&self, _cell: *mut u64) -> Option<u64> {
        // SAFETY: the registers are the program's context, and the frame is their stack pointer.
        unsafe { arch::return_address(self.registers, self.frame) }
    }
}
