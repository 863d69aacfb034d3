//! The string (`char *`) that an argument points to, as far as it was recorded.
//!
//! It comes eight bytes an event. A part that does not follow the one before is skipped with all
//! after it, so what is there is always a beginning of the string. It is known to be the whole one
//! only if the zero after it came; one that is as long as what is recorded at most gives up its
//! last byte, so that what is shown as cut is never all.

use tracer_common::MAX_STRING_BYTES;

/// Bytes of an event.
const PART_BYTES: usize = size_of::<u64>();

/// A string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedString {
    /// The argument register that points to it, counted from 0.
    pub argument: u32,
    /// Its bytes, without a zero.
    pub bytes: Vec<u8>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

impl RecordedString {
    /// One of which nothing has come yet.
    pub(crate) const fn new(argument: u32) -> Self {
        Self {
            argument,
            bytes: Vec::new(),
            is_whole: false,
        }
    }

    /// Parts that make this text again, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = u64> {
        let mut bytes = self.bytes.clone();
        if !self.is_whole && self.bytes.len() == MAX_STRING_BYTES - 2 {
            // The last byte was given up.
            bytes.push(b'.');
        }
        if self.is_whole || bytes.len() > self.bytes.len() {
            bytes.push(0);
        }
        bytes.resize(bytes.len().next_multiple_of(PART_BYTES), 0);
        let (parts, _) = bytes.as_chunks::<PART_BYTES>();
        let parts: Vec<u64> = parts.iter().map(|&part| u64::from_ne_bytes(part)).collect();
        parts.into_iter()
    }

    /// Takes the part with that number.
    pub(crate) fn push(&mut self, part: u32, value: u64) {
        if self.is_whole || self.bytes.len() != part as usize * PART_BYTES {
            return;
        }
        let part = value.to_ne_bytes();
        let end = part.iter().position(|&byte| byte == 0);
        self.bytes
            .extend_from_slice(&part[..end.unwrap_or(PART_BYTES)]);
        if self.bytes.len() + 1 >= MAX_STRING_BYTES {
            self.bytes.truncate(MAX_STRING_BYTES - 2);
        } else {
            self.is_whole = end.is_some();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the eBPF side makes of a text: the beginning that it has room for, a zero after it.
    fn parts(text: &[u8]) -> Vec<u64> {
        let mut bytes = text[..text.len().min(MAX_STRING_BYTES - 1)].to_vec();
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(PART_BYTES), 0);
        let (parts, _) = bytes.as_chunks::<PART_BYTES>();
        parts.iter().map(|&part| u64::from_ne_bytes(part)).collect()
    }

    fn read(parts: &[u64]) -> RecordedString {
        let mut text = RecordedString::new(0);
        for (number, &part) in (0..).zip(parts) {
            text.push(number, part);
        }
        text
    }

    proptest! {
        #[test]
        fn a_text_is_made_of_its_parts_again(
            text in prop::collection::vec(1u8.., 0..90),
            seen in 0usize..9,
        ) {
            let parts = parts(&text);
            let once = read(&parts[..seen.min(parts.len())]);
            prop_assert_eq!(read(&once.parts().collect::<Vec<_>>()), once);
        }

        #[test]
        fn a_text_is_whole_or_a_true_beginning(text in prop::collection::vec(1u8.., 0..90)) {
            let read = read(&parts(&text));
            if text.len() < MAX_STRING_BYTES - 1 {
                prop_assert!(read.is_whole);
                prop_assert_eq!(read.bytes, text);
            } else {
                prop_assert!(!read.is_whole);
                prop_assert_eq!(&read.bytes, &text[..MAX_STRING_BYTES - 2]);
            }
        }

        #[test]
        fn without_a_part_it_is_a_beginning(
            text in prop::collection::vec(1u8.., 8..90),
            missing in 0usize..8,
        ) {
            let parts = parts(&text);
            let missing = missing % parts.len();
            let mut read = RecordedString::new(0);
            for (number, &part) in (0..).zip(&parts) {
                if number as usize != missing {
                    read.push(number, part);
                }
            }
            prop_assert!(!read.is_whole);
            prop_assert_eq!(&read.bytes, &text[..missing * PART_BYTES]);
        }

        #[test]
        fn any_parts_make_a_text_without_a_zero(
            parts in prop::collection::vec((0u32..40, any::<u64>()), 0..20),
        ) {
            let mut text = RecordedString::new(0);
            for (number, part) in parts {
                text.push(number, part);
            }
            prop_assert!(text.bytes.len() < MAX_STRING_BYTES);
            prop_assert!(!text.bytes.contains(&0));
        }
    }
}
