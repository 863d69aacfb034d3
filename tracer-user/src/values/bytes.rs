//! The bytes of a record's fields, as the kernel has laid them out.

use std::borrow::Cow;

use tracer_common::MARK_RECORD;

use super::sign_extended;
use crate::model::RecordField;

/// The bytes of a field itself.
pub(super) fn own<'a>(field: &RecordField, record: &'a [u8]) -> Option<&'a [u8]> {
    let offset = field.offset as usize;
    record.get(offset..offset.checked_add(field.bytes as usize)?)
}

/// What stands after the fields, as far as it came.
pub(super) fn variable<'a>(location: &[u8], record: &'a [u8]) -> Option<&'a [u8]> {
    // Two numbers of 16 bits each.
    let location = word(location);
    let from = usize::try_from(location & 0xffff).ok()?;
    let length = usize::try_from(location >> 16 & 0xffff).ok()?;
    let from = from.checked_sub(MARK_RECORD.into())?;
    let to = from + length;
    record.get(from..to.min(record.len()))
}

/// Up to the first zero.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end])
}

/// As a signed number.
pub(super) fn signed(bytes: &[u8]) -> i64 {
    sign_extended(word(bytes), u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

/// As it lies in memory; of more than eight bytes the first.
pub(super) fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; size_of::<u64>()];
    let length = bytes.len().min(word.len());
    word[..length].copy_from_slice(&bytes[..length]);
    u64::from_ne_bytes(word)
}
