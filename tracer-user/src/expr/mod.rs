//! What is typed to say what of a call's arguments is wanted: fields, and conditions on them.
//!
//! `tcp_sendmsg: sk->sk_wmem_queued, msg->msg_iter.count` names fields of functions;
//! `sk.dport == 443 && len > 1000` is a condition. Both are C's own expressions as far as they
//! read: members, elements with a constant index, casts, `*`, comparisons, `&`, `&&`, `||`, `!`.
//! `.` and `->` are the same here, because the types say which is meant.
//!
//! This room knows how an expression is written and what is wrong with it, and nothing of a kernel:
//! what a path means on one is found by `kernel::btf`. No text makes it panic (`tests` and the fuzz
//! target `expression` hold it to that), and what it takes is bounded by what was typed.

mod by;
mod condition;
mod error;
mod lexer;
mod parser;
mod path;
mod short;
#[cfg(test)]
mod tests;

pub use by::By;
pub use condition::{Comparison, Condition, Operand};
pub use error::{ExprError, Problem, Span, near_names};
pub use path::{ACCESSORS, Path, Step, Word};
pub use short::About;

use parser::Parser;

/// In a condition on the end of a root call: what it returned.
pub const RETURNED: &str = "retval";
/// In such a condition: how long it took, ns.
pub const DURATION: &str = "duration";

/// Fields of functions: what `--arg` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// All that was typed.
    pub source: String,
    /// The functions, by name or glob.
    pub functions: String,
    /// The fields.
    pub paths: Vec<Path>,
}

impl Fields {
    /// Reads `FUNCTION: FIELD, FIELD`.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        let error = |span, problem| ExprError::new(source, span, problem);
        // A module may stand before the function, so it is the last colon that counts.
        let colon = source
            .rfind(':')
            .ok_or_else(|| error(0..source.len(), Problem::NoFunction))?;
        let functions = source[..colon].trim();
        if functions.is_empty() {
            return Err(error(0..colon + 1, Problem::NoFunction));
        }
        Ok(Self {
            source: source.to_owned(),
            functions: functions.to_owned(),
            paths: Parser::from(source, colon + 1)?.paths()?,
        })
    }

    /// An error at a place of it.
    #[must_use]
    pub fn error(&self, span: Span, problem: Problem) -> ExprError {
        ExprError::new(&self.source, span, problem)
    }
}

/// A condition with what was typed: what `--where` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    /// All that was typed.
    pub source: String,
    /// What it means.
    pub condition: Condition,
}

impl Where {
    /// Reads a condition.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        Ok(Self {
            source: source.to_owned(),
            condition: Parser::new(source)?.whole_condition()?,
        })
    }

    /// Both this and what is asked besides. Places are those of this one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            source: self.source,
            condition: Condition::Both(Box::new(self.condition), Box::new(other.condition)),
        }
    }

    /// An error at a place of it.
    #[must_use]
    pub fn error(&self, span: Span, problem: Problem) -> ExprError {
        ExprError::new(&self.source, span, problem)
    }
}
