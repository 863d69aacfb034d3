//! A boot of the machine that is tortured, and what came of it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::PAIR_MECHANISM;
use super::state::{self, Group, State};
use crate::setup::{Emulator, Kernel};
use crate::vm::{self, GuestFile, Sinks, VmError, VmSpec};

/// Roots, and the work below them; then groups of functions, one after the other.
const GUEST: &str = concat!(include_str!("work.sh"), include_str!("guest.sh"));

/// Groups in one boot. One of pairs takes minutes, and what is done is kept when a boot ends.
const AT_ONCE: usize = 8;
const PAIRS_AT_ONCE: usize = 1;
/// For what all functions of a kernel take to attach and let go, and the workloads in between.
const BOOT: Duration = Duration::from_mins(3);
/// For a function to attach and let go by a pair, with room to spare: below busy roots each step of
/// patching waits for the other CPU, 0.6 s and more on 7.3 beside another guest.
const PAIR: Duration = Duration::from_millis(1500);
/// With the other mechanisms.
const ONE_OF_MANY: Duration = Duration::from_millis(40);

/// A kernel, and a mechanism.
pub struct Machine<'a> {
    pub emulator: &'a Emulator,
    pub kernel: &'a Kernel,
    pub mechanism: &'a str,
}

impl Machine<'_> {
    /// Tries the next groups, until all are done or one does harm.
    pub fn boot(&self, state: &mut State) -> Result<()> {
        // One that is suspected has a boot of its own.
        let suspected = state
            .waiting
            .front()
            .is_some_and(|group| group.suspicion.is_some());
        let count = if suspected {
            1
        } else if self.mechanism == PAIR_MECHANISM {
            PAIRS_AT_ONCE
        } else {
            AT_ONCE.min(state.waiting.len())
        };
        let groups: Vec<Group> = state.waiting.drain(..count).collect();
        state.boots += 1;
        let mut said = Vec::new();
        let end = vm::run(
            self.emulator,
            &self.spec(&groups)?,
            Sinks {
                stdout: &mut said,
                stderr: &mut io::stderr(),
            },
        );
        let trouble = match end {
            Ok(_) => "the guest's script ended".to_owned(),
            Err(VmError::Host(error)) => return Err(error),
            Err(error) => error.to_string(),
        };
        judge(state, groups, &String::from_utf8_lossy(&said), &trouble);
        Ok(())
    }

    fn spec(&self, groups: &[Group]) -> Result<VmSpec> {
        // Of its own, so that two kernels can be tortured side by side.
        let directory = state::file(&self.kernel.release, self.mechanism).with_extension("groups");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory)?;
        let names: Vec<String> = (0..groups.len()).map(|number| number.to_string()).collect();
        for (name, group) in names.iter().zip(groups) {
            fs::write(directory.join(name), group.functions.join("\n") + "\n")?;
        }
        let script = ["sh", "-c", GUEST, "torture", self.mechanism].map(str::to_owned);
        let command = script.into_iter().chain(names).map(Into::into).collect();
        let mut spec = VmSpec::new(self.kernel.clone(), command);
        spec.memory_mib = 2048;
        spec.files.push(guest_file(&directory));
        let functions = groups
            .iter()
            .map(|group| group.functions.len())
            .sum::<usize>();
        let each = if self.mechanism == PAIR_MECHANISM {
            PAIR
        } else {
            ONE_OF_MANY
        };
        let factor = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        spec.timeout = BOOT * factor(groups.len()) + each * factor(functions);
        Ok(spec)
    }
}

fn guest_file(directory: &Path) -> GuestFile {
    GuestFile {
        source: directory.to_owned(),
        destination: "/groups".to_owned(),
    }
}

/// Reads what the guest said of its groups. The first that has no end did harm; those after it
/// have still to be tried.
pub fn judge(state: &mut State, groups: Vec<Group>, said: &str, trouble: &str) {
    let mut groups = groups.into_iter().enumerate();
    let mut harmful = Vec::new();
    for (number, group) in groups.by_ref() {
        let of_group = |verb: &str| {
            let begin = format!("{verb} {number} ");
            said.lines()
                .filter_map(|line| line.strip_prefix(&begin).map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let failed = of_group("failed").into_iter().next();
        let attached = of_group("end")
            .first()
            .and_then(|end| end.split(' ').nth(1)?.parse().ok());
        match (failed, attached) {
            (None, Some(attached)) => {
                state.refused.extend(of_group("refused"));
                state.passed(&group, attached);
            }
            (Some(reason), _) => harmful.push((group, reason)),
            (None, None) => {
                harmful.push((group, brief(trouble)));
                break;
            }
        }
    }
    for (_, group) in groups.rev() {
        state.waiting.push_front(group);
    }
    // In front of the others: what is suspected is cleared up first.
    for (group, evidence) in harmful.into_iter().rev() {
        state.failed(group, &evidence);
    }
}

/// The first lines of what the kernel said, without the time before each.
fn brief(trouble: &str) -> String {
    let lines = trouble.lines().map(|line| match line.split_once("] ") {
        Some((time, text)) if time.starts_with('[') => text,
        _ => line,
    });
    lines.take(12).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::super::report;
    use super::*;

    fn group(names: &[&str]) -> Group {
        Group {
            functions: names.iter().map(|name| (*name).to_owned()).collect(),
            suspicion: None,
        }
    }

    #[test]
    fn the_group_that_did_not_end_is_tried_by_halves_and_the_rest_again() {
        let groups = vec![group(&["a", "b"]), group(&["c", "d"]), group(&["e"])];
        let said =
            "begin 0\nend 0 2 2 17\nrefused 0 tracer: the kernel does not accept b\nbegin 1\n";
        let mut state = State::default();
        judge(
            &mut state,
            groups,
            said,
            "the kernel:\n[    1.5] BUG: bad\n",
        );
        assert_eq!((state.done, state.attached, state.refused.len()), (2, 2, 1));
        let waiting: Vec<_> = state
            .waiting
            .iter()
            .map(|group| group.functions.join(" "))
            .collect();
        assert_eq!(waiting, ["c", "d", "e"]);
        assert_eq!(
            state.waiting[0].suspicion.as_deref(),
            Some("the kernel: | BUG: bad")
        );
        assert_eq!(state.waiting[2].suspicion, None);
    }

    #[test]
    fn a_single_function_that_does_harm_is_a_finding() {
        let mut state = State::default();
        judge(
            &mut state,
            vec![group(&["a"])],
            "begin 0\nfailed 0 exit status 1: words\n",
            "",
        );
        assert_eq!(state.findings[0].evidence, "exit status 1: words");
        assert!(report("6.1", "pair", &state).contains("a: exit status 1"));
    }
}
