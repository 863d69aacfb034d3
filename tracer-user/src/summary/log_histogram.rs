//! A log histogram of durations for the eye: ten buckets in each power of ten, as wide as they are
//! on a logarithmic axis.
//!
//! The bounds are preferred numbers (ISO 3, R10), so 1, 2 and 5 of every unit are among them.

use std::collections::BTreeMap;

use serde::Serialize;

/// The bounds between 100 ns and 1 µs; those above are tens of them.
const BOUNDS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// Durations that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// From this on, ns.
    pub from: u64,
    /// Below this, ns.
    pub to: u64,
    /// How many.
    pub calls: u64,
}

/// The buckets that have something, in order, of durations in ns and how many calls each has. Where
/// those come from a histogram, one near a bound may be on its other side.
#[must_use]
pub fn log_histogram(durations: impl Iterator<Item = (u64, u64)>) -> Vec<Bucket> {
    let mut calls: BTreeMap<u32, u64> = BTreeMap::new();
    for (ns, count) in durations {
        *calls.entry(bucket(ns)).or_default() += count;
    }
    let buckets = calls.into_iter().map(|(number, calls)| Bucket {
        from: begin(number),
        to: begin(number + 1),
        calls,
    });
    buckets.collect()
}

/// 0 for less than 100 ns, 1 for less than 125, and so on.
fn bucket(ns: u64) -> u32 {
    let Some(tens) = ns.checked_ilog10().and_then(|log| log.checked_sub(2)) else {
        return 0;
    };
    let leading = ns / 10_u64.pow(tens);
    let places = (0..).zip(BOUNDS).filter(|&(_, bound)| bound <= leading);
    let place: u32 = places.map(|(place, _)| place).last().unwrap_or(0);
    1 + 10 * tens + place
}

/// Where a bucket begins, ns.
fn begin(bucket: u32) -> u64 {
    let Some(above) = bucket.checked_sub(1) else {
        return 0;
    };
    let bound = BOUNDS[(above % 10) as usize];
    bound.saturating_mul(10_u64.saturating_pow(above / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_within_its_bucket() {
        for ns in [0, 99, 100, 124, 125, 999, 1000, 4_999, 5_000, 123_456_789] {
            let number = bucket(ns);
            assert!(begin(number) <= ns && ns < begin(number + 1), "{ns}");
        }
        assert_eq!(bucket(1_000), 11);
        assert_eq!(begin(11), 1_000);
    }

    #[test]
    fn all_calls_are_in_a_bucket() {
        let durations = [(50, 1), (1_010, 2), (1_500, 1), (30_000_000, 1)];
        let found = log_histogram(durations.into_iter());
        let found: Vec<_> = found
            .iter()
            .map(|bucket| (bucket.from, bucket.to, bucket.calls))
            .collect();
        assert_eq!(
            found,
            [
                (0, 100, 1),
                (1_000, 1_250, 2),
                (1_250, 1_600, 1),
                (25_000_000, 31_500_000, 1)
            ]
        );
    }
}
