//! Functions by the names that are shown: `--through`, `--hide`, and what a replay is asked for.
//!
//! A glob is held against the name as it is shown, `tls_sw_sendmsg [tls]`, and against the part
//! before the module and before what the compiler put after it (`.isra.0`).

use wildmatch::WildMatch;

use crate::model::{FunctionId, FunctionTable};

/// Some functions, each by name or by glob. The default names none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names(Vec<WildMatch>);

impl Eq for Names {}

impl Names {
    /// Those that match one of these.
    #[must_use]
    pub fn new(globs: &[String]) -> Self {
        Self(globs.iter().map(|glob| WildMatch::new(glob)).collect())
    }

    /// Whether it names none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a function is one of them.
    #[must_use]
    pub fn has(&self, function: FunctionId, functions: &FunctionTable) -> bool {
        !self.0.is_empty() && self.have(&functions.name(function))
    }

    /// Whether one of them is called so.
    #[must_use]
    pub fn have(&self, name: &str) -> bool {
        let plain = name.split([' ', '.']).next().unwrap_or(name);
        let mut globs = self.0.iter();
        globs.any(|glob| glob.matches(name) || glob.matches(plain))
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
