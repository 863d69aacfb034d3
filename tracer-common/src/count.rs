//! Calls that are counted in the kernel: what the tables hold, and how a time finds its bucket.
//!
//! Every root has a [`Row`] for each CPU. Userspace maps the rows into its own memory and reads
//! them whenever it shows them, so no call costs it anything. In front of the rows stands a
//! [`Switch`], in a place as large as a row.
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

/// Different errors of which a row knows the number.
pub const ERRORS: usize = 32;

/// Places in which an error is looked for, from its own on.
pub const ERROR_PLACES: usize = 4;

/// Bytes of a row, a power of two so that a shift finds it.
pub const ROW_BYTES: u32 = 1 << 14;

/// Roots that can be told apart among open calls, see [`open_key`].
pub const MAX_ROOTS: usize = 1 << 11;

/// Places in the table of open calls: each takes two words.
pub const OPEN_PLACES: usize = 1 << 16;

/// Places in which an open call is looked for, from its own on.
pub const OPEN_TRIES: u64 = 8;

/// What stands in front of the rows.
#[repr(C)]
pub struct Switch {
    /// Whether calls that begin now are counted; 0 is no.
    pub armed: u64,
    /// Calls that were counted, if their number is limited: it may be more than the limit.
    pub taken: u64,
}

/// The calls of one root on one CPU. Only the programs of that root on that CPU change it, and of
/// these no two run at a time: the kernel skips a program that is hit again while it runs.
#[repr(C)]
pub struct Row {
    /// Time of all calls, ns.
    pub total: u64,
    /// Time of the shortest, ns; userspace begins with [`u64::MAX`].
    pub shortest: u64,
    /// Time of the longest, ns.
    pub longest: u64,
    /// Calls that did not meet a condition.
    pub filtered_out: u64,
    /// Exits of which no entry was known.
    pub without_entry: u64,
    /// Entries for which the table of open calls had no place.
    pub no_place: u64,
    /// Entries that found an earlier call of the same frame open: its exit never came.
    pub without_exit: u64,
    /// Errors that found no place in `errors`.
    pub other_errors: u64,
    /// How the return register is to be read, see [`Returned`].
    pub returned: u64,
    /// Entries, where one program serves both ends and can be preempted: what of them did not end,
    /// or was skipped at its end.
    pub entered: u64,
    /// To be had later.
    pub reserved: [u64; 22],
    /// Which errors came how often, in no order.
    pub errors: [ErrorCount; ERRORS],
    /// Buckets of equal width, if there are any.
    pub linear: [u64; LINEAR_BUCKETS],
    /// How many calls took how long, see [`bucket_of`].
    pub buckets: [u64; BUCKETS],
}

/// How often an error came.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorCount {
    /// The error number, positive; 0 is a free place.
    pub error: u64,
    /// How often.
    pub count: u64,
}

const _: () = assert!(size_of::<Row>() == ROW_BYTES as usize);

/// A call that is open, where its entry can leave nothing with it.
#[repr(C)]
pub struct OpenCall {
    /// See [`open_key`]; 0 is a free place.
    pub key: u64,
    /// When it was entered, ns of CLOCK_MONOTONIC.
    pub entered: u64,
}

/// What tells an open call from all others: its frame, a multiple of 8 on a kernel stack, of which
/// no other open call of the same root has the same, whatever its task. Addresses of stacks differ
/// in their low 56 bits.
#[must_use]
#[inline(always)]
pub const fn open_key(frame: u64, root: u64) -> u64 {
    frame << 8 | root
}

