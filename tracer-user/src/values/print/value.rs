//! What expressions of a format are worth.

use std::borrow::Cow;

use crate::values::bytes;

/// What an expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, of whatever type.
    Number(i128),
    /// Text.
    Text(Cow<'a, str>),
    /// An array.
    Array(Array<'a>),
}

/// An array as it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// Bytes of each element; 0 if that is not known.
    pub each: u32,
    /// Whether they may be below 0.
    pub signed: bool,
}

impl<'a> Array<'a> {
    /// Characters.
    pub const fn text(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            each: 1,
            signed: false,
        }
    }

    /// The number in a place.
    pub fn at(self, index: usize) -> Option<i128> {
        let each = usize::try_from(self.each).ok().filter(|each| *each > 0)?;
        let element = self.bytes.chunks_exact(each).nth(index)?;
        Some(if self.signed {
            bytes::signed(element).into()
        } else {
            bytes::word(element).into()
        })
    }
}

impl<'a> Value<'a> {
    /// As a number.
    pub fn into_number(self) -> Option<i128> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(_) | Self::Array(_) => None,
        }
    }

    /// As text.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(array) => Some(bytes::text(array.bytes)),
            Self::Number(_) => None,
        }
    }
}

pub fn is_true(value: &Value<'_>) -> bool {
    !matches!(value, Value::Number(0))
}

/// The number as an `unsigned long` has it: what does not fit is cut off, as C does.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "that is what a cast does"
)]
pub const fn low_half(number: i128) -> u64 {
    number as u64
}
