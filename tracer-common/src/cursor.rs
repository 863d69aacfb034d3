//! Where a task's next event goes.
//!
//! A cursor is one word, so that one atomic addition takes a place: in its high half the number of
//! the place within the buffer, in its low half where that is within the task's state, bytes.
//! Interrupts on top of a half written event may take more places than a buffer has. Those beyond
//! belong to no buffer, but they are counted, and so the low half may run out of its buffer, and
//! through the other one: which of the two is in use follows from both halves, and never from a bit
//! of the low one alone.

use crate::{BatchHeader, Event};

/// How far the second buffer lies behind the first, bytes.
pub const SECOND: u64 = 8192;
/// The cursor of the first place of the first buffer: the events lie after the batch's header.
pub const BEGIN: u64 = size_of::<BatchHeader>() as u64;
/// From one event to the next.
pub const STEP: u64 = 1 << 32 | size_of::<Event>() as u64;

/// The place that a cursor means.
#[inline(always)]
#[must_use]
pub const fn place(cursor: u64) -> u32 {
    (cursor >> 32) as u32
}

/// Where its buffer lies within the task's state, bytes: 0 or [`SECOND`].
#[inline(always)]
#[must_use]
pub const fn buffer(cursor: u64) -> u64 {
    let taken = (place(cursor) as u64).wrapping_mul(STEP);
    cursor.wrapping_sub(taken).wrapping_sub(BEGIN) & SECOND
}

/// The first place of the other buffer.
#[inline(always)]
#[must_use]
pub const fn first_of_other(cursor: u64) -> u64 {
    (buffer(cursor) ^ SECOND) + BEGIN
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, SECOND, STEP, buffer, first_of_other, place};

    #[test]
    fn places_beyond_the_buffer_leave_it_in_use() {
        for start in [0, SECOND] {
            for taken in [0, 1, 199, 200, 339, 340, 410, 1000, 1_000_000] {
                let cursor = start + BEGIN + taken * STEP;
                assert_eq!(u64::from(place(cursor)), taken);
                assert_eq!(buffer(cursor), start, "{taken} places from {start}");
                assert_eq!(first_of_other(cursor), (start ^ SECOND) + BEGIN);
            }
        }
    }
}
