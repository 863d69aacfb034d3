//! Whose root calls are traced, as it was asked for, and as the eBPF side is told.

use thiserror::Error;
use tracer_common::MAX_NAMES;

use crate::kernel::cgroup::Cgroup;
pub use crate::model::CommandName;

/// Whether what is started by processes and tasks that are traced is traced, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Children {
    /// That of the command is, that of others is not.
    #[default]
    Usual,
    /// It is.
    Followed,
    /// It is not.
    Excluded,
}

/// What is named in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meaning {
    /// Those that are traced.
    #[default]
    These,
    /// Those that are not.
    AllButThese,
}

impl Meaning {
    /// For the eBPF side, of a list of so many.
    const fn config(self, count: usize) -> u32 {
        match self {
            _ if count == 0 => tracer_common::Callers::NOBODY,
            Self::These => tracer_common::Callers::THESE,
            Self::AllButThese => tracer_common::Callers::ALL_BUT_THESE,
        }
    }
}

/// Whose root calls are traced: each list that is not empty must be met, by one of its elements, or
/// by none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerOptions {
    /// Processes, by their numbers where tracer runs.
    pub pids: Vec<u32>,
    /// What they are named for.
    pub pids_mean: Meaning,
    /// Tasks, by their numbers where tracer runs.
    pub tids: Vec<u32>,
    /// What they are named for.
    pub tids_mean: Meaning,
    /// What those start.
    pub children: Children,
    /// Tasks by name.
    pub names: Vec<CommandName>,
    /// What they are named for.
    pub names_mean: Meaning,
    /// The task is in one of these or below.
    pub cgroups: Vec<Cgroup>,
}

/// The eBPF side has no room for so many.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{option} was given {given} times, and {most} are possible; trace fewer at once")]
pub struct TooMany {
    option: &'static str,
    given: usize,
    most: usize,
}

impl CallerOptions {
    /// Whether the eBPF side has room for all.
    pub fn check(&self) -> Result<(), TooMany> {
        for (option, given, most) in [
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

    /// Whether processes or tasks are to be traced by number.
    #[must_use]
    pub const fn has_numbers(&self) -> bool {
        !(self.processes().is_empty() && self.tasks().is_empty())
    }

    /// The processes that are to be traced by number.
    #[must_use]
    pub const fn processes(&self) -> &[u32] {
        named(self.pids.as_slice(), self.pids_mean)
    }

    /// The tasks that are to be traced by number.
    #[must_use]
    pub const fn tasks(&self) -> &[u32] {
        named(self.tids.as_slice(), self.tids_mean)
    }

    /// For the eBPF side. `own` are the tracer itself and its sampling process by the kernel's
    /// numbers, which are skipped unless tasks were named. If there is a command, it is traced
    /// alone unless processes or tasks were named.
    #[must_use]
    pub fn config(&self, own: [u32; 2], has_command: bool) -> tracer_common::Callers {
        let has_names = self.names_mean == Meaning::These && !self.names.is_empty();
        let names_tasks = self.has_numbers() || has_names;
        let is_of_command = has_command && !self.has_numbers();
        let follows = match self.children {
            Children::Usual => is_of_command,
            Children::Followed => true,
            Children::Excluded => false,
        };
        let names: Vec<_> = self.names.iter().map(|name| name.words()).collect();
        tracer_common::Callers {
            not_tgids: if names_tasks { [0; 2] } else { own },
            processes_named: self
                .pids_mean
                .config(self.pids.len() + usize::from(is_of_command)),
            tasks_named: self.tids_mean.config(self.tids.len()),
            names_named: self.names_mean.config(self.names.len()),
            names: u32::try_from(names.len()).unwrap_or(u32::MAX),
            children_followed: u32::from(follows),
            cgroups_named: u32::try_from(self.cgroups.len()).unwrap_or(u32::MAX),
            comms: filled(&names),
        }
    }
}

const fn named(list: &[u32], meaning: Meaning) -> &[u32] {
    match meaning {
        Meaning::These => list,
        Meaning::AllButThese => &[],
    }
}

fn filled<T: Copy + Default, const N: usize>(list: &[T]) -> [T; N] {
    std::array::from_fn(|index| list.get(index).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cgroup::CgroupId;

    #[test]
    fn the_tracer_itself_is_excluded_unless_tasks_are_named() {
        assert_eq!(
            CallerOptions::default().config([7, 8], false).not_tgids,
            [7, 8]
        );
        let in_cgroup = CallerOptions {
            cgroups: vec![Cgroup {
                path: "/sys/fs/cgroup".into(),
                id: CgroupId(1),
            }],
            ..CallerOptions::default()
        };
        let config = in_cgroup.config([7, 8], false);
        assert_eq!((config.not_tgids, config.cgroups_named), ([7, 8], 1));
        let named = CallerOptions {
            names: vec!["tracer".parse().unwrap()],
            ..CallerOptions::default()
        };
        assert_eq!(named.config([7, 8], false).not_tgids, [0; 2]);
    }

    #[test]
    fn a_command_is_traced_alone_unless_processes_are_named() {
        let mut callers = CallerOptions::default();
        let named = |callers: &CallerOptions, has_command| {
            let config = callers.config([7, 7], has_command);
            (
                config.processes_named,
                config.tasks_named,
                config.children_followed,
            )
        };
        assert_eq!(named(&callers, false), (0, 0, 0));
        assert_eq!(named(&callers, true), (1, 0, 1));
        callers.tids = vec![3];
        assert_eq!(named(&callers, true), (0, 1, 0));
        callers.pids = vec![1, 2];
        assert_eq!(named(&callers, true), (1, 1, 0));
        callers.children = Children::Followed;
        assert_eq!(named(&callers, false), (1, 1, 1));
        callers = CallerOptions {
            children: Children::Excluded,
            ..CallerOptions::default()
        };
        assert_eq!(named(&callers, true), (1, 0, 0));
    }

    #[test]
    fn all_but_some_are_told_apart_from_some() {
        use tracer_common::Callers as Told;
        let callers = CallerOptions {
            pids: vec![7],
            pids_mean: Meaning::AllButThese,
            names: vec!["sh".parse().unwrap()],
            names_mean: Meaning::AllButThese,
            ..CallerOptions::default()
        };
        let config = callers.config([1, 2], false);
        assert_eq!(config.processes_named, Told::ALL_BUT_THESE);
        assert_eq!((config.names_named, config.names), (Told::ALL_BUT_THESE, 1));
        assert_eq!(config.tasks_named, Told::NOBODY);
        // The tracer is none of them, and it is skipped all the same.
        assert_eq!(config.not_tgids, [1, 2]);
        assert!(!callers.has_numbers() && callers.processes().is_empty());
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let callers = CallerOptions {
            names: vec!["name".parse().unwrap(); MAX_NAMES + 1],
            ..CallerOptions::default()
        };
        let error = callers.check().unwrap_err().to_string();
        assert!(error.starts_with("--comm was given 5 times"), "{error}");
        assert_eq!(CallerOptions::default().check(), Ok(()));
    }
}
