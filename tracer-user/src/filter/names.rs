//! Functions by the names that are shown: `--through`, `--hide`, and what a replay is asked for.
//!
//! A glob is held against the name as it is shown, `tls_sw_sendmsg [tls]`, and against the part
//! before the module and before what the compiler put after it (`.isra.0`).

use thiserror::Error;
use wildmatch::WildMatch;

use crate::{
    exit_code::{Exit, HasExit},
    model::{FunctionId, FunctionTable, did_you_mean},
};

/// Some functions, each by name or by glob. The default names none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names(Vec<Name>);

impl Eq for Names {}

/// One name or glob.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// As it was typed.
    pub typed: String,
    glob: WildMatch,
}

impl Name {
    /// A name or a glob.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self {
            typed: typed.to_owned(),
            glob: WildMatch::new(typed),
        }
    }

    /// Whether a function that is called so is meant.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.glob.matches(name) || self.glob.matches(plain(name))
    }
}

/// A name without its module and without what the compiler put after it.
fn plain(name: &str) -> &str {
    name.split([' ', '.']).next().unwrap_or(name)
}

/// No function has a name by which something is filtered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the recording has no call of `{name}`, which {option} names{}", did_you_mean(.near, REPORT))]
pub struct NotRecorded {
    /// The option that names it.
    pub option: &'static str,
    /// What was asked for.
    pub name: String,
    /// Names that look like it.
    pub near: Vec<String>,
}

impl HasExit for NotRecorded {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Function)
    }
}

/// Where the names are.
pub const REPORT: &str = "`tracer report` lists the functions that it has";

impl Names {
    /// Those that match one of these.
    #[must_use]
    pub fn new(globs: &[String]) -> Self {
        Self(globs.iter().map(|typed| Name::new(typed)).collect())
    }

    /// Whether it names none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter()
    }

    /// Whether a function is one of them.
    #[must_use]
    pub fn has(&self, function: FunctionId, functions: &FunctionTable) -> bool {
        !self.0.is_empty() && self.have(&functions.name(function))
    }

    /// Whether one of them is called so.
    #[must_use]
    pub fn have(&self, name: &str) -> bool {
        self.iter().any(|one| one.is(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_with_its_module_and_suffix_and_without() {
        let matches = |glob: &str, name| Names::new(&[glob.to_owned()]).have(name);
        assert!(matches("tls_sw_sendmsg", "tls_sw_sendmsg [tls]"));
        assert!(matches("*[tls]", "tls_sw_sendmsg [tls]"));
        assert!(matches("finish_task_switch", "finish_task_switch.isra.0"));
        assert!(matches("tcp_*", "tcp_sendmsg"));
        assert!(!matches("tcp", "tcp_sendmsg"));
    }
}
