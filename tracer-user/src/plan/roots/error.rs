//! Why there is no root, and what to type instead.

use thiserror::Error;

use super::super::Reason;
use crate::{
    exit_code::{Exit, HasExit},
    model::did_you_mean,
};

/// Roots that one glob may stand for, where each function is attached for itself.
pub(super) const MOST_PAIRS: usize = 64;

/// Why there is no root.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RootError {
    /// Nothing has that name.
    #[error("no kernel function is called `{name}`{}", did_you_mean(.near, LIST))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that look like it.
        near: Vec<String>,
    },
    /// It has a type, and no code.
    #[error(
        "`{0}` has no code of its own: the compiler has put it into the functions that call it; \
        trace one of those"
    )]
    Inlined(String),
    /// The module is not there.
    #[error(
        "no module `{0}` is loaded, so it has no functions; load it first (`modprobe {0}`), or \
        leave the module out of the name"
    )]
    NoModule(String),
    /// No traceable function matches the glob.
    #[error(
        "no traceable kernel function matches `{0}`; `tracer list '{0}'` shows what was skipped \
        and why"
    )]
    NoMatch(String),
    /// A glob matches too much.
    #[error(
        "`{glob}` matches {count} functions, and at most {MOST_PAIRS} roots can be traced at once \
        on a kernel without kprobe.session; narrow the pattern"
    )]
    TooMany {
        /// What was asked for.
        glob: String,
        /// How many there are.
        count: usize,
    },
    /// Nothing is left to trace.
    #[error("-g or -N skips every root; let one of them be")]
    AllExcluded,
    /// The function cannot be attached.
    #[error("`{name}` cannot be traced: {reason}; {}", instead(.callers))]
    NotAttachable {
        /// Its name.
        name: String,
        /// Why.
        reason: Reason,
        /// Functions that call it and can be traced.
        callers: Vec<String>,
    },
}

/// Where the names are.
const LIST: &str = "`tracer list '*PART*'` searches by a part of the name";

impl HasExit for RootError {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Function)
    }
}

fn instead(callers: &[String]) -> String {
    match callers {
        [] => "trace a function that calls it, or one that it calls".to_owned(),
        [one] => format!("trace {one}, which calls it"),
        several => format!("trace a function that calls it: {}", several.join(", ")),
    }
}
