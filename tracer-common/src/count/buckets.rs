//! How a time finds its bucket.
//!
//! A histogram is log-linear: 32 buckets for each doubling, so the middle of a bucket is at most
//! 1/64 (1.6 %) off. What goes into it are [`Unit`]s that double where the buckets of the picture
//! do: nanoseconds, or 1/1.024 of them, of which 1,024 are a microsecond.

/// Bits of a time that its bucket keeps, the highest included.
const KEPT_BITS: u32 = 6;

/// Buckets of a histogram: enough for any 64 bits.
pub const BUCKETS: usize = (64 - KEPT_BITS as usize) * (1 << (KEPT_BITS - 1)) + (1 << KEPT_BITS);

/// Buckets of equal width, with one for what is less and one for what is more.
pub const LINEAR_BUCKETS: usize = 32;

/// Buckets of equal width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Where the second bucket begins, ns; the first has all that is less.
    pub from_ns: u64,
    /// How wide a bucket is, ns.
    pub width_ns: u64,
    /// The number of the last one, which has all that is more; less than [`LINEAR_BUCKETS`].
    pub last: u64,
}

impl Linear {
    /// The bucket of a duration in ns, as the kernel side finds it, too.
    #[must_use]
    #[inline(always)]
    pub const fn bucket_of(self, ns: u64) -> u64 {
        let bucket = if ns < self.from_ns {
            0
        } else {
            (ns - self.from_ns) / self.width_ns + 1
        };
        if bucket < self.last {
            bucket
        } else {
            self.last
        }
    }
}

/// What a histogram counts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Buckets of the picture double from 1 µs on.
    #[default]
    Microseconds,
    /// They double from 1 ns on.
    Nanoseconds,
}

impl Unit {
    /// Nanoseconds as units: rounded down, but never over the border of a bucket of the picture.
    #[must_use]
    #[inline(always)]
    pub const fn of(self, ns: u64) -> u64 {
        match self {
            Self::Microseconds => ns + threes(ns),
            Self::Nanoseconds => ns,
        }
    }

    /// Units as nanoseconds.
    #[must_use]
    pub const fn ns(self, units: u64) -> u64 {
        match self {
            Self::Microseconds => units / 128 * 125 + units % 128 * 125 / 128,
            Self::Nanoseconds => units,
        }
    }
}

/// Three parts in 125, rounded down. A division takes as long as all else that is done for a
/// bucket; up to half a second the error of the factor stays below the distance to the next number.
#[inline(always)]
const fn threes(ns: u64) -> u64 {
    const SHIFT: u32 = 36;
    const FACTOR: u64 = (3 << SHIFT) / 125 + 1;
    if ns < 1 << 29 {
        (ns * FACTOR) >> SHIFT
    } else {
        ns / 125 * 3 + ns % 125 * 3 / 125
    }
}

/// The bucket of a number of units. Comparisons by halves: there is no instruction that finds the
/// highest bit.
#[must_use]
#[inline(always)]
pub const fn bucket_of(units: u64) -> u64 {
    let mut rest = units;
    let mut shift = 0;
    let mut step = 32;
    while step > 0 {
        if rest >= (1 << (KEPT_BITS - 1)) << step {
            rest >>= step;
            shift += step;
        }
        step /= 2;
    }
    (shift << (KEPT_BITS - 1)) + rest
}

/// Where a bucket begins, and how wide it is, units.
#[must_use]
pub const fn bounds_of(bucket: u64) -> (u64, u64) {
    let half = 1 << (KEPT_BITS - 1);
    if bucket < 2 * half {
        return (bucket, 1);
    }
    let shift = bucket / half - 1;
    ((bucket % half + half) << shift, 1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other() {
        let mut next = 0;
        for bucket in 0..BUCKETS as u64 {
            let (start, width) = bounds_of(bucket);
            assert_eq!(start, next);
            assert_eq!(bucket_of(start), bucket);
            assert_eq!(bucket_of(start + (width - 1)), bucket);
            next = start.wrapping_add(width);
        }
        assert_eq!(next, 0, "the last one ends with the last number");
    }

    #[test]
    fn the_middle_of_a_bucket_is_near() {
        for bucket in 64..BUCKETS as u64 {
            let (start, width) = bounds_of(bucket);
            assert!(width / 2 <= start / 64, "{bucket}");
        }
    }

    #[test]
    fn pictures_have_whole_buckets() {
        for doubling in 0..40 {
            let us = 1000_u64 << doubling;
            let first = bucket_of(Unit::Microseconds.of(us));
            assert_eq!(first, bucket_of(1024 << doubling));
            assert_eq!(bucket_of(Unit::Microseconds.of(us - 1)), first - 1);
        }
    }

    #[test]
    fn a_product_is_the_quotient() {
        let near = |ns: u64| ns.saturating_sub(300)..ns + 300;
        let some = (0..64).flat_map(|power| near((u64::MAX >> 10) >> power));
        for ns in some.chain(near(1 << 29)).chain(0..1 << 20) {
            assert_eq!(Unit::Microseconds.of(ns), ns * 128 / 125, "{ns}");
        }
    }

    #[test]
    fn equal_buckets_have_an_end_at_both_sides() {
        let linear = Linear {
            from_ns: 10,
            width_ns: 5,
            last: 3,
        };
        let found = [0, 9, 10, 14, 15, 19, 20, 1 << 40].map(|ns| linear.bucket_of(ns));
        assert_eq!(found, [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
