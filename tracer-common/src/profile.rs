//! Functions below roots that are counted in the kernel: what the tables hold, and how a call finds
//! its places in them.
//!
//! Every CPU has two tables of its own, which its programs fill and which userspace has mapped. A
//! [`Row`] has the sums of a function; a [`Cell`] counts calls of a row that took about as long
//! ([`crate::count::bucket_of`], ns), or that returned the same error. Both are found by hashing,
//! and are claimed by compare-and-exchange; none is ever given back. A row is known by its function
//! and, if callers are told apart, by who called. The first place of a CPU's rows is no row: it has
//! what cannot be counted ([`Sums`]).

use crate::generation::SIDES;

/// Rows of a CPU, a power of two; the first one is [`Sums`].
pub const ROWS: u64 = 1 << 13;

/// Cells of a CPU, a power of two.
pub const CELLS: u64 = 1 << 16;

/// Places in which a row or a cell is looked for, from its own on.
pub const TRIES: u64 = 16;

/// CPUs that the tables can be made for: they take 1.5 MiB of each.
pub const MOST_CPUS: usize = 128;

/// How functions are told apart, in [`crate::placeholder::PROFILE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum By {
    /// By themselves.
    Function = 1,
    /// By who called, too.
    Caller = 2,
}

/// The calls of one function, or of one that the same function calls, which returned on one CPU.
#[repr(C)]
pub struct Row {
    /// See [`row_key`]; 0 is a free place.
    pub key: u64,
    /// Time of all calls, ns.
    pub total: u64,
    /// The same without that of the calls below, ns.
    pub own: u64,
    /// Time of the longest, ns.
    pub longest: u64,
    /// Time of the shortest, ns, all bits of it inverted: so 0 stands for none, and it grows.
    pub shortest: u64,
    /// Calls whose time found no cell.
    pub without_cell: u64,
    /// The [`crate::Context`] in which the first one was.
    pub context: u64,
    /// Fills up the cache line.
    pub reserved: u64,
}

/// What stands in the first place of a CPU's rows.
#[repr(C)]
pub struct Sums {
    /// [`NO_FUNCTION`], so that no row takes the place.
    pub key: u64,
    /// Root calls that returned, by the side of their generation.
    pub root_calls: [u64; SIDES],
    /// Calls for which the table had no row.
    pub without_row: u64,
    /// Errors for which it had no cell.
    pub without_cell: u64,
    /// Calls whose exit did not come.
    pub without_exit: u64,
    /// Exits of which no entry was known.
    pub without_entry: u64,
    /// Calls that lay deeper than open calls are kept.
    pub too_deep: u64,
}

/// A number of calls.
#[repr(C)]
pub struct Cell {
    /// See [`time_key`] and [`error_key`]; 0 is a free place.
    pub key: u64,
    /// How many.
    pub count: u64,
}

const _: () = assert!(size_of::<Row>() == 1 << ROW_SHIFT);
const _: () = assert!(size_of::<Sums>() == size_of::<Row>());
const _: () = assert!(size_of::<Cell>() == 1 << CELL_SHIFT);

/// The binary logarithm of a row's bytes.
pub const ROW_SHIFT: u32 = 6;
/// The binary logarithm of a cell's bytes.
pub const CELL_SHIFT: u32 = 4;

/// The key of no row.
pub const NO_FUNCTION: u64 = u64::MAX;

/// The key of a function's row: its number as events have it, and that of its caller, 0 if callers
/// are not told apart or there is none.
#[must_use]
#[inline(always)]
pub const fn row_key(function: u32, caller: u32) -> u64 {
    (caller as u64) << 32 | function as u64
}

/// The function of a row's key, and its caller.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "halves")]
pub const fn functions_of(key: u64) -> (u32, u32) {
    (key as u32, (key >> 32) as u32)
}

/// Bits of a cell's key below the place of its row among those of the CPU.
const ROW_PLACE: u32 = 16;
/// In a cell's key: it counts an error.
const IS_ERROR: u64 = 1 << 15;
/// In a cell's key: all 64 bits of the register are the error's, and not just the lower half.
const IS_WIDE: u64 = 1 << 12;

/// The key of the cell for calls that took so long; `row` is a place other than the first.
#[must_use]
#[inline(always)]
pub const fn time_key(row: u64, bucket: u64) -> u64 {
    row << ROW_PLACE | bucket
}

/// The key of the cell for calls that returned this error, 1 to 4095.
#[must_use]
#[inline(always)]
pub const fn error_key(row: u64, error: u64, is_wide: bool) -> u64 {
    row << ROW_PLACE | IS_ERROR | if is_wide { IS_WIDE } else { 0 } | error
}

/// What a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Calls whose time is in this bucket.
    Time(u64),
    /// Calls that returned what looks like an error: the register, as far as it is known.
    Error(u64),
}

/// The place of the row that a cell belongs to, and what the cell counts.
#[must_use]
pub const fn cell_of(key: u64) -> (u64, Counts) {
    let row = key >> ROW_PLACE;
    let rest = key & ((1 << ROW_PLACE) - 1);
    if rest & IS_ERROR == 0 {
        return (row, Counts::Time(rest));
    }
    let register = (rest & 4095).wrapping_neg();
    let register = if rest & IS_WIDE == 0 {
        register & u32::MAX as u64
    } else {
        register
    };
    (row, Counts::Error(register))
}

/// Where a key is looked for first; a mask makes it a place.
#[must_use]
#[inline(always)]
pub const fn hash(key: u64) -> u64 {
    // Knuth's multiplicative hash: its high bits depend on all of the key's.
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::BUCKETS;

    #[test]
    fn keys_say_what_they_were_made_of() {
        assert_eq!(functions_of(row_key(7, 9)), (7, 9));
        let last = BUCKETS as u64 - 1;
        let row = ROWS - 1;
        assert_eq!(cell_of(time_key(row, last)), (row, Counts::Time(last)));
        let narrow = Counts::Error(0xffff_fff5);
        assert_eq!(cell_of(error_key(1, 11, false)), (1, narrow));
        let wide = Counts::Error((-4095_i64).cast_unsigned());
        assert_eq!(cell_of(error_key(1, 4095, true)), (1, wide));
    }
}
