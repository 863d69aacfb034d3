//! A condition on a call, as it was typed.

use super::{
    error::Span,
    path::{Path, Word},
};

/// How two things are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==` or `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn of(mark: &str) -> Option<Self> {
        Some(match mark {
            "==" | "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The one that holds of the two sides the other way round.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// What a path leads to, or a name: of a number in an enum, of an error.
    Path {
        /// The path.
        path: Path,
        /// Which of its bits are looked at; all without.
        mask: Option<Box<Operand>>,
    },
    /// A number, negative ones as the register has them.
    Number(u64),
    /// The negative of what a name stands for, such as `-EAGAIN`.
    Negative(Word),
    /// A text, or the beginning of one.
    Text {
        /// Its bytes.
        text: Vec<u8>,
        /// Whether more may follow.
        is_prefix: bool,
    },
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Both hold.
    Both(Box<Condition>, Box<Condition>),
    /// One of them holds.
    Either(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A comparison.
    Compare {
        /// The left side.
        left: Operand,
        /// How.
        comparison: Comparison,
        /// The right side.
        right: Operand,
        /// The place.
        span: Span,
    },
}
