//! In which order functions are attached where that decides what a call of them costs.
//!
//! From 6.14 to 6.18 an fprobe finds a function in a hash of 256 buckets (`fprobe_ip_table`,
//! kernel/trace/fprobe.c): with all functions attached a bucket has some 160, and each that is
//! passed on the way costs five instructions at every hit, of any task. What is attached last is
//! found first (`hlist_add_head_rcu` in `insert_fprobe_node`). So the functions that usual work
//! calls come last ([`USUAL`]), and before them those that many places call. By the hash of 6.18
//! and the calls of samples/send.rec a hit looks at 92 functions if they come by address, at 36 if
//! they come by the places that call, and at 2 with those of usual work last.

use std::collections::HashMap;

use crate::kernel::{Kernel, facts::Release};

/// Functions that usual work calls, one a line, what is called most first. Seen by the function
/// tracer on 6.18: sends over sockets, files, processes, pipes, signals, memory, mounts and
/// addresses (`xtask/src/bench/usual.sh`). It orders functions, and nothing more: a name that a
/// kernel does not have does no harm.
const USUAL: &str = include_str!("usual.txt");

/// Functions whose order does not matter: one or two in a bucket.
const FEW: usize = 512;

/// Puts functions, each known by the address that ftrace patches, in the order in which they are to
/// be attached.
pub fn order(kernel: &Kernel, addresses: &mut [u64]) {
    if addresses.len() <= FEW || !has_buckets(kernel.release) {
        return;
    }
    let Some(text) = &kernel.text else { return };
    let all = kernel.traceable_functions();
    let calls = text.call_counts(&kernel.symbols, all);
    let mut by_address: HashMap<u64, (usize, u32)> = all
        .iter()
        .zip(calls)
        .map(|(traceable, calls)| (traceable.address.0, (0, calls)))
        .collect();
    for (rank, name) in USUAL.lines().rev().enumerate() {
        for function in kernel.symbols.functions_named(name) {
            let known = kernel.traceable_at(function);
            if let Some(place) = known.and_then(|known| by_address.get_mut(&known.address.0)) {
                place.0 = rank + 1;
            }
        }
    }
    addresses.sort_by_key(|address| by_address.get(address).copied().unwrap_or_default());
}

/// Later the hash grows with what is in it.
fn has_buckets(release: Release) -> bool {
    let Release { major, minor } = release;
    major == 6 && (14..=18).contains(&minor)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn usual_functions_are_named_once_each() {
        let names: BTreeSet<&str> = USUAL.lines().collect();
        assert_eq!(names.len(), USUAL.lines().count());
        for name in ["try_to_wake_up", "unix_stream_sendmsg", "_raw_spin_lock"] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn only_some_kernels_have_buckets() {
        let has = |major, minor| has_buckets(Release { major, minor });
        assert!(!has(6, 13) && has(6, 14) && has(6, 18) && !has(6, 19) && !has(7, 3));
    }
}
