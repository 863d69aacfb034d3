//! Which arguments of which functions are texts (`char *`).
//!
//! One program serves all functions, so it looks that up: userspace writes it down before a
//! function gets its probes. An array with a few places for each function, as the table of tasks:
//! the verifier makes its look-up a few instructions, and most functions are known to have no text
//! after the first place. A function that finds its places taken is left out, and its texts stay
//! addresses.

/// Places in the table, a power of two: 64 KiB.
pub const TEXT_FUNCTIONS: u32 = 1 << 13;

/// A place of the table; all zeros is one that is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextArguments {
    /// The function as in [`crate::Event::function`].
    pub function: u32,
    /// Bit `n` stands for argument `n`.
    pub arguments: u32,
}

impl TextArguments {
    /// Places in which a function may be; they follow one another.
    pub const PLACES: u32 = 4;

    /// Its place number `attempt`.
    #[inline(always)]
    pub const fn place(function: u32, attempt: u32) -> u32 {
        const BITS: u32 = TEXT_FUNCTIONS.trailing_zeros();
        // Functions begin at multiples of 16, so the low bits alone would be poor.
        let first = function.wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS);
        first.wrapping_add(attempt) & (TEXT_FUNCTIONS - 1)
    }
}
