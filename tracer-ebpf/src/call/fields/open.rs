//! The arguments of calls that are open at fprobes, for their exits.
//!
//! Open addressing over an array, with a few places for each call: no lock, and no order among
//! them.

use core::ptr;

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use tracer_common::FIELD_CALLS;

use super::arguments::Arguments;
use crate::atomic;

/// The arguments of calls that are open at fprobes.
#[btf_map]
pub static FIELD_ARGUMENTS: Array<OpenFields, { FIELD_CALLS as usize }> = Array::new();

/// The arguments of a call that is open.
#[repr(C)]
pub struct OpenFields {
    /// The task, see `task::current`; 0 while the place is free.
    owner: u64,
    /// What tells the call from others of the task.
    call: u64,
    arguments: [u64; 6],
}

/// Places in which a call's arguments may be.
const PLACES: u32 = 4;

/// What tells a call from others of its task: calls that end with a jump to another share a frame.
#[inline(always)]
pub fn call_key(frame: u64, function: u32) -> u64 {
    frame ^ (u64::from(function) << 32)
}

#[inline(always)]
fn place_of(owner: u64, call: u64, attempt: u32) -> Option<*mut OpenFields> {
    let hash = (owner ^ call.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = ((hash >> 40) as u32).wrapping_add(attempt) & (FIELD_CALLS - 1);
    FIELD_ARGUMENTS.get_ptr_mut(place)
}

/// Leaves a call's arguments for its exit. Where all places are taken, by calls whose exits were
/// not seen for one, nothing is known at the exit.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn field_leave(owner: u64, call: u64, arguments: *const Arguments) -> u32 {
    if arguments.is_null() {
        return 0;
    }
    for attempt in 0..PLACES {
        let Some(place) = place_of(owner, call, attempt) else {
            return 0;
        };
        // SAFETY: the pointer was checked; the place is ours alone once it is taken. A place of the
        // same call is one whose exit was not seen.
        unsafe {
            let is_taken = atomic::compare_exchange(&raw mut (*place).owner, 0, owner)
                || ptr::read_volatile(&raw const (*place).owner) == owner
                    && ptr::read_volatile(&raw const (*place).call) == call;
            if is_taken {
                ptr::write_volatile(&raw mut (*place).call, call);
                for number in 0..6 {
                    let to = (&raw mut (*place).arguments).cast::<u64>().add(number);
                    ptr::write_volatile(to, (*arguments)[number]);
                }
                return 1;
            }
        }
    }
    0
}

/// Takes back what [`field_leave`] has left; 0 if that is nothing.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn field_take(owner: u64, call: u64, arguments: *mut Arguments) -> u32 {
    if arguments.is_null() {
        return 0;
    }
    for attempt in 0..PLACES {
        let Some(place) = place_of(owner, call, attempt) else {
            return 0;
        };
        // SAFETY: as above.
        unsafe {
            if ptr::read_volatile(&raw const (*place).owner) == owner
                && ptr::read_volatile(&raw const (*place).call) == call
            {
                for number in 0..6 {
                    let from = (&raw const (*place).arguments).cast::<u64>().add(number);
                    (*arguments)[number] = ptr::read_volatile(from);
                }
                ptr::write_volatile(&raw mut (*place).owner, 0);
                return 1;
            }
        }
    }
    0
}
