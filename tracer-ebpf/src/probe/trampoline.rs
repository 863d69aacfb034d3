//! Whether a call comes from a trampoline's own code.
//!
//! Around a program a trampoline keeps the task on its CPU and takes the RCU read lock
//! (`migrate_disable`, `__rcu_read_lock` and their counterparts; __bpf_prog_enter_recur,
//! kernel/bpf/trampoline.c). With an fprobe on those, every probe by a trampoline would be in the
//! graph with their calls. Where a function will return to is known when it begins: in that code,
//! or, because it ends with a jump to such a function, after a call of it. Seen on 6.12, where BPF
//! programs in the graph have trampolines.

use super::site::ProbeSite;
use crate::{arch, maps::config};

/// Whether a trampoline's own code called the function that begins here.
#[inline(always)]
pub fn calls<const ALWAYS: bool>(site: &ProbeSite<ALWAYS>) -> bool {
    // SAFETY: the site's registers are the program's context, at an entry. What cannot be read was
    // not called.
    let return_address = unsafe { arch::return_address(site.registers, site.frame) }.unwrap_or(0);
    is_own(return_address) || is_own(arch::called_before(return_address))
}

#[inline(always)]
fn is_own(address: u64) -> bool {
    is_within::<0>(address)
        || is_within::<1>(address)
        || is_within::<2>(address)
        || is_within::<3>(address)
}

#[inline(always)]
fn is_within<const NUMBER: usize>(address: u64) -> bool {
    let start = config!(trampoline_code[NUMBER].start);
    address.wrapping_sub(start) < config!(trampoline_code[NUMBER].bytes)
}
