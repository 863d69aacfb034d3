//! What ran under root calls and is in none of them.

use std::fmt;

use super::many;

/// What ran under root calls and had no probe, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untraced {
    /// Root calls that were sampled from beginning to end.
    pub root_calls: u64,
    /// Calls in them that were not traced.
    pub calls: u64,
    /// Functions that these were of.
    pub functions: usize,
}

impl fmt::Display for Untraced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            root_calls,
            calls,
            functions,
        } = self;
        let were = |count| if count == 1 { "was" } else { "were" };
        write!(
            out,
            "{} of {} below {} not traced, in {} that {} sampled",
            many(*calls, "call"),
            many(*functions, "function"),
            were(*calls),
            many(*root_calls, "root call"),
            were(*root_calls),
        )
    }
}
