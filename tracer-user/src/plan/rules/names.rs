//! Functions that the rules know by name: what the kernel denies, what the probes run, and where
//! the code of trampolines and fprobes begins.

/// `btf_id_deny` in kernel/bpf/verifier.c, of all kernels from 5.15 to 7.3.
pub(super) const DENIED: &[&str] = &[
    "__rcu_read_lock",
    "__rcu_read_unlock",
    "migrate_disable",
    "migrate_enable",
    "preempt_count_add",
    "preempt_count_sub",
    "rcu_read_unlock_strict",
];

/// What the helpers in the probes run before their guard is set (`copy_from_kernel_nofault` by
/// `bpf_probe_read_kernel`), or that is only ever hit by them.
pub(super) const OWN_HELPERS: &[&str] = &[
    "bpf_get_current_comm",
    "bpf_get_current_pid_tgid",
    "bpf_get_smp_processor_id",
    "bpf_ktime_get_ns",
    "bpf_get_func_arg",
    "bpf_get_func_ip_kprobe_multi",
    "bpf_get_func_ip_tracing",
    "bpf_get_func_ret",
    "bpf_probe_read_kernel",
    "bpf_probe_read_kernel_common",
    "bpf_ringbuf_output",
    "bpf_ringbuf_query",
    "bpf_session_cookie",
    "bpf_session_is_return",
    "bpf_this_cpu_ptr",
    "copy_from_kernel_nofault",
    "copy_from_kernel_nofault_allowed",
    // perf runs the program of a mark (kernel/events/core.c).
    "perf_swevent_get_recursion_context",
    "perf_swevent_put_recursion_context",
    "perf_trace_run_bpf_submit",
    // Where a function begins is asked at each hit (get_entry_ip, kernel/trace/bpf_trace.c; a
    // function of its own where the kernel has indirect branch tracking; seen on 6.18 and 7.3).
    "is_endbr",
];

/// Where a trampoline's own code begins (kernel/bpf/trampoline.c).
pub(super) const TRAMPOLINE: &[&str] = &[
    "__bpf_prog_enter_recur",
    "__bpf_prog_exit_recur",
    "__bpf_prog_enter",
    "__bpf_prog_exit",
    "__bpf_tramp_enter",
    "__bpf_tramp_exit",
    "__rcu_read_lock",
    "__rcu_read_unlock",
];

/// Where an fprobe's own code begins: it guards what it calls for a program, but not what it calls
/// before and after (kernel/trace/rethook.c, fprobe.c, fgraph.c). Seen on 6.12 with PROVE_RCU: the
/// return of `rcu_read_lock_any_held`, which `rethook_trampoline_handler` calls, leads into that
/// again until the stack is full.
pub(super) const FPROBE: &[&str] = &[
    "rethook_trampoline_handler",
    "arch_rethook_trampoline_callback",
    "arch_rethook_prepare",
    "rethook_try_get",
    "rethook_hook",
    "rethook_recycle",
    "fprobe_handler",
    "fprobe_exit_handler",
    "fprobe_entry",
    "fprobe_return",
    "ftrace_return_to_handler",
    "__ftrace_return_to_handler",
    "function_graph_enter_regs",
    "ftrace_graph_func",
];

/// Calls from an fprobe's own code within which nothing is attached.
pub(super) const FPROBE_LEVELS: u32 = 2;

/// Also the trampoline's own, but its slow path (a task whose CPUs were changed meanwhile) is taken
/// once and then settled, so only what it calls itself is left alone.
pub(super) const MIGRATION: &[&str] = &["migrate_disable", "migrate_enable"];

/// Whether trampolines call it for each probe (__bpf_prog_enter_recur, kernel/bpf/trampoline.c).
pub(in crate::plan) fn is_shared(function: &str) -> bool {
    MIGRATION.contains(&function) || matches!(function, "__rcu_read_lock" | "__rcu_read_unlock")
}

/// Within two calls of the RCU code on some kernels, but after the point where its flag is cleared
/// (rcu_preempt_deferred_qs_irqrestore, kernel/rcu/tree_plugin.h). Attached under load on every
/// kernel in docs/kernels.md.
pub(super) const SETTLED: &str = "_raw_spin_";

/// Calls from the trampoline's own code within which nothing is attached. Two reach
/// `rcu_read_unlock_special` and what it calls while its flag is still set.
pub(super) const TRAMPOLINE_LEVELS: u32 = 2;
