//! `--returns`: a condition on a return value, such as `=7`, `!=0`, `<0`, `=-EAGAIN`.
//!
//! It is read without knowing the function and decided by the type of the function that returned.
//! The name of an error stands for what the kernel returns for it, its negative number, whether it
//! is written `EAGAIN` or `-EAGAIN`.

use std::str::FromStr;

use thiserror::Error;

pub use crate::expr::Comparison;
use crate::{
    model::ValueType,
    values::{self, number},
};

/// Longer ones first: each is looked for at the beginning of the text. Nothing is `=`.
const WRITTEN: [(&str, Comparison); 7] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// What a value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number with its sign.
    Number(i128),
    /// Hex without a sign: the bits of the register.
    Bits(u64),
}

/// A condition on a return value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returns {
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub operand: Operand,
}

/// The text is no condition.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is no condition on a return value: write one of = != < <= > >= and a number, 0x with \
    hex digits, or an error's name such as -EAGAIN"
)]
pub struct NoCondition(String);

impl Returns {
    /// Whether the register of a function of this type meets the condition; never if the function
    /// returns nothing.
    #[must_use]
    pub fn matches(self, returns: Option<&ValueType>, register: u64) -> bool {
        let operand = match self.operand {
            Operand::Number(number) => number,
            Operand::Bits(bits) => number::of_bits(returns, bits),
        };
        number::of(returns, register)
            .is_some_and(|value| self.comparison.holds(value.cmp(&operand)))
    }
}

impl FromStr for Returns {
    type Err = NoCondition;

    fn from_str(text: &str) -> Result<Self, NoCondition> {
        let trimmed = text.trim();
        let (comparison, rest) = WRITTEN
            .into_iter()
            .find_map(|(written, comparison)| Some((comparison, trimmed.strip_prefix(written)?)))
            .unwrap_or((Comparison::Equal, trimmed));
        let operand = operand(rest.trim()).ok_or_else(|| NoCondition(text.to_owned()))?;
        Ok(Self {
            comparison,
            operand,
        })
    }
}

fn operand(text: &str) -> Option<Operand> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if let Some(number) = values::error_number(digits) {
        return Some(Operand::Number(-i128::from(number)));
    }
    let hex = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((digits, 10), |digits| (digits, 16));
    // `parse` takes a sign of its own.
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let bits = u64::from_str_radix(digits, radix).ok()?;
    Some(match (negative, hex) {
        (true, _) => Operand::Number(-i128::from(bits)),
        (false, Some(_)) => Operand::Bits(bits),
        (false, None) => Operand::Number(i128::from(bits)),
    })
}
