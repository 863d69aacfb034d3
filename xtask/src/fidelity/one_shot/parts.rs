//! What the guest printed, by its marks.
//!
//! A line `===== NAME PART` begins a part of the output of one subject; the next mark ends it.

use std::collections::BTreeMap;

const MARK: &str = "===== ";

/// The parts of one subject, by their names.
pub struct Parts<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Parts<'a> {
    /// Those of the subject with this name.
    pub fn of(name: &str, output: &'a str) -> Self {
        let marked = output.split(MARK).filter_map(|rest| {
            let (title, text) = rest.split_once('\n')?;
            let (subject, part) = title.split_once(' ')?;
            (subject == name).then_some((part, text))
        });
        Self(marked.collect())
    }

    /// One of them.
    pub fn get(&self, part: &str) -> Option<&'a str> {
        self.0.get(part).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_its_own_parts() {
        let output = "noise\n===== a root\nf\n===== a kernel1\n1\n2\n===== b root\ng\n";
        let parts = Parts::of("a", output);
        assert_eq!(parts.get("root"), Some("f\n"));
        assert_eq!(parts.get("kernel1"), Some("1\n2\n"));
        assert_eq!(parts.get("ours"), None);
        assert_eq!(Parts::of("b", output).get("root"), Some("g\n"));
    }
}
