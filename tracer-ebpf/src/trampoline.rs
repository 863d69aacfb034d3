//! Whether a call comes from a trampoline's own code.
//!
//! Around a program a trampoline keeps the task on its CPU and takes the RCU read lock
//! (`migrate_disable`, `__rcu_read_lock` and their counterparts; __bpf_prog_enter_recur,
//! kernel/bpf/trampoline.c). With an fprobe on those, every probe by a trampoline would be in the
//! graph with their calls. Where a function will return to stands at the top of the stack when it
//! begins: in that code, or, because it ends with a jump to such a function, after a call of it.
//! Seen on 6.12, where BPF programs in the graph have trampolines.

use aya_ebpf::helpers::bpf_probe_read_kernel;

use crate::{maps::config, site::ProbeSite};

/// The instruction `call` of x86-64: this byte, and where to, counted from after it.
const CALL: u8 = 0xe8;
const CALL_BYTES: u64 = 5;

/// Whether a trampoline's own code called the function that begins here.
#[inline(always)]
pub fn calls<const ALWAYS: bool>(site: &ProbeSite<ALWAYS>) -> bool {
    // SAFETY: reading checks the address; what cannot be read was not called.
    let return_address = unsafe { bpf_probe_read_kernel(site.frame as *const u64) }.unwrap_or(0);
    is_own(return_address) || is_own(called_before(return_address))
}

/// Where the call led after which this address lies; 0 if there is none.
#[inline(always)]
fn called_before(address: u64) -> u64 {
    let call = address.wrapping_sub(CALL_BYTES) as *const [u8; CALL_BYTES as usize];
    // SAFETY: as above.
    match unsafe { bpf_probe_read_kernel(call) } {
        Ok([CALL, a, b, c, d]) => {
            address.wrapping_add(i64::from(i32::from_le_bytes([a, b, c, d])) as u64)
        }
        _ => 0,
    }
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
