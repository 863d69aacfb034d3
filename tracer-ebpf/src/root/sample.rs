//! Root calls that are sampled: where a trace has a budget, userspace says of how many one is
//! traced.
//!
//! Asked last of all, so that it is one of those that are wanted ([`tracer_common::sample`] says
//! which one). Any other is counted. Whoever preempts or interrupts us in the middle changes at
//! worst which call is taken: each is either taken or counted.

use core::ptr;

use tracer_common::sample::{Sampling, taken, takes};

use crate::{
    atomic,
    maps::{ONE_IN, may_sample, sampling},
};

/// Whether the root call that begins on this CPU is sampled out.
#[inline(always)]
pub fn is_out(cpu: u32) -> bool {
    if !may_sample() {
        return false;
    }
    // SAFETY: a global; volatile because userspace writes.
    let one_in = unsafe { ptr::read_volatile(ONE_IN.get()) };
    if one_in <= 1 {
        return false;
    }
    let own = sampling(cpu);
    // SAFETY: an element of the table; volatile because interrupts are here, too.
    unsafe {
        let left = ptr::read_volatile(&raw const (*own).left);
        if takes(left, one_in) {
            begin_block(own, one_in);
            return false;
        }
        ptr::write_volatile(&raw mut (*own).left, left - 1);
        atomic::fetch_add(&raw mut (*own).out, 1);
    }
    true
}

/// # Safety
/// An element of the table.
#[inline(always)]
unsafe fn begin_block(own: *mut Sampling, one_in: u64) {
    // SAFETY: the caller's.
    unsafe {
        let now = taken(
            Sampling {
                place: ptr::read_volatile(&raw const (*own).place),
                random: ptr::read_volatile(&raw const (*own).random),
                left: 0,
                out: 0,
                reserved: [0; 4],
            },
            one_in,
        );
        ptr::write_volatile(&raw mut (*own).place, now.place);
        ptr::write_volatile(&raw mut (*own).random, now.random);
        ptr::write_volatile(&raw mut (*own).left, now.left);
    }
}
