//! What depends on the processor that the kernel was made for, and nothing else.
//!
//! Registers, the instructions at a function's start, the names of the kernel's entry points, what
//! BPF's trampoline saves. No other room names a processor. Another one is a file beside `x86_64`
//! with the same items, and a line here that chooses it. What it means for the eBPF side is in
//! tracer-ebpf/src (`site.rs`, `trampoline.rs`, `missed.rs`).

mod address;
mod x86_64;

pub use address::Address;
#[cfg(feature = "live")]
pub(crate) use x86_64::code;
pub use x86_64::{
    ARGUMENT_REGISTERS, LANDING_PAD, LARGEST_IN_REGISTERS, OTHER_PROGRAMS, OTHER_SYSCALL_ENTRIES,
    REGISTER_BYTES, REGISTERS_BEFORE_ARGUMENTS, STACK_ARGUMENTS_SINCE, SYSCALL_ENTRY,
    is_interrupt_entry,
};
