//! Casts between numbers.

use super::low_half;
use crate::values::{sign_extended, truncated};

/// What a cast makes of a number.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    bytes: u32,
    signed: bool,
}

impl Cast {
    /// What a cast to the type of these words makes; none if they are no type that is known.
    pub fn of_type(words: &[&str], pointer: bool) -> Option<Self> {
        if pointer {
            return Some(Self {
                bytes: 8,
                signed: false,
            });
        }
        let mut cast = Self {
            bytes: 4,
            signed: true,
        };
        for word in words {
            match *word {
                "unsigned" => cast.signed = false,
                "long" | "size_t" | "ssize_t" | "ino_t" => cast.bytes = 8,
                "short" => cast.bytes = 2,
                "char" | "bool" => cast.bytes = 1,
                "int" | "const" | "signed" | "pid_t" | "enum" => {}
                "u64" | "__u64" | "sector_t" | "loff_t" | "dev_t" | "gfp_t" => {
                    cast = Self {
                        bytes: 8,
                        signed: false,
                    };
                }
                "s64" | "__s64" => {
                    cast = Self {
                        bytes: 8,
                        signed: true,
                    }
                }
                "u32" | "__u32" => {
                    cast = Self {
                        bytes: 4,
                        signed: false,
                    }
                }
                "s32" | "__s32" => {
                    cast = Self {
                        bytes: 4,
                        signed: true,
                    }
                }
                "u16" | "__u16" => {
                    cast = Self {
                        bytes: 2,
                        signed: false,
                    }
                }
                "u8" | "__u8" => {
                    cast = Self {
                        bytes: 1,
                        signed: false,
                    }
                }
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
