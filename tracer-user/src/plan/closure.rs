//! What a function's text calls: direct calls, tail jumps and static calls, level by level.
//!
//! This knows nothing of function pointers, and everything that might run rather than what does:
//! the closure of `__sys_sendto` has thousands of functions. So it is used for a few levels only,
//! where nothing could be learned.

use std::collections::BTreeMap;

use crate::{
    kernel::{Address, Kernel},
    plan::FoundBy,
};

/// Functions that can be reached from `roots` in at most `levels` calls, nearest first, at most
/// `limit`.
pub fn reachable(
    kernel: &Kernel,
    roots: &[Address],
    levels: u32,
    limit: usize,
) -> BTreeMap<Address, FoundBy> {
    let mut found = BTreeMap::new();
    let Some(text) = &kernel.text else {
        return found;
    };
    let mut level = roots.to_vec();
    for distance in 1..=levels {
        let mut next = Vec::new();
        for caller in level {
            for callee in text.callees(&kernel.symbols, caller) {
                if found.len() >= limit {
                    return found;
                }
                let target = callee.target;
                if !roots.contains(&target) && !found.contains_key(&target) {
                    found.insert(target, FoundBy::Code { distance });
                    next.push(target);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    found
}
