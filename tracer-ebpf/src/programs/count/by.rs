//! Calls of a root told apart by a value: a number that the entry reads of the arguments.
//!
//! The entry finds the value's place among those of its root ([`tracer_common::count::values`]) and
//! leaves it with the time, because at an fprobe the exit has no arguments, and what they point to
//! may have changed. Where calls are not told apart, a constant in the text says so, and nothing of
//! this is left.

use core::ptr;

use tracer_common::count::{
    placeholder,
    values::{Begun, FIRST, OTHERS, UNREADABLE, VALUE_TRIES, ZERO, value_hash},
};

use crate::{
    atomic,
    call::fields,
    maps::{below, meant},
    probe::Site,
};

/// The place of the value of a call that is entered.
#[inline(always)]
pub fn place<S: Site>(root: u64, site: &S) -> u64 {
    if meant::<{ placeholder::PLACES }>() == 0 {
        return ZERO;
    }
    match fields::number_of(site) {
        Some(value) => count_place(root, value),
        None => UNREADABLE,
    }
}

/// What an entry leaves for its exit.
#[inline(always)]
pub fn begun(now: u64, place: u64) -> u64 {
    match meant::<{ placeholder::PLACES }>() {
        0 => now,
        _ => Begun::new(now, place).0,
    }
}

/// What [`begun`] has left: the place, and how long ago that was.
#[inline(always)]
pub fn place_and_duration(begun: u64, now: u64) -> (u64, u64) {
    match meant::<{ placeholder::PLACES }>() {
        0 => (ZERO, now.saturating_sub(begun)),
        _ => (Begun(begun).place(), Begun(begun).until(now)),
    }
}

/// The place of a value among those of its root, which it takes if it is new.
///
/// A function that the verifier looks at once, see `field_end`.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
extern "C" fn count_place(root: u64, value: u64) -> u64 {
    if value == 0 {
        return ZERO;
    }
    let places = meant::<{ placeholder::PLACES }>();
    // A CPU's rows are as many as there are places.
    let all = meant::<{ placeholder::ROOTS }>();
    let hash = value_hash(value);
    for attempt in 0..VALUE_TRIES {
        let place = hash.wrapping_add(attempt) & places.wrapping_sub(1);
        if place < FIRST {
            continue;
        }
        let Some(number) = below(root.wrapping_mul(places).wrapping_add(place), all) else {
            return OTHERS;
        };
        let known = (meant::<{ placeholder::VALUES }>() as *mut u64).wrapping_add(number as usize);
        // SAFETY: a place of the table. Volatile: others take places at any time.
        unsafe {
            let found = ptr::read_volatile(known);
            if found == value {
                return place;
            }
            if found != 0 {
                continue;
            }
            if atomic::compare_exchange(known, 0, value) {
                return place;
            }
            // Another CPU took it meanwhile, perhaps for the same value.
            if ptr::read_volatile(known) == value {
                return place;
            }
        }
    }
    OTHERS
}
