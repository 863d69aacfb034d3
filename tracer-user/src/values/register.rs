//! The number that a register holds.
//!
//! A register is 64 bits wide whatever the type is: the ABI leaves the bits above a narrower number
//! undefined, so they are cut off.

use super::{errno, number};
use crate::{arch::REGISTER_BYTES, model::ValueType};

/// What stands for a value of which one register is not all.
pub(super) const IN_PARTS: &str = "{...}";

/// Whether one register is not all of a value of that type: `__int128`, structures. The second
/// half, and what is returned in memory, are not recorded.
pub(super) const fn is_in_parts(returns: &ValueType) -> bool {
    match returns {
        ValueType::Signed { bytes }
        | ValueType::Unsigned { bytes }
        | ValueType::Enum { bytes, .. }
        | ValueType::Aggregate { bytes } => *bytes > REGISTER_BYTES,
        ValueType::Record(_) => true,
        ValueType::Void | ValueType::Bool | ValueType::Pointer => false,
    }
}

/// The value of a signed number of that many bytes, whatever the rest of the register holds.
pub fn sign_extended(value: u64, bytes: u32) -> i64 {
    let unused = unused_bits(bytes);
    (value << unused).cast_signed() >> unused
}

/// The value of an unsigned number of that many bytes, whatever the rest of the register holds.
pub fn truncated(value: u64, bytes: u32) -> u64 {
    let unused = unused_bits(bytes);
    (value << unused) >> unused
}

/// The register's upper bits that a number of that many bytes does not use.
fn unused_bits(bytes: u32) -> u32 {
    match bytes {
        1..8 => 64 - 8 * bytes,
        _ => 0,
    }
}

/// The name of a negative error number.
pub(super) fn error_name(number: i64) -> Option<&'static str> {
    if !number::is_error(number.into()) {
        return None;
    }
    errno::name(number.unsigned_abs())
}
