//! What torture has done and has still to do, in a file: a run that was interrupted goes on where
//! it stopped.

use std::{collections::VecDeque, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::workspace;

/// The first group is small: if the way itself is broken, that is soon seen.
const SMALLEST: usize = 64;

/// Functions that are attached together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// As `tracer list` shows them.
    pub functions: Vec<String>,
    /// What happened when the group was attached as part of a larger one.
    pub suspicion: Option<String>,
}

/// A function, or some that do harm only together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// One, or those that were attached when it happened and did nothing in two halves.
    pub functions: Vec<String>,
    /// The kernel's words, or how long nothing came.
    pub evidence: String,
}

/// All that is known of one kernel and one way.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Groups that were not attached yet, the next first.
    pub waiting: VecDeque<Group>,
    /// Functions in groups that came to their end.
    pub done: usize,
    /// Of these, functions that the kernel took.
    pub attached: usize,
    /// Functions that the kernel refused, with its words.
    pub refused: Vec<String>,
    /// Boots so far.
    pub boots: usize,
    /// What does harm.
    pub findings: Vec<Finding>,
}

impl State {
    /// All is still to do, in groups each twice as large as the one before, up to `largest`.
    pub fn new(functions: &[String], largest: usize) -> Self {
        let mut waiting = VecDeque::new();
        let mut rest = functions;
        let mut size = SMALLEST;
        while !rest.is_empty() {
            let (group, others) = rest.split_at(size.min(largest).min(rest.len()));
            waiting.push_back(Group {
                functions: group.to_vec(),
                suspicion: None,
            });
            rest = others;
            size *= 2;
        }
        Self {
            waiting,
            ..Self::default()
        }
    }

    /// A group came to its end.
    pub fn passed(&mut self, group: &Group, attached: usize) {
        self.done += group.functions.len();
        self.attached += attached;
    }

    /// A group did harm: its halves are next, or it is a finding.
    pub fn failed(&mut self, group: Group, evidence: &str) {
        if group.functions.len() == 1 {
            self.findings.push(Finding {
                functions: group.functions,
                evidence: evidence.to_owned(),
            });
            return;
        }
        let (first, second) = group.functions.split_at(group.functions.len() / 2);
        for half in [second, first] {
            self.waiting.push_front(Group {
                functions: half.to_vec(),
                suspicion: Some(evidence.to_owned()),
            });
        }
    }
}

/// Where the state of a kernel and a way is kept.
pub fn file(release: &str, mechanism: &str) -> PathBuf {
    let name = format!("{release}-{mechanism}.json");
    workspace::target().join("torture").join(name)
}

/// What was left by a run before; none if there was none.
pub fn read(file: &PathBuf) -> Result<Option<State>> {
    if !file.exists() {
        return Ok(None);
    }
    let context = || format!("{} cannot be read; remove it to begin anew", file.display());
    let text = fs::read_to_string(file).with_context(context)?;
    serde_json::from_str(&text).map(Some).with_context(context)
}

/// Puts a new state in place of the old one, as a whole.
pub fn write(file: &PathBuf, state: &State) -> Result<()> {
    let context = || format!("cannot write {}", file.display());
    let directory = file.parent().with_context(context)?;
    fs::create_dir_all(directory).with_context(context)?;
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec_pretty(state)?).with_context(context)?;
    fs::rename(&new, file).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("f{number}")).collect()
    }

    #[test]
    fn groups_grow_and_leave_out_nothing() {
        let state = State::new(&names(1000), 256);
        let sizes: Vec<usize> = state
            .waiting
            .iter()
            .map(|group| group.functions.len())
            .collect();
        assert_eq!(sizes, [64, 128, 256, 256, 256, 40]);
        let all: Vec<String> = state
            .waiting
            .into_iter()
            .flat_map(|group| group.functions)
            .collect();
        assert_eq!(all, names(1000));
    }

    #[test]
    fn a_bad_function_is_found_by_halves() {
        let mut state = State::new(&names(100), 64);
        while let Some(group) = state.waiting.pop_front() {
            if group.functions.contains(&"f37".to_owned()) {
                state.failed(group, "it froze");
            } else {
                let attached = group.functions.len();
                state.passed(&group, attached);
            }
        }
        assert_eq!((state.done, state.attached), (99, 99));
        let finding = Finding {
            functions: vec!["f37".to_owned()],
            evidence: "it froze".to_owned(),
        };
        assert_eq!(state.findings, [finding]);
    }
}
