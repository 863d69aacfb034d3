//! What depends on the processor that the kernel was made for, and nothing else.
//!
//! Registers, the instructions at a function's start, the names of the kernel's entry points, what
//! BPF's trampoline saves, where the preempt count is. No other room names a processor. Each is a
//! folder with the same items, and the lines here choose that of the processor that tracer was
//! built for: a trace is of the kernel that tracer runs on. A recording has in it what its reader
//! needs, so it is read anywhere. What a processor means for the eBPF side is in
//! tracer-ebpf/src/arch.
//!
//! Tests have all of them, because a decoder needs no processor.

#[cfg(any(test, target_arch = "aarch64"))]
#[cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]
mod aarch64;
mod address;
#[cfg(feature = "live")]
mod branch;
mod entries;
#[cfg(any(test, not(target_arch = "aarch64")))]
#[cfg_attr(target_arch = "aarch64", allow(dead_code))]
mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64 as here;
#[cfg(not(target_arch = "aarch64"))]
use x86_64 as here;

pub use address::Address;
#[cfg(feature = "live")]
pub(crate) use branch::{Branch, BranchKind};
pub use entries::{Convention, SyscallEntry};
#[cfg(feature = "live")]
pub(crate) use here::code;
pub use here::{
    ARGUMENT_REGISTERS, EXITS_HAVE_STACK, FURTHEST_PROBE, LARGE_ARGUMENT_REGISTERS,
    LARGEST_IN_REGISTERS, NAMED_AT, OTHER_PROGRAMS, OTHER_SYSCALL_ENTRIES, PREEMPT_COUNT,
    PROBE_OFFSETS, REGISTER_BYTES, REGISTERS_BEFORE_ARGUMENTS, STACK_ARGUMENTS_SINCE,
    SYSCALL_CALLERS, SYSCALL_ENTRIES, SYSCALL_ENTRY, is_interrupt_entry, is_never_below,
};

/// Where the kernel keeps the preempt count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreemptCountOf {
    /// A per-CPU variable.
    Cpu,
    /// A member of `struct task_struct`.
    Task,
}
