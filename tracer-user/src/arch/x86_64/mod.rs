//! x86-64.

#[cfg(feature = "live")]
pub mod code;

use super::{Convention, PreemptCountOf, SyscallEntry};

/// Bytes of a register.
pub const REGISTER_BYTES: u32 = 8;

/// Bytes of the largest value that is passed or returned in registers (System V ABI for x86-64,
/// 3.2.3).
pub const LARGEST_IN_REGISTERS: u32 = 2 * REGISTER_BYTES;

/// Registers that arguments are passed in.
pub const ARGUMENT_REGISTERS: u32 = 6;

/// Argument registers that a larger argument takes: it is on the stack.
pub const LARGE_ARGUMENT_REGISTERS: u32 = 0;

/// Argument registers that a function takes before its arguments if it returns in memory: the
/// address goes there.
pub const REGISTERS_BEFORE_ARGUMENTS: usize = 1;

/// Kernels before this one, major and minor number, have a BPF trampoline that saves argument
/// registers only, and no arguments on the stack (`__arch_prepare_bpf_trampoline`,
/// arch/x86/net/bpf_jit_comp.c).
pub const STACK_ARGUMENTS_SINCE: (u32, u32) = (6, 6);

/// How far into a function ftrace may patch it, bytes: with indirect branch tracking it is after
/// `endbr64` (`is_endbr`, arch/x86/kernel/ftrace.c). A direct call may skip that, too.
pub const PROBE_OFFSETS: [u64; 2] = [0, 4];

/// The furthest of these.
pub const FURTHEST_PROBE: u64 = PROBE_OFFSETS[1];

/// How far into a function the address may lie by which a probe names it: with or without the
/// landing pad, which differs by mechanism and kernel.
pub const NAMED_AT: &[u64] = &PROBE_OFFSETS;

/// Whether an fprobe at an exit sees the stack pointer (`return_to_handler`,
/// arch/x86/kernel/ftrace_64.S; before 6.14 `arch_rethook_trampoline`, arch/x86/kernel/rethook.c).
pub const EXITS_HAVE_STACK: bool = true;

/// Where the preempt count is (arch/x86/include/asm/preempt.h).
pub const PREEMPT_COUNT: PreemptCountOf = PreemptCountOf::Cpu;

/// The beginning of the entry of a system call for 64-bit programs
/// (arch/x86/include/asm/syscall_wrapper.h).
pub const SYSCALL_ENTRY: &str = "__x64_sys_";

/// Those for [`OTHER_PROGRAMS`]: by `int 0x80` and `sysenter`.
pub const OTHER_SYSCALL_ENTRIES: &[&str] = &["__ia32_sys_", "__ia32_compat_sys_"];

/// All of them.
pub const SYSCALL_ENTRIES: &[SyscallEntry] = &[
    SyscallEntry::new(SYSCALL_ENTRY, Convention::Native, false),
    SyscallEntry::new("__x64_compat_sys_", Convention::Native, true),
    SyscallEntry::new(OTHER_SYSCALL_ENTRIES[0], Convention::Compat, false),
    SyscallEntry::new(OTHER_SYSCALL_ENTRIES[1], Convention::Compat, true),
];

/// What calls these entries (arch/x86/entry/syscall_64.c, syscall_32.c). Nothing calls it that can
/// be traced: the code before it is noinstr (`do_syscall_64`, `do_int80_emulation`,
/// `__do_fast_syscall_32`).
pub const SYSCALL_CALLERS: &[&str] = &["x64_sys_call", "ia32_sys_call", "x32_sys_call"];

/// Whether a function never runs below one that can be traced, [`SYSCALL_CALLERS`] aside: these,
/// and the entries of system calls but for those that a page fault calls, too (`emulate_vsyscall`,
/// arch/x86/entry/vsyscall/vsyscall_64.c). Held against the text and the data of 6.1, 6.12, 6.18
/// and 7.3: nothing else calls them, and no pointer leads to them but the table of system calls.
pub fn is_never_below(name: &str) -> bool {
    const OF_PAGE_FAULTS: &[&str] = &["gettimeofday", "time", "getcpu"];
    let mut entries = SYSCALL_ENTRIES.iter();
    let is_entry = entries.any(|entry| {
        let call = name.strip_prefix(entry.prefix);
        call.is_some_and(|call| !OF_PAGE_FAULTS.contains(&call))
    });
    is_entry || SYSCALL_CALLERS.contains(&name)
}

/// Programs whose system calls enter the kernel elsewhere.
pub const OTHER_PROGRAMS: &str = "32-bit programs (int 0x80)";

/// Where the entry code calls into the rest of the kernel (arch/x86/kernel/apic,
/// kernel/entry/common.c, kernel/softirq.c).
pub fn is_interrupt_entry(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "__irq_exit_rcu",
        "irq_exit_rcu",
        "common_interrupt",
        "irqentry_exit",
        "irqentry_exit_cond_resched",
        "raw_irqentry_exit_cond_resched",
    ];
    NAMES.contains(&name) || name.starts_with("sysvec_") || name.starts_with("asm_sysvec_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_system_call_is_never_below() {
        for name in [
            "x64_sys_call",
            "__x64_sys_sendto",
            "__ia32_sys_sendto",
            "__ia32_compat_sys_recv",
        ] {
            assert!(is_never_below(name), "{name}");
        }
        for name in ["__sys_sendto", "ksys_read", "__x64_sys_gettimeofday"] {
            assert!(!is_never_below(name), "{name}");
        }
    }
}
