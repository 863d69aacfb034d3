//! A return register as the number that its type says it is.
//!
//! All types meet in `i128`, in which every value of every type has its own place: `0xffff_ffff` is
//! -1 of an `int` and 4294967295 of an `unsigned int`. A pointer is its address, but an error
//! pointer is its error number.

use super::{sign_extended, truncated};
use crate::model::ValueType;

/// The largest error number (MAX_ERRNO, include/linux/err.h).
pub const MAX_ERRNO: i128 = 4095;

/// Whether a number is an error's, with its sign.
pub(super) fn is_error(number: i128) -> bool {
    (-MAX_ERRNO..0).contains(&number)
}

/// The number in the register of a function of this type; none if it returns nothing, or more than
/// the register holds.
#[must_use]
pub fn of(returns: Option<&ValueType>, register: u64) -> Option<i128> {
    Some(match returns {
        Some(ValueType::Void) => return None,
        Some(returns) if width(Some(returns)).0 > 8 => return None,
        Some(ValueType::Bool) => i128::from(register & 0xff != 0),
        Some(ValueType::Pointer) => {
            let signed = i128::from(register.cast_signed());
            if is_error(signed) {
                signed
            } else {
                i128::from(register)
            }
        }
        other => match width(other) {
            (bytes, true) => i128::from(sign_extended(register, bytes)),
            (bytes, false) => i128::from(truncated(register, bytes)),
        },
    })
}

/// Bits as they would stand in the register, read as the type says: `0xfffffff5` is -11 of an
/// `int`. More bits than the type has stay what they are.
#[must_use]
pub fn of_bits(returns: Option<&ValueType>, bits: u64) -> i128 {
    let (bytes, _) = width(returns);
    if truncated(bits, bytes) == bits {
        of(returns, bits).unwrap_or_else(|| i128::from(bits))
    } else {
        i128::from(bits)
    }
}

/// Bytes, and whether it is signed.
fn width(returns: Option<&ValueType>) -> (u32, bool) {
    match returns {
        Some(ValueType::Bool) => (1, false),
        Some(ValueType::Signed { bytes }) => (*bytes, true),
        Some(ValueType::Enum { bytes, signed, .. }) => (*bytes, *signed),
        Some(ValueType::Unsigned { bytes }) => (*bytes, false),
        Some(
            ValueType::Void
            | ValueType::Pointer
            | ValueType::Aggregate { .. }
            | ValueType::Record(_),
        )
        | None => (8, false),
    }
}
