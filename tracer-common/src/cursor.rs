//! Where a task's next event goes.
//!
//! A cursor is one word, so that one atomic operation takes a place: in its low half is where that
//! lies within the task's state, bytes, in its high half how many hits the buffer has taken. An
//! event is one hit, but a call that calls nothing is two hits in one place
//! ([`crate::EventKind::Leaf`]), and of an event that finds no place, because interrupts on top of
//! a half written one took more than a buffer has, only the hit is counted. Who finds none gives
//! the place back, so the low half never runs out of its buffer.

use crate::{batch::BatchHeader, event::Event};

/// How far the second buffer lies behind the first, bytes.
pub const SECOND: u64 = 8192;
/// The cursor of the first place of the first buffer: the events lie after the batch's header.
pub const BEGIN: u64 = size_of::<BatchHeader>() as u64;
/// Bytes of a place.
pub const PLACE: u64 = size_of::<Event>() as u64;
/// A hit that takes no place.
pub const HIT: u64 = 1 << 32;
/// From one event to the next.
pub const STEP: u64 = HIT | PLACE;
/// In the low half: the buffer is nearly full. All cursors have it from [`NEARLY_FULL_PLACE`] on.
pub const NEARLY_FULL: u64 = 4096;
/// The first place of which a cursor says that the buffer is nearly full.
pub const NEARLY_FULL_PLACE: u64 = (NEARLY_FULL - BEGIN).div_ceil(PLACE);

/// The hits that the buffer has taken.
#[inline(always)]
#[must_use]
pub const fn hits(cursor: u64) -> u64 {
    cursor >> 32
}

/// How far it lies within its buffer, bytes.
#[inline(always)]
#[must_use]
pub const fn offset(cursor: u64) -> u64 {
    cursor & (SECOND - 1)
}

/// The place that a cursor means.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "it is small")]
pub const fn place(cursor: u64) -> u32 {
    (offset(cursor).wrapping_sub(BEGIN) / PLACE) as u32
}

/// Where its buffer lies within the task's state, bytes: 0 or [`SECOND`].
#[inline(always)]
#[must_use]
pub const fn buffer(cursor: u64) -> u64 {
    cursor & SECOND
}

/// The first place of the other buffer.
#[inline(always)]
#[must_use]
pub const fn first_of_other(cursor: u64) -> u64 {
    (buffer(cursor) ^ SECOND) + BEGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_buffer_place_and_hits() {
        for start in [0, SECOND] {
            for taken in 0..210 {
                let cursor = start + BEGIN + taken * STEP + 7 * HIT;
                assert_eq!(u64::from(place(cursor)), taken);
                assert_eq!(hits(cursor), taken + 7);
                assert_eq!(buffer(cursor), start, "{taken} places from {start}");
                assert_eq!(first_of_other(cursor), (start ^ SECOND) + BEGIN);
                let is_nearly_full = cursor & NEARLY_FULL != 0;
                assert_eq!(is_nearly_full, taken >= NEARLY_FULL_PLACE);
            }
        }
    }
}
