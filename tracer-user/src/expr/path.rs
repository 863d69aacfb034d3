//! A path from an argument to a field, as C writes it.

use std::fmt;

use super::error::Span;

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The name.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// A path: an argument, and what is done to it step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The argument.
    pub argument: Word,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The place of it all.
    pub span: Span,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `->name` or `.name`: which of the two is right follows from the types.
    Member(Word),
    /// `[3]`
    Index {
        /// The element.
        number: u64,
        /// The place.
        span: Span,
    },
    /// `(struct name *)` before it.
    Cast {
        /// `struct name`, `union name`, or the name of another type.
        to: Word,
    },
    /// `*` before it.
    Follow {
        /// The place.
        span: Span,
    },
}

impl Step {
    /// Its place.
    #[must_use]
    pub const fn span(&self) -> &Span {
        match self {
            Self::Member(name) => &name.span,
            Self::Index { span, .. } | Self::Follow { span } => span,
            Self::Cast { to } => &to.span,
        }
    }
}

/// As C writes it, with `->` for every member: the same for all spellings of a path.
impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = self.argument.text.clone();
        let mut is_prefixed = false;
        for step in &self.steps {
            if is_prefixed && matches!(step, Step::Member(_) | Step::Index { .. }) {
                written = format!("({written})");
                is_prefixed = false;
            }
            match step {
                Step::Member(name) => {
                    let mark = if is_accessor(&name.text) { "." } else { "->" };
                    written.push_str(mark);
                    written.push_str(&name.text);
                }
                Step::Index { number, .. } => written = format!("{written}[{number}]"),
                Step::Cast { to } => {
                    written = format!("({} *){written}", to.text);
                    is_prefixed = true;
                }
                Step::Follow { .. } => {
                    written = format!("*{written}");
                    is_prefixed = true;
                }
            }
        }
        out.write_str(&written)
    }
}

/// Names of what is read of a structure that are no members of it.
pub const ACCESSORS: [&str; 9] = [
    "tuple", "dport", "sport", "daddr", "saddr", "family", "path", "name", "text",
];

fn is_accessor(name: &str) -> bool {
    ACCESSORS.contains(&name)
}
