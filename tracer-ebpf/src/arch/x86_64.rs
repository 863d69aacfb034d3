//! x86-64.

use core::{arch::asm, ffi::c_void};

use aya_ebpf::{
    bindings::pt_regs,
    helpers::{bpf_probe_read_kernel, generated::bpf_this_cpu_ptr},
};
use tracer_common::{MAX_ARGUMENTS, placeholder};

use crate::maps::meant;

/// A stack begins at a multiple of this, bytes: `THREAD_SIZE` and `IRQ_STACK_SIZE`
/// (arch/x86/include/asm/page_64_types.h). With KASAN they are twice as large, and then the two
/// halves count as two stacks.
pub const STACK: u64 = 1 << 14;

/// Whether a stack from the registers at a function's entry lacks what called it: that is on the
/// stack.
pub const STACKS_LACK_CALLER: bool = false;

/// The size of a return address, which `call` leaves on the stack.
const RETURN_ADDRESS: u64 = 8;

/// Words of `struct pt_regs` up to rdi (arch/x86/include/asm/ptrace.h).
pub const CALL_WORDS: usize = 15;
/// Those that hold the arguments of a system call of a 64-bit program: rdi, rsi, rdx, r10, r8, r9.
pub const NATIVE: [usize; MAX_ARGUMENTS as usize] = [14, 13, 12, 7, 9, 8];
/// Those of a 32-bit program: ebx, ecx, edx, esi, edi, ebp.
pub const COMPAT: [usize; MAX_ARGUMENTS as usize] = [5, 11, 12, 13, 14, 4];

/// The stack pointer at the entry of a function, as an fprobe has it: it points to the return
/// address.
///
/// # Safety
/// `registers` is the program's context.
#[inline(always)]
pub unsafe fn stack_at_entry(registers: *mut pt_regs) -> u64 {
    // SAFETY: the caller's context.
    unsafe { (*registers).rsp }
}

/// What [`stack_at_entry`] was, at the exit of the function: the return address is gone then
/// (arch_rethook_trampoline_callback, arch/x86/kernel/rethook.c; seen on 6.1).
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn stack_at_exit(registers: *mut pt_regs) -> u64 {
    // SAFETY: the caller's context.
    unsafe { (*registers).rsp - RETURN_ADDRESS }
}

/// What a function returned.
///
/// # Safety
/// `registers` is the context of a program at an exit.
#[inline(always)]
pub unsafe fn returned(registers: *mut pt_regs) -> u64 {
    // SAFETY: the caller's context.
    unsafe { (*registers).rax }
}

/// The register of the calling convention for the argument with that number; none if it is on the
/// stack. Volatile, or the compiler makes one read at a computed place of several, which the
/// verifier does not allow.
///
/// # Safety
/// `registers` is the context of a program at an entry.
#[inline(always)]
pub unsafe fn argument<const NUMBER: u32>(registers: *mut pt_regs) -> Option<u64> {
    // SAFETY: the caller's context.
    unsafe {
        Some(match NUMBER {
            0 => core::ptr::read_volatile(&raw const (*registers).rdi),
            1 => core::ptr::read_volatile(&raw const (*registers).rsi),
            2 => core::ptr::read_volatile(&raw const (*registers).rdx),
            3 => core::ptr::read_volatile(&raw const (*registers).rcx),
            4 => core::ptr::read_volatile(&raw const (*registers).r8),
            5 => core::ptr::read_volatile(&raw const (*registers).r9),
            _ => return None,
        })
    }
}

/// Where a function will return to, at its entry by an fprobe; none if it cannot be read.
///
/// # Safety
/// As [`stack_at_entry`], which is `frame`.
#[inline(always)]
pub unsafe fn return_address(_registers: *mut pt_regs, frame: u64) -> Option<u64> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(frame as *const u64) }.ok()
}

/// Where a function at `function` will return to, at its entry by a trampoline whose program has
/// its context, with so many words of arguments in it, at `context`.
///
/// After the context a trampoline's frame has the return value, the frame pointer, and then, if the
/// function calls the trampoline, where that goes on in the function; if it jumps to it (7.x), that
/// is missing. After it lies what the function itself found on the stack
/// (arch_prepare_bpf_trampoline, arch/x86/net/bpf_jit_comp.c).
#[inline(always)]
pub fn trampoline_return_address(context: u64, arguments: u64, function: u64) -> Option<u64> {
    const WORDS_BEHIND_ARGUMENTS: u64 = 2;
    /// Where a function goes on after its call of a trampoline, counted from its beginning: a
    /// landing pad and the call.
    const BEHIND_CALL: u64 = 4 + 5;
    let place = context + 8 * (arguments + WORDS_BEHIND_ARGUMENTS);
    // SAFETY: the helper checks the address.
    let [first, second] = unsafe { bpf_probe_read_kernel(place as *const [u64; 2]) }.ok()?;
    let is_called = first.wrapping_sub(function) <= BEHIND_CALL;
    Some(if is_called { second } else { first })
}

/// Where the call led after which this address lies; 0 if there is none.
#[inline(always)]
pub fn called_before(address: u64) -> u64 {
    /// `call` with a distance: this byte, and where to, counted from after it.
    const CALL: u8 = 0xe8;
    const CALL_BYTES: u64 = 5;
    let call = address.wrapping_sub(CALL_BYTES) as *const [u8; CALL_BYTES as usize];
    // SAFETY: reading checks the address.
    match unsafe { bpf_probe_read_kernel(call) } {
        Ok([CALL, a, b, c, d]) => {
            address.wrapping_add(i64::from(i32::from_le_bytes([a, b, c, d])) as u64)
        }
        _ => 0,
    }
}

/// The preempt count of this CPU, which must be known: a per-CPU variable. It moved twice:
/// `__preempt_count` up to 6.1, `pcpu_hot.preempt_count` from 6.2, `__preempt_count` again from
/// 6.15.
#[inline(always)]
pub fn known_preempt_count() -> u64 {
    // SAFETY: userspace makes the number the variable's type id, and the verifier checks the
    // offset.
    unsafe {
        let variable = meant::<{ placeholder::PREEMPT_COUNT }>() as *const c_void;
        let variable = bpf_this_cpu_ptr(variable);
        let count: u64;
        asm!("{count} = *(u32 *)({variable} + {offset})",
            count = out(reg) count, variable = in(reg) variable,
            offset = const placeholder::PREEMPT_COUNT_OFFSET, options(nostack, preserves_flags));
        count
    }
}
