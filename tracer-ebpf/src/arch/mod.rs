//! What depends on the processor that the kernel was made for, and nothing else: registers, what
//! BPF's trampoline keeps on the stack, where the preempt count is, how a call looks in machine
//! code. No other module names a processor.
//!
//! A BPF program is the same on all of them, so the compiler does not know which one it is for:
//! xtask says it (`bpf_target_arch`), and the object is built once for each. Each has the same
//! items; userspace has such modules in `tracer-user/src/arch`.

#[cfg(bpf_target_arch = "aarch64")]
mod aarch64;
#[cfg(not(bpf_target_arch = "aarch64"))]
mod x86_64;

#[cfg(bpf_target_arch = "aarch64")]
pub use aarch64::{
    CALL_WORDS, COMPAT, NATIVE, STACK, STACKS_LACK_CALLER, argument, called_before,
    known_preempt_count, return_address, returned, stack_at_entry, stack_at_exit,
    trampoline_return_address,
};
#[cfg(not(bpf_target_arch = "aarch64"))]
pub use x86_64::{
    CALL_WORDS, COMPAT, NATIVE, STACK, STACKS_LACK_CALLER, argument, called_before,
    known_preempt_count, return_address, returned, stack_at_entry, stack_at_exit,
    trampoline_return_address,
};
