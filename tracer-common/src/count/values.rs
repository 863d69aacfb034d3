//! Values by which the calls of a root are told apart: how a value finds its place.
//!
//! Each root has so many places, a power of two, and each place has a row on each CPU. A value
//! takes one of a few places from its own on, by compare-and-exchange, and keeps it. The first
//! places are of no value in particular ([`OTHERS`], [`UNREADABLE`]) and of 0 ([`ZERO`]), which
//! stands for a free place everywhere else.
//!
//! An entry knows the value, and its exit needs the place, so both times and places go from one to
//! the other in one word: [`Begun`].

/// Places of a root, at most: what fits into [`Begun`].
pub const MAX_PLACES: u64 = 1 << PLACE_BITS;

/// Places in which a value is looked for, from its own on.
pub const VALUE_TRIES: u64 = 64;

/// The place of the value 0, and of all calls where they are not told apart.
pub const ZERO: u64 = 0;
/// The place of values that found none.
pub const OTHERS: u64 = 1;
/// The place of calls whose value could not be read.
pub const UNREADABLE: u64 = 2;
/// The first place for any value.
pub const FIRST: u64 = 3;

const PLACE_BITS: u32 = 8;

/// Where a value is looked for first; a mask makes it a place.
#[must_use]
#[inline(always)]
pub const fn value_hash(value: u64) -> u64 {
    // Knuth's multiplicative hash: its high bits depend on all of the value's.
    value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// When a call began, and the place of its value: the lowest bits. A duration is less than 2^56
/// ns, 2.28 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun(pub u64);

impl Begun {
    /// At this time, ns, with that place.
    #[must_use]
    #[inline(always)]
    pub const fn new(time_ns: u64, place: u64) -> Self {
        Self(time_ns << PLACE_BITS | place)
    }

    /// The place.
    #[must_use]
    #[inline(always)]
    pub const fn place(self) -> u64 {
        self.0 & (MAX_PLACES - 1)
    }

    /// How long before `now` it was, ns.
    #[must_use]
    #[inline(always)]
    pub const fn until(self, now: u64) -> u64 {
        (now << PLACE_BITS).wrapping_sub(self.0 & !(MAX_PLACES - 1)) >> PLACE_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_both() {
        for place in [ZERO, FIRST, MAX_PLACES - 1] {
            for time in [0, 77, (1 << 56) - 1, 1 << 60] {
                let begun = Begun::new(time, place);
                assert_eq!(begun.place(), place);
                assert_eq!(begun.until(time + 1234), 1234);
            }
        }
    }
}
