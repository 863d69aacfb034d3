//! Which root calls are sampled: one of each `n` that begin on a CPU.
//!
//! A CPU's calls fall into blocks of `n`, and of each block one is taken, at a place that a
//! generator of random numbers chooses. So there are exactly as many as `n` says, and what a
//! workload does in turns is met as often as it does it. A random number is made for a call that is
//! taken; any other costs a subtraction.

/// What a CPU keeps of its root calls. A cache line of its own.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    /// Calls that come before the next one that is taken.
    pub left: u64,
    /// The place in its block of the one that was taken last.
    pub place: u64,
    /// The generator's state.
    pub random: u64,
    /// Calls that were sampled out.
    pub out: u64,
    /// To be had later.
    pub reserved: [u64; 4],
}

/// At most one call in so many is taken: random numbers have 32 bits.
pub const MOST_ONE_IN: u64 = 1 << 30;

/// The state after a call that is taken, of one in `one_in`, which is at least 1.
#[must_use]
#[inline(always)]
pub const fn taken(state: Sampling, one_in: u64) -> Sampling {
    // Knuth's MMIX generator: the upper half of its state is random enough.
    let random = state
        .random
        .wrapping_mul(0x5851_f42d_4c95_7f2d)
        .wrapping_add(0x1405_7b7e_f767_814f);
    let place = ((random >> 32) * one_in) >> 32;
    // With another `n` the last block was of another size.
    let rest = if state.place < one_in {
        one_in - 1 - state.place
    } else {
        0
    };
    Sampling {
        left: rest + place,
        place,
        random,
        ..state
    }
}

/// Whether the next call is taken. More calls before it than two blocks have were counted for
/// another `n`.
#[must_use]
#[inline(always)]
pub const fn takes(left: u64, one_in: u64) -> bool {
    left == 0 || left > 2 * one_in
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of those that are taken of so many calls.
    fn run(state: &mut Sampling, one_in: u64, calls: u64) -> impl Iterator<Item = u64> {
        (0..calls).filter(move |_| {
            let takes = takes(state.left, one_in);
            if takes {
                *state = taken(*state, one_in);
            } else {
                state.left -= 1;
                state.out += 1;
            }
            takes
        })
    }

    #[test]
    fn one_of_each_block_is_taken() {
        for one_in in [1, 2, 3, 7, 100] {
            let mut state = Sampling::default();
            let places: [u64; 100] = {
                let mut taken = run(&mut state, one_in, 100 * one_in);
                core::array::from_fn(|_| taken.next().unwrap())
            };
            for (block, place) in (0..).zip(places) {
                assert_eq!(place / one_in, block, "of {one_in}");
            }
        }
    }

    #[test]
    fn every_place_of_a_block_is_met() {
        let mut state = Sampling::default();
        let mut met = [0; 4];
        for place in run(&mut state, 4, 4000) {
            met[usize::try_from(place % 4).unwrap()] += 1;
        }
        assert_eq!(met.iter().sum::<u32>(), 1000);
        assert!(met.iter().all(|&times| times > 150), "{met:?}");
    }

    #[test]
    fn fewer_are_sampled_out_at_once_when_n_is_lower() {
        let mut state = Sampling::default();
        assert!(run(&mut state, MOST_ONE_IN, 5).count() < 5);
        assert!(run(&mut state, 10, 20).count() >= 1);
        assert_eq!(run(&mut state, 1, 20).count(), 20);
    }
}
