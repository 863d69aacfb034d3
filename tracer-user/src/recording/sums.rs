//! The checksum of any stretch of what is being read, each in the same little time.
//!
//! A file may have the mark of a frame every few bytes, each with megabytes behind it that are said
//! to be its content. To add them up for each mark would take time that goes with the square of the
//! file. CRC-32 is linear: that of a stretch is that of all up to its end, less that of all up to
//! its beginning with zeros after it. So every byte is added up once, the sums at every [`STEP`]
//! bytes are kept, and a stretch costs two steps at most.

use std::{collections::VecDeque, ops::Range};

use crc32fast::Hasher;

/// Bytes from one sum that is kept to the next.
pub const STEP: usize = 4096;

/// Bytes of a file that are in memory.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where in the file they begin.
    pub offset: u64,
}

/// The sums that are kept.
#[derive(Debug, Default)]
pub struct Sums {
    /// Where in the file the first is.
    first: u64,
    /// Each of all bytes from some beginning on, which is the same for all.
    kept: VecDeque<u32>,
    /// Bytes that were added up, for tests: time is not to be measured there.
    #[cfg(test)]
    pub added: std::cell::Cell<usize>,
}

impl Sums {
    /// The checksum of a stretch of the window. The window may have moved on since the last time,
    /// and there are [`STEP`] bytes in it before the stretch unless the file has none there.
    pub fn of(&mut self, window: Window<'_>, stretch: Range<usize>) -> u32 {
        let from = window.offset + stretch.start as u64;
        let to = window.offset + stretch.end as u64;
        self.forget_before(window.offset);
        if self.kept.is_empty() || self.first > from {
            self.first = from;
            self.kept = VecDeque::from([0]);
        }
        while self.last() + STEP as u64 <= to {
            let next = self.up_to(window, self.last() + STEP as u64);
            self.kept.push_back(next);
        }
        let before = self.up_to(window, from);
        let all = self.up_to(window, to);
        all ^ with_zeros(before, to - from)
    }

    fn last(&self) -> u64 {
        self.first + (self.kept.len().saturating_sub(1) * STEP) as u64
    }

    /// What has left the window is not needed any more.
    fn forget_before(&mut self, offset: u64) {
        while !self.kept.is_empty() && self.first < offset {
            self.kept.pop_front();
            self.first += STEP as u64;
        }
    }

    /// The sum of all up to a place, which is not after the last sum by more than a step.
    fn up_to(&self, window: Window<'_>, place: u64) -> u32 {
        let length = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let number = (length(place - self.first) / STEP).min(self.kept.len() - 1);
        let from = self.first + (number * STEP) as u64;
        let bytes = &window.bytes[length(from - window.offset)..length(place - window.offset)];
        #[cfg(test)]
        self.added.set(self.added.get() + bytes.len());
        let mut hasher = Hasher::new_with_initial(self.kept[number]);
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// What two stretches, one after the other, have for a checksum; the second is of this length.
pub fn joined(first: u32, second: u32, length: u64) -> u32 {
    let mut hasher = Hasher::new_with_initial(first);
    hasher.combine(&Hasher::new_with_initial_len(second, length));
    hasher.finalize()
}

/// What is added to the checksum of a stretch by one of this length after it.
fn with_zeros(sum: u32, length: u64) -> u32 {
    joined(sum, 0, length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Wherever the window stands, the sum of a stretch is that of its bytes.
        #[test]
        fn a_stretch_has_its_checksum(
            seed in any::<u32>(),
            steps in prop::collection::vec((0usize..20_000, 0usize..40_000, any::<bool>()), 1..20),
        ) {
            let file: Vec<u8> = (0..200_000u32)
                .map(|place| place.wrapping_mul(seed | 1).to_le_bytes()[2])
                .collect();
            let mut sums = Sums::default();
            let (mut start, mut offset) = (0, 0);
            for (skip, length, moves) in steps {
                start = (start + skip).min(file.len());
                if moves {
                    offset = start.saturating_sub(STEP);
                }
                let end = (start + length).min(file.len());
                let window = Window { bytes: &file[offset..], offset: offset as u64 };
                let sum = sums.of(window, start - offset..end - offset);
                prop_assert_eq!(sum, crc32fast::hash(&file[start..end]));
            }
        }
    }
}
