//! Casts between numbers.

use super::value::low_half;
use crate::values::{sign_extended, truncated};

/// What a cast makes of a number.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    bytes: u32,
    signed: bool,
}

impl Cast {
    const fn signed(bytes: u32) -> Self {
        Self {
            bytes,
            signed: true,
        }
    }

    const fn unsigned(bytes: u32) -> Self {
        Self {
            bytes,
            signed: false,
        }
    }

    /// What a cast to the type of these words makes; none if they are no type that is known.
    pub fn of_type(words: &[&str], pointer: bool) -> Option<Self> {
        if pointer {
            return Some(Self::unsigned(8));
        }
        let mut cast = Self::signed(4);
        for word in words {
            match *word {
                "unsigned" => cast.signed = false,
                "long" | "size_t" | "ssize_t" | "ino_t" => cast.bytes = 8,
                "short" => cast.bytes = 2,
                "char" | "bool" => cast.bytes = 1,
                "int" | "const" | "signed" | "pid_t" | "enum" => {}
                "u64" | "__u64" | "sector_t" | "loff_t" | "dev_t" | "gfp_t" => {
                    cast = Self::unsigned(8);
                }
                "s64" | "__s64" => cast = Self::signed(8),
                "u32" | "__u32" => cast = Self::unsigned(4),
                "s32" | "__s32" => cast = Self::signed(4),
                "u16" | "__u16" => cast = Self::unsigned(2),
                "u8" | "__u8" => cast = Self::unsigned(1),
                _ => return None,
            }
        }
        Some(cast)
    }

    /// The number as that type has it.
    pub fn of(self, number: i128) -> i128 {
        let bits = low_half(number);
        if self.signed {
            sign_extended(bits, self.bytes).into()
        } else {
            truncated(bits, self.bytes).into()
        }
    }
}
