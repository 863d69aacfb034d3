//! AArch64.

#[cfg(feature = "live")]
pub mod code;
#[cfg(feature = "live")]
mod registers;

use super::{Convention, PreemptCountOf, SyscallEntry};

/// Bytes of a register.
pub const REGISTER_BYTES: u32 = 8;

/// Bytes of the largest value that is passed or returned in registers (Procedure Call Standard for
/// the Arm 64-bit Architecture, 6.8.2).
pub const LARGEST_IN_REGISTERS: u32 = 2 * REGISTER_BYTES;

/// Registers that arguments are passed in.
pub const ARGUMENT_REGISTERS: u32 = 8;

/// Argument registers that a larger argument takes: its address is passed.
pub const LARGE_ARGUMENT_REGISTERS: u32 = 1;

/// Argument registers that a function takes before its arguments if it returns in memory: the
/// address goes into x8, which is none.
pub const REGISTERS_BEFORE_ARGUMENTS: usize = 0;

/// Kernels before this one, major and minor number, have a BPF trampoline that saves argument
/// registers only, and no arguments on the stack (`arch_prepare_bpf_trampoline`,
/// arch/arm64/net/bpf_jit_comp.c).
pub const STACK_ARGUMENTS_SINCE: (u32, u32) = (6, 17);

/// How far into a function ftrace may patch it, bytes: after an instruction that keeps `lr`, and a
/// landing pad before that if there is one (`ftrace_call_adjust`, arch/arm64/kernel/ftrace.c).
pub const PROBE_OFFSETS: [u64; 2] = [4, 8];

/// The furthest of these.
pub const FURTHEST_PROBE: u64 = PROBE_OFFSETS[1];

/// How far into a function the address may lie by which a probe names it: all are told where it
/// begins (`arch_ftrace_get_symaddr`, arch/arm64/kernel/ftrace.c).
pub const NAMED_AT: &[u64] = &[0];

/// Whether an fprobe at an exit sees the stack pointer. It keeps what was returned and the frame
/// pointer alone (`return_to_handler`, arch/arm64/kernel/entry-ftrace.S; seen on 7.3).
pub const EXITS_HAVE_STACK: bool = false;

/// Where the preempt count is (arch/arm64/include/asm/preempt.h).
pub const PREEMPT_COUNT: PreemptCountOf = PreemptCountOf::Task;

/// The beginning of the entry of a system call for 64-bit programs
/// (arch/arm64/include/asm/syscall_wrapper.h).
pub const SYSCALL_ENTRY: &str = "__arm64_sys_";

/// Those for [`OTHER_PROGRAMS`]; calls without a definition of their own for these enter where the
/// others do.
pub const OTHER_SYSCALL_ENTRIES: &[&str] = &["__arm64_compat_sys_"];

/// All of them.
pub const SYSCALL_ENTRIES: &[SyscallEntry] = &[
    SyscallEntry::new(SYSCALL_ENTRY, Convention::Native, false),
    SyscallEntry::new(OTHER_SYSCALL_ENTRIES[0], Convention::Compat, true),
];

/// What calls these entries and is called by nothing that can be traced: `invoke_syscall` can be,
/// and what calls it (arch/arm64/kernel/syscall.c).
pub const SYSCALL_CALLERS: &[&str] = &[];

/// Whether a function never runs below one that can be traced: see [`SYSCALL_CALLERS`].
pub const fn is_never_below(_name: &str) -> bool {
    false
}

/// Programs whose system calls enter the kernel elsewhere.
pub const OTHER_PROGRAMS: &str = "32-bit programs";

/// Where the entry code calls into the rest of the kernel (arch/arm64/kernel/entry-common.c,
/// kernel/entry/common.c, kernel/softirq.c).
pub fn is_interrupt_entry(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "__irq_exit_rcu",
        "irq_exit_rcu",
        "irqentry_exit",
        "irqentry_exit_cond_resched",
        "raw_irqentry_exit_cond_resched",
        "arm64_preempt_schedule_irq",
        "el0_interrupt",
        "el1_interrupt",
        "__el0_irq_handler_common",
        "el0t_64_irq_handler",
        "el0t_32_irq_handler",
        "el1h_64_irq_handler",
        "do_interrupt_handler",
        "call_on_irq_stack",
    ];
    NAMES.contains(&name)
}
