//! Whether a call comes from a trampoline's own code.
//!
//! Before and after a program a trampoline keeps the task on its CPU (`migrate_disable`, `migrate_enable`; __bpf_prog_enter_recur,
//! kernel/bpf/trampoline.c). With an fprobe on those two, every probe by a trampoline would be in the graph with two calls of them. Who calls stands
//! at the top of the stack when a function begins. Seen on 6.12, where BPF programs in the graph have trampolines.

use aya_ebpf::helpers::bpf_probe_read_kernel;

use crate::{maps::config, site::ProbeSite};

/// Whether a trampoline's own code called the function that begins here.
#[inline(always)]
pub fn calls(site: &ProbeSite) -> bool {
    // SAFETY: reading checks the address; what cannot be read was not called.
    let caller = unsafe { bpf_probe_read_kernel(site.frame as *const u64) }.unwrap_or(0);
    let first =
        caller.wrapping_sub(config!(trampoline_code[0].start)) < config!(trampoline_code[0].bytes);
    let second =
        caller.wrapping_sub(config!(trampoline_code[1].start)) < config!(trampoline_code[1].bytes);
    first || second
}
