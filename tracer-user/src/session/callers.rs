//! Whose root calls are traced, as it was asked for, and as the eBPF side is told.

use std::str::FromStr;

use thiserror::Error;
use tracer_common::{MAX_NAMES, MAX_TASKS_NAMED};

use crate::kernel::cgroup::CgroupId;

/// A command name as in /proc/PID/comm: 1 to 15 bytes (`TASK_COMM_LEN`, include/linux/sched.h), filled up with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandName([u8; 16]);

/// The text is no command name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` cannot be a command name: the kernel keeps 15 bytes at most; write it as /proc/PID/comm has it"
)]
pub struct NoCommandName(String);

impl FromStr for CommandName {
    type Err = NoCommandName;

    fn from_str(text: &str) -> Result<Self, NoCommandName> {
        let bytes = text.as_bytes();
        if !(1..16).contains(&bytes.len()) || bytes.contains(&0) {
            return Err(NoCommandName(text.to_owned()));
        }
        let mut name = [0; 16];
        name[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(name))
    }
}

impl CommandName {
    fn words(self) -> [u64; 2] {
        let (words, _) = self.0.as_chunks();
        [words[0], words[1]].map(u64::from_ne_bytes)
    }
}

/// Whose root calls are traced: each list that is not empty must be met, by one of its elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    /// Processes.
    pub pids: Vec<u32>,
    /// Tasks.
    pub tids: Vec<u32>,
    /// Tasks by name.
    pub names: Vec<CommandName>,
    /// The task is in one of these or below.
    pub cgroups: Vec<CgroupId>,
}

/// The eBPF side has no room for so many.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{option} was given {given} times, and {most} are possible; trace fewer at once")]
pub struct TooMany {
    option: &'static str,
    given: usize,
    most: usize,
}

impl Callers {
    /// Whether the eBPF side has room for all.
    pub fn check(&self) -> Result<(), TooMany> {
        for (option, given, most) in [
            ("-p", self.pids.len(), MAX_TASKS_NAMED),
            ("--tid", self.tids.len(), MAX_TASKS_NAMED),
            ("--comm", self.names.len(), MAX_NAMES),
            ("--cgroup", self.cgroups.len(), MAX_NAMES),
        ] {
            if given > most {
                return Err(TooMany {
                    option,
                    given,
                    most,
                });
            }
        }
        Ok(())
    }

    /// For the eBPF side. `own` are the tracer itself and its sampling process, which are left out unless tasks were named; `command` is the process
    /// that it started, which is traced alone unless processes were named.
    #[must_use]
    pub fn config(&self, own: [u32; 2], command: Option<u32>) -> tracer_common::Callers {
        let names_tasks = !(self.pids.is_empty() && self.tids.is_empty() && self.names.is_empty());
        let pids = if self.pids.is_empty() {
            command.into_iter().collect()
        } else {
            self.pids.clone()
        };
        let names: Vec<_> = self.names.iter().map(|name| name.words()).collect();
        let cgroups: Vec<_> = self.cgroups.iter().map(|id| id.0).collect();
        tracer_common::Callers {
            not_tgids: if names_tasks { [0; 2] } else { own },
            tgids: filled(&pids),
            tids: filled(&self.tids),
            comms: filled(&names),
            cgroups: filled(&cgroups),
        }
    }
}

fn filled<T: Copy + Default, const N: usize>(list: &[T]) -> [T; N] {
    std::array::from_fn(|index| list.get(index).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_are_what_the_kernel_keeps() {
        assert!("".parse::<CommandName>().is_err());
        assert!("sixteen-bytes-xx".parse::<CommandName>().is_err());
        assert!("a\0b".parse::<CommandName>().is_err());
        let name: CommandName = "fifteen-bytes-x".parse().unwrap();
        assert_eq!(name.words()[0].to_ne_bytes(), *b"fifteen-");
        assert_eq!(name.words()[1].to_ne_bytes(), *b"bytes-x\0");
    }

    #[test]
    fn the_tracer_itself_is_left_out_unless_tasks_are_named() {
        assert_eq!(Callers::default().config([7, 8], None).not_tgids, [7, 8]);
        let in_cgroup = Callers {
            cgroups: vec![CgroupId(1)],
            ..Callers::default()
        };
        assert_eq!(in_cgroup.config([7, 8], None).not_tgids, [7, 8]);
        let named = Callers {
            names: vec!["tracer".parse().unwrap()],
            ..Callers::default()
        };
        assert_eq!(named.config([7, 8], None).not_tgids, [0; 2]);
    }

    #[test]
    fn a_command_is_traced_alone_unless_processes_are_named() {
        let mut callers = Callers::default();
        assert_eq!(callers.config([7, 7], Some(8)).tgids[..2], [8, 0]);
        callers.pids = vec![1, 2];
        assert_eq!(callers.config([7, 7], Some(8)).tgids[..3], [1, 2, 0]);
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let callers = Callers {
            tids: vec![1; MAX_TASKS_NAMED + 1],
            ..Callers::default()
        };
        let error = callers.check().unwrap_err().to_string();
        assert!(error.starts_with("--tid was given 17 times"), "{error}");
        assert_eq!(Callers::default().check(), Ok(()));
    }
}
