//! A condition on a call, as it was typed.

use std::cmp::Ordering;

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

    /// Whether it holds of two sides of which the first stands so to the second.
    #[must_use]
    pub const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
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

impl Operand {
    /// The path, if it is one, and that of its mask.
    fn paths<'a>(&'a self, found: &mut Vec<&'a Path>) {
        if let Self::Path { path, mask } = self {
            found.push(path);
            if let Some(mask) = mask {
                mask.paths(found);
            }
        }
    }

    /// Puts numbers in the place of names that have one.
    fn name(&mut self, number: &impl Fn(&str) -> Option<u64>) {
        match self {
            Self::Path { path, mask } => {
                if let Some(mask) = mask {
                    mask.name(number);
                } else if path.steps.is_empty()
                    && let Some(number) = number(&path.argument.text)
                {
                    *self = Self::Number(number);
                }
            }
            Self::Negative(name) => {
                if let Some(number) = number(&name.text) {
                    *self = Self::Number(number.wrapping_neg());
                }
            }
            Self::Number(_) | Self::Text { .. } => {}
        }
    }
}

impl Condition {
    /// All paths and names in it.
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Path>) {
        match self {
            Self::Both(one, other) | Self::Either(one, other) => {
                one.collect(found);
                other.collect(found);
            }
            Self::Not(inner) => inner.collect(found),
            Self::Compare { left, right, .. } => {
                left.paths(found);
                right.paths(found);
            }
        }
    }

    /// Puts numbers in the place of names that have one.
    pub fn name(&mut self, number: &impl Fn(&str) -> Option<u64>) {
        match self {
            Self::Both(one, other) | Self::Either(one, other) => {
                one.name(number);
                other.name(number);
            }
            Self::Not(inner) => inner.name(number),
            Self::Compare { left, right, .. } => {
                left.name(number);
                right.name(number);
            }
        }
    }
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
