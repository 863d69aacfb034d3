//! What ran under root calls and is in none of them.

use std::fmt;

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
        write!(
            out,
            "{calls} calls of {functions} functions below were not traced, in {root_calls} root \
            calls that were sampled"
        )
    }
}
