//! How long calls took, in 32 buckets for each doubling (`tracer_common::count`): what the kernel
//! fills when it counts, and what calls of a recording are put into, so both give the same numbers.
//!
//! A quantile is the middle of its bucket, at most 1.6 % off. The picture's buckets double; each is
//! exactly some of these.

use std::collections::BTreeMap;

use tracer_common::count::{BUCKETS, Unit, bounds_of, bucket_of};

/// Units in a microsecond, where that is what buckets double from.
const PER_MICROSECOND: u64 = 1024;

/// Calls by how long they took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    unit: Unit,
    buckets: Vec<u64>,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(unit: Unit) -> Self {
        Self::of(unit, vec![0; BUCKETS])
    }

    /// What was counted elsewhere: how many calls are in which bucket.
    #[must_use]
    pub const fn of(unit: Unit, buckets: Vec<u64>) -> Self {
        Self { unit, buckets }
    }

    /// Adds a call. A made-up recording may have any time: beyond three centuries they are alike.
    pub fn record(&mut self, ns: u64) {
        let ns = ns.min(u64::MAX >> 1);
        let bucket = usize::try_from(bucket_of(self.unit.of(ns))).ok();
        if let Some(count) = bucket.and_then(|bucket| self.buckets.get_mut(bucket)) {
            *count += 1;
        }
    }

    /// How many calls there are.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The buckets that have something, in order: where each begins, its width, and how many calls
    /// it has. Units.
    fn recorded(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let counted = (0..).zip(&self.buckets).filter(|(_, calls)| **calls > 0);
        counted.map(|(bucket, &calls)| {
            let (start, width) = bounds_of(bucket);
            (start, width, calls)
        })
    }

    /// Durations, ns, and how many calls took about so long.
    pub fn durations(&self) -> impl Iterator<Item = (u64, u64)> {
        self.recorded()
            .map(|(start, width, calls)| (self.unit.ns(start + width / 2), calls))
    }

    /// The time that this part of the calls does not exceed, ns; 0 if there are none.
    #[must_use]
    pub fn quantile(&self, part: f64) -> u64 {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a count"
        )]
        let wanted = ((self.calls() as f64 * part).ceil() as u64).max(1);
        let mut before = 0;
        let mut durations = self.durations();
        let found = durations.find(|(_, calls)| {
            before += calls;
            before >= wanted
        });
        found.map_or(0, |(ns, _)| ns)
    }

    /// How many calls took less than `ns`: exactly, if a bucket begins there.
    #[must_use]
    pub fn below(&self, ns: u64) -> u64 {
        let end = usize::try_from(bucket_of(self.unit.of(ns))).unwrap_or(BUCKETS);
        self.buckets.iter().take(end).sum()
    }

    /// How many calls took less than the picture's first bound (0), less than twice that (1), and
    /// so on.
    #[must_use]
    pub fn doublings(&self) -> BTreeMap<u32, u64> {
        let first = match self.unit {
            Unit::Microseconds => PER_MICROSECOND,
            Unit::Nanoseconds => 1,
        };
        let mut doublings = BTreeMap::new();
        for (start, _, calls) in self.recorded() {
            let number = (start / first).checked_ilog2().map_or(0, |log| log + 1);
            *doublings.entry(number).or_default() += calls;
        }
        doublings
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_near_the_exact_ones(
            mut durations in proptest::collection::vec(
                prop_oneof![64_u64..5_000, 1_000_u64..1_000_000, 1_000_u64..(1 << 45)], 1..400),
            part in 0.0_f64..=1.0,
            nanoseconds: bool,
        ) {
            let unit = if nanoseconds { Unit::Nanoseconds } else { Unit::Microseconds };
            let mut histogram = Histogram::new(unit);
            for &ns in &durations {
                histogram.record(ns);
            }
            durations.sort_unstable();
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let place = ((durations.len() as f64 * part).ceil() as usize).max(1) - 1;
            let (exact, found) = (durations[place], histogram.quantile(part));
            prop_assert!(found.abs_diff(exact) * 100 <= exact * 3, "{found} of {exact}");
            prop_assert_eq!(histogram.calls(), durations.len() as u64);
        }

        #[test]
        fn the_picture_is_exact(durations in proptest::collection::vec(0_u64..(1 << 40), 0..200)) {
            let mut histogram = Histogram::new(Unit::Microseconds);
            let mut exact = BTreeMap::new();
            for &ns in &durations {
                histogram.record(ns);
                let number = (ns / 1000).checked_ilog2().map_or(0, |log| log + 1);
                *exact.entry(number).or_default() += 1;
            }
            prop_assert_eq!(histogram.doublings(), exact);
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::new(Unit::default()).quantile(0.5), 0);
    }
}
