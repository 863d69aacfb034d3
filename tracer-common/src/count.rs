//! Calls that are counted in the kernel: what the tables hold, and how a time finds its bucket.
//!
//! Every root has a [`Row`] for each CPU. Userspace maps the rows into its own memory and reads
//! them whenever it shows them, so no call costs it anything. In front of the rows stands a
//! [`Switch`], in a place as large as a row.
//!
//! Where calls are told apart by a value, a root has a row for each of them: see [`values`].
//!
//! [`buckets`](bucket_of) finds a time's bucket, [`Returned`] reads a return register.

mod buckets;
mod returned;
pub mod values;

pub use buckets::{BUCKETS, LINEAR_BUCKETS, Linear, Unit, bounds_of, bucket_of};
pub use returned::Returned;

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
    /// When it was entered, ns of CLOCK_MONOTONIC, or a [`values::Begun`].
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

/// What stands in the programs' text for settings, see [`crate::placeholder`].
pub mod placeholder {
    const fn number(number: u64) -> u64 {
        0x7472_0100_7472_0100 | number << 32 | number
    }

    /// The memory of [`super::Switch`] and rows.
    pub const ROWS: u64 = number(1);
    /// The memory of the table of open calls.
    pub const OPEN: u64 = number(2);
    /// How many rows a CPU has, one for each root or for each of their values: they stand together.
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
    /// How many places for values each root has, see [`super::values`]; 0 where calls are not told
    /// apart.
    pub const PLACES: u64 = number(17);
    /// The memory of the values of all roots, one word for each place.
    pub const VALUES: u64 = number(18);
}

/// In place of a root's number: the probe's cookie is the number.
pub const ASK: u64 = u64::MAX;
