//! A number by which calls are told apart: what `--by` takes.

use super::{
    condition::Operand,
    error::{ExprError, Problem, Span},
    parser::Parser,
    path::Path,
};

/// A number of a call: an argument or a field, or some bits of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// All that was typed.
    pub source: String,
    /// What is read.
    pub path: Path,
    /// Which of its bits count; all without.
    pub mask: Option<Operand>,
}

impl By {
    /// Reads `PATH` or `PATH & NUMBER`.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        let (path, mask) = Parser::new(source)?.whole_number()?;
        Ok(Self {
            source: source.to_owned(),
            path,
            mask,
        })
    }

    /// An error at a place of it.
    #[must_use]
    pub fn error(&self, span: Span, problem: Problem) -> ExprError {
        ExprError::new(&self.source, span, problem)
    }
}
