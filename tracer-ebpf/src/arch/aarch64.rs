//! AArch64.

use core::arch::asm;

use aya_ebpf::{
    bindings::pt_regs,
    helpers::{bpf_probe_read_kernel, generated::bpf_get_current_task_btf},
};
use tracer_common::{MAX_ARGUMENTS, placeholder};

/// A stack begins at a multiple of this, bytes: `THREAD_SIZE` and `IRQ_STACK_SIZE`
/// (arch/arm64/include/asm/memory.h). With KASAN and with pages of 64 KiB they are larger, and then
/// the parts count as stacks of their own.
pub const STACK: u64 = 1 << 14;

/// Words of `struct pt_regs` with the arguments of a system call, x0 to x5
/// (arch/arm64/include/asm/syscall_wrapper.h).
pub const CALL_WORDS: usize = MAX_ARGUMENTS as usize;
/// Which of them have those of a 64-bit program.
pub const NATIVE: [usize; MAX_ARGUMENTS as usize] = [0, 1, 2, 3, 4, 5];
/// Those of a 32-bit program are the same.
pub const COMPAT: [usize; MAX_ARGUMENTS as usize] = NATIVE;

/// Whether a stack from the registers at a function's entry lacks what called it: the kernel goes
/// from frame record to frame record (`unwind_next`, arch/arm64/kernel/stacktrace.c), and the
/// function has not made its own yet, so where it returns to is in a register alone. Seen on 7.3.
pub const STACKS_LACK_CALLER: bool = true;

/// The register with the address that a function returns to (`lr`).
const LINK: usize = 30;
/// Bytes of an instruction.
const INSTRUCTION: u64 = 4;

/// The stack pointer at the entry of a function, as an fprobe has it. A function that calls another
/// has put its return address below, so that one's is lower.
///
/// # Safety
/// `registers` is the program's context.
#[inline(always)]
pub unsafe fn stack_at_entry(registers: *mut pt_regs) -> u64 {
    // SAFETY: the caller's context.
    unsafe { (*registers).sp }
}

/// What [`stack_at_entry`] was, at the exit of the function: nothing of the caller's stack is the
/// function's. The kernel does not keep it at an exit (`return_to_handler`,
/// arch/arm64/kernel/entry-ftrace.S), so userspace never loads the programs that ask.
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn stack_at_exit(registers: *mut pt_regs) -> u64 {
    // SAFETY: the caller's context.
    unsafe { (*registers).sp }
}

/// What a function returned.
///
/// # Safety
/// `registers` is the context of a program at an exit.
#[inline(always)]
pub unsafe fn returned(registers: *mut pt_regs) -> u64 {
    // SAFETY: the caller's context.
    unsafe { (*registers).regs[0] }
}

/// The register of the calling convention for the argument with that number; none if it is on the
/// stack.
///
/// # Safety
/// `registers` is the context of a program at an entry.
#[inline(always)]
pub unsafe fn argument<const NUMBER: u32>(registers: *mut pt_regs) -> Option<u64> {
    const IN_REGISTERS: u32 = 8;
    if NUMBER >= IN_REGISTERS {
        return None;
    }
    // SAFETY: the caller's context. Volatile, or the compiler makes one read at a computed place of
    // several, which the verifier does not allow.
    Some(unsafe { core::ptr::read_volatile(&raw const (*registers).regs[NUMBER as usize]) })
}

/// Where a function will return to, at its entry by an fprobe. It has not been signed there: that
/// is the function's own first instruction, after the place that ftrace patches.
///
/// # Safety
/// As [`stack_at_entry`], which is `frame`.
#[inline(always)]
pub unsafe fn return_address(registers: *mut pt_regs, _frame: u64) -> Option<u64> {
    // SAFETY: the caller's context.
    Some(unsafe { (*registers).regs[LINK] })
}

/// Where a function at `function` will return to, at its entry by a trampoline whose program has
/// its context, with so many words of arguments in it, at `context`.
///
/// After the context a trampoline's frame has the return value, x19 and x20, one word if it takes
/// that to make the frame a multiple of 16 bytes, and two frame records: the trampoline's, with
/// where it goes on in the function, and the function's, with where that will return to
/// (prepare_trampoline, arch/arm64/net/bpf_jit_comp.c).
#[inline(always)]
pub fn trampoline_return_address(context: u64, arguments: u64, function: u64) -> Option<u64> {
    const WORDS_BEHIND_ARGUMENTS: u64 = 3;
    /// Where a function goes on after its call of a trampoline, counted from its beginning: a
    /// landing pad, an instruction that keeps `lr`, and the call.
    const BEHIND_CALL: u64 = 3 * INSTRUCTION;
    let place = context + 8 * (arguments + WORDS_BEHIND_ARGUMENTS);
    // SAFETY: the helper checks the address.
    let words = unsafe { bpf_probe_read_kernel(place as *const [u64; 5]) }.ok()?;
    let [_, first, second, third, fourth] = words;
    if first.wrapping_sub(function) <= BEHIND_CALL {
        Some(third)
    } else {
        (second.wrapping_sub(function) <= BEHIND_CALL).then_some(fourth)
    }
}

/// Where the call led after which this address lies; 0 if there is none.
#[inline(always)]
pub fn called_before(address: u64) -> u64 {
    /// `bl`: these six bits, and where to in instructions, counted from itself.
    const CALL: u32 = 0b10_0101;
    const DISTANCE_BITS: u32 = 26;
    let call = address.wrapping_sub(INSTRUCTION);
    // SAFETY: reading checks the address.
    match unsafe { bpf_probe_read_kernel(call as *const u32) } {
        Ok(word) if word >> DISTANCE_BITS == CALL => {
            // Shifted up to the sign, and down again to bytes.
            let distance = (word << (u32::BITS - DISTANCE_BITS)) as i32 >> 4;
            call.wrapping_add(i64::from(distance) as u64)
        }
        _ => 0,
    }
}

/// The preempt count, which must be known: it is kept for each task, in `thread_info`, which the
/// task that runs begins with, and interrupts count there, too (arch/arm64/include/asm/preempt.h).
#[inline(always)]
pub fn known_preempt_count() -> u64 {
    // SAFETY: userspace makes the number the member's offset, which the verifier checks.
    unsafe {
        let task = bpf_get_current_task_btf();
        let count: u64;
        asm!("{count} = *(u32 *)({task} + {offset})", count = out(reg) count, task = in(reg) task,
            offset = const placeholder::PREEMPT_COUNT_OFFSET, options(nostack, preserves_flags));
        count
    }
}
