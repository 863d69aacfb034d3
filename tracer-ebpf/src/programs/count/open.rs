//! The table of open calls, for mechanisms whose entry and exit have nothing else in common.
//!
//! A place is claimed by compare-and-exchange, so whatever interrupts takes another one, and is
//! found by the frame ([`open_key`](tracer_common::count::open_key)), which nobody else has while
//! the call is open. Nothing locks and nothing is called. A call that never returns (a task that
//! dies in it) keeps its place until a call of the same frame, of whichever task has the stack
//! then, takes it over. The table is one element of an array, so that programs have its address.

use core::ptr;

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::count::{OPEN_PLACES, OPEN_TRIES, OpenCall, open_hash, open_key, placeholder};

use super::{by, row};
use crate::{atomic, maps::meant};

/// The place for the `attempt`th try.
#[inline(always)]
fn place(hash: u64, attempt: u64) -> *mut OpenCall {
    let index = hash.wrapping_add(attempt) & (OPEN_PLACES as u64 - 1);
    (meant::<{ placeholder::OPEN }>() as *mut OpenCall).wrapping_add(index as usize)
}

/// A call is entered whose value has this place.
#[inline(always)]
pub fn begin(frame: u64, root: u64, value_place: u64) {
    let key = open_key(frame, root);
    let hash = open_hash(key);
    for attempt in 0..OPEN_TRIES {
        let place = place(hash, attempt);
        // SAFETY: a place of the table. Volatile: others claim places at any time.
        unsafe {
            let found = ptr::read_volatile(&raw const (*place).key);
            if found == key {
                row::without_exit(root);
            } else if found != 0 || !atomic::compare_exchange(&raw mut (*place).key, 0, key) {
                continue;
            }
            // Last of all, so that our own work is not in the duration.
            (*place).entered = by::begun(bpf_ktime_get_ns(), value_place);
        }
        return;
    }
    row::no_place(root);
}

/// When the call was entered that returns, and its place, see [`by::begun`]; its place is free from
/// here on.
#[inline(always)]
pub fn end(frame: u64, root: u64) -> Option<u64> {
    let key = open_key(frame, root);
    let hash = open_hash(key);
    for attempt in 0..OPEN_TRIES {
        let place = place(hash, attempt);
        // SAFETY: as above; nobody else has the key.
        unsafe {
            if ptr::read_volatile(&raw const (*place).key) == key {
                let entered = (*place).entered;
                ptr::write_volatile(&raw mut (*place).key, 0);
                return Some(entered);
            }
        }
    }
    None
}