/// Where an open call is looked for first; a mask makes it a place.
#[must_use]
#[inline(always)]
pub const fn open_hash(key: u64) -> u64 {
    // Knuth's multiplicative hash: its high bits depend on all of the key's.
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// How a return register is read, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned(pub u64);

impl Returned {
    /// The function returns nothing that could be compared.
    pub const NOTHING: Self = Self(0);
    const HAS_VALUE: u64 = 1 << 8;
    const IS_SIGNED: u64 = 1 << 9;
    const MAY_FAIL: u64 = 1 << 10;

    /// A number of that many bytes, 1 to 8.
    #[must_use]
    pub const fn number(bytes: u32, signed: bool) -> Self {
        let shift = 64 - 8 * bytes as u64;
        Self(shift | Self::HAS_VALUE | if signed { Self::IS_SIGNED } else { 0 })
    }

    /// Likewise, and small negative numbers are errors.
    #[must_use]
    pub const fn or_error(self) -> Self {
        Self(self.0 | Self::MAY_FAIL)
    }

    /// Whether there is a number at all.
    #[must_use]
    #[inline(always)]
    pub const fn has_value(self) -> bool {
        self.0 & Self::HAS_VALUE != 0
    }

    /// The number in the register.
    #[must_use]
    #[inline(always)]
    pub const fn value(self, register: u64) -> i64 {
        let shift = (self.0 & 63) as u32;
        let high = register.wrapping_shl(shift);
        if self.0 & Self::IS_SIGNED != 0 {
            high.cast_signed().wrapping_shr(shift)
        } else {
            high.wrapping_shr(shift).cast_signed()
        }
    }

    /// The error number in the register, as [`Self::error`] has it of [`Self::value`]: without
    /// shifts where the number has 4 bytes or 8, as nearly all have.
    #[must_use]
    #[inline(always)]
    pub const fn error_in(self, register: u64) -> u64 {
        if self.0 & Self::MAY_FAIL == 0 {
            return 0;
        }
        let error = match self.0 & 63 {
            0 => register.wrapping_neg(),
            32 => register.wrapping_neg() & u32::MAX as u64,
            _ => return self.error(self.value(register)),
        };
        if error.wrapping_sub(1) < 4095 {
            error
        } else {
            0
        }
    }

    /// The error number of a value, positive; 0 if it is none (MAX_ERRNO, include/linux/err.h).
    #[must_use]
    #[inline(always)]
    pub const fn error(self, value: i64) -> u64 {
        let error = value.wrapping_neg().cast_unsigned();
        if self.0 & Self::MAY_FAIL != 0 && error.wrapping_sub(1) < 4095 {
            error
        } else {
            0
        }
    }
}

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

/// What stands in the programs' text for settings, see [`crate::placeholder`].
pub mod placeholder {
    const fn number(number: u64) -> u64 {
        0x7472_0100_7472_0100 | number << 32 | number
    }

    /// The memory of [`super::Switch`] and rows.
    pub const ROWS: u64 = number(1);
    /// The memory of the table of open calls.
    pub const OPEN: u64 = number(2);
    /// How many roots there are: rows of one CPU stand together.
    pub const ROOTS: u64 = number(3);
    /// How many rows there are.
    pub const ROW_COUNT: u64 = number(4);
    /// The number of the program's root, or [`super::ASK`].
    pub const ROOT: u64 = number(5);
    /// Calls that took less, ns, are not counted.
    pub const AT_LEAST: u64 = number(6);
    /// Whether only calls are counted that failed.
    pub const FAILED: u64 = number(7);
    /// Whether the value must lie from LOWEST to HIGHEST (1), must not (2), or may be anything (0).
    pub const RANGE: u64 = number(8);
    /// See `RANGE`.
    pub const LOWEST: u64 = number(9);
    /// See `RANGE`.
    pub const HIGHEST: u64 = number(10);
    /// How many calls are counted at most; 0 is any number.
    pub const LIMIT: u64 = number(11);
    /// Whether the unit is a nanosecond.
    pub const NANOSECONDS: u64 = number(12);
    /// The width of linear buckets, ns; 0 is none.
    pub const LINEAR_WIDTH: u64 = number(13);
    /// Where the second linear bucket begins, ns.
    pub const LINEAR_FROM: u64 = number(14);
    /// The number of the last linear bucket.
    pub const LINEAR_LAST: u64 = number(15);
    /// How the return register is read ([`super::Returned`]), or [`super::ASK`]: the row says it.
    pub const RETURNED: u64 = number(16);
}

/// In place of a root's number: the probe's cookie is the number.
pub const ASK: u64 = u64::MAX;

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
    fn an_error_is_found_without_shifts() {
        let numbers = [1, 2, 4, 8].map(|bytes| Returned::number(bytes, true).or_error());
        let registers = [
            0,
            1,
            0xf5,
            0xfff5,
            0xffff_fff5,
            u64::MAX,
            u64::MAX - 4094,
            u64::MAX - 4095,
        ];
        for returned in numbers.into_iter().chain([Returned::NOTHING]) {
            for register in registers {
                let error = returned.error(returned.value(register));
                assert_eq!(
                    returned.error_in(register),
                    error,
                    "{returned:?} {register:x}"
                );
            }
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

    #[test]
    fn registers_are_read_by_their_type() {
        let int = Returned::number(4, true).or_error();
        assert_eq!(int.value(0xffff_fff5), -11);
        assert_eq!(int.error(-11), 11);
        assert_eq!(int.error(0), 0);
        assert_eq!(int.error(-4096), 0);
        assert_eq!(Returned::number(4, false).value(0xffff_fff5), 0xffff_fff5);
        assert_eq!(Returned::number(1, false).value(0x1_01), 1);
        assert_eq!(Returned::number(8, true).error(-11), 0);
        assert!(!Returned::NOTHING.has_value());
    }
}
