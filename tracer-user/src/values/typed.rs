//! A return value for programs that read it: true, a number, or bits, never a text to be parsed.

use std::fmt;

use serde::Serialize;

use super::{
    Values,
    register::{error_name, is_in_parts, sign_extended, truncated},
};
use crate::model::ValueType;

/// A return value for programs that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Typed {
    /// True or false.
    Bool(bool),
    /// A signed number, which may be an error number.
    Signed(i64),
    /// A number of a list, in which negative ones are no error numbers.
    Listed(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// An address, or whatever else was in the register; as a string in hex, because it may not fit
    /// a double.
    #[serde(serialize_with = "in_hex")]
    Bits(u64),
}

impl fmt::Display for Typed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(formatter),
            Self::Signed(value) | Self::Listed(value) => value.fmt(formatter),
            Self::Unsigned(value) => value.fmt(formatter),
            Self::Bits(bits) => write!(formatter, "{bits:#x}"),
        }
    }
}

impl Typed {
    /// The name of the error that it is, such as `EAGAIN`.
    #[must_use]
    pub fn error_name(self) -> Option<&'static str> {
        match self {
            Self::Signed(number) => error_name(number),
            _ => None,
        }
    }
}

/// The name of the error that a register holds by the function's type, such as `EAGAIN`.
#[must_use]
pub fn returned_error(returns: Option<&ValueType>, register: u64) -> Option<&'static str> {
    typed(returns, register, Values::Typed).and_then(Typed::error_name)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn in_hex<S: serde::Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{bits:#x}"))
}

/// A return value for programs, or none where there is nothing to say.
#[must_use]
pub fn typed(returns: Option<&ValueType>, register: u64, values: Values) -> Option<Typed> {
    let returns = match values {
        Values::Typed => returns,
        Values::Hex => None,
        Values::Hidden => return None,
    };
    Some(match returns {
        Some(ValueType::Void) => return None,
        Some(returns) if is_in_parts(returns) => return None,
        Some(ValueType::Bool) => Typed::Bool(register & 0xff != 0),
        Some(ValueType::Signed { bytes }) => Typed::Signed(sign_extended(register, *bytes)),
        Some(ValueType::Enum {
            signed: true,
            bytes,
            ..
        }) => Typed::Listed(sign_extended(register, *bytes)),
        Some(ValueType::Unsigned { bytes } | ValueType::Enum { bytes, .. }) => {
            Typed::Unsigned(truncated(register, *bytes))
        }
        Some(ValueType::Pointer) if error_name(register.cast_signed()).is_some() => {
            Typed::Signed(register.cast_signed())
        }
        Some(ValueType::Aggregate { bytes }) => Typed::Bits(truncated(register, *bytes)),
        Some(ValueType::Pointer | ValueType::Record(_)) | None => Typed::Bits(register),
    })
}
