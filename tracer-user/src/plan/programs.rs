//! BPF programs in the graph.
//!
//! The function tracer does not see a program begin, but what it calls names it as the caller. So a
//! program that calls any traced function under a root is found, and gets probes by its own types.

use std::os::fd::AsFd as _;

use super::Reason;
use crate::{
    bpf::objects::may_tail_call,
    kernel::{Address, facts::Release, programs::program_function},
};

/// Kernels from this one on keep the count of tail calls across a trampoline: commit 2b5dcb31a19a
/// ("bpf, x64: Fix tailcall infinite loop", 6.7). Before it the trampoline of a program's inner
/// function loses the count that stands in a register, and programs that call each other in a
/// circle go on forever. Nothing that a kernel shows tells whether that was backported.
const KEEPS_TAIL_CALL_COUNT: Release = Release { major: 6, minor: 7 };

/// What becomes of BPF programs of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OthersPrograms {
    /// Those that run under a root are traced.
    #[default]
    Traced,
    /// They get no probe.
    LeftAlone,
}

/// Whether a symbol is a BPF program's, and not a trampoline's or a dispatcher's.
pub fn is_program(symbol: &str) -> bool {
    symbol.starts_with("bpf_prog_")
}

/// Whether it is one of tracer-ebpf/src/main.rs. The kernel calls them `bpf_prog_<16
/// digits>_<name>` (`bpf_get_prog_name`, kernel/bpf/core.c), and keeps 15 bytes of a name
/// (BPF_OBJ_NAME_LEN), which is all of each.
pub fn is_own(symbol: &str) -> bool {
    let name = symbol
        .strip_prefix("bpf_prog_")
        .and_then(|rest| rest.split_once('_'));
    name.is_some_and(|(_, name)| is_own_name(name))
}

/// As [`is_own`], by the name that the kernel keeps with the program.
pub fn is_own_name(name: &str) -> bool {
    const ROLES: &[&str] = &["root", "callee", "shared", "excluded", "nothing", "reserve"];
    const PARTS: &[&str] = &["entry", "exit", "session", "probe", "kentry", "kexit"];
    const TRACEPOINTS: &[&str] = &["sched_switch", "task_newtask"];
    let is_probe = name
        .split_once('_')
        .is_some_and(|(role, part)| ROLES.contains(&role) && PARTS.contains(&part));
    is_probe || TRACEPOINTS.contains(&name)
}

/// Which programs get probes on one kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgramRules {
    /// The kernel's version.
    pub(super) release: Release,
    /// What the user wants.
    pub(super) others: OthersPrograms,
}

impl ProgramRules {
    /// The name in its source of the program's function that begins at `start`, if it can have
    /// probes.
    pub(super) fn attachable(self, start: Address) -> Result<String, Reason> {
        if self.others == OthersPrograms::LeftAlone {
            return Err(Reason::OthersProgram);
        }
        let Ok(Some(function)) = program_function(start) else {
            return Err(Reason::BpfProgram);
        };
        // What cannot be asked may be so.
        let tail_calls = || may_tail_call(function.program.as_fd()).unwrap_or(true);
        if self.loses_count(function.number) && tail_calls() {
            return Err(Reason::TailCalls);
        }
        Ok(function.name)
    }

    /// Whether a probe on a program's function of this number makes it lose its count of tail
    /// calls. Where a program begins it is only about to be set.
    fn loses_count(self, number: usize) -> bool {
        number > 0 && self.release < KEEPS_TAIL_CALL_COUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_functions_keep_their_count_of_tail_calls() {
        let rules = |major, minor| ProgramRules {
            release: Release { major, minor },
            others: OthersPrograms::Traced,
        };
        assert!(rules(6, 6).loses_count(1));
        assert!(!rules(6, 6).loses_count(0));
        assert!(!rules(6, 7).loses_count(1));
    }

    #[test]
    fn programs_of_others_can_be_left_alone() {
        let rules = ProgramRules {
            release: KEEPS_TAIL_CALL_COUNT,
            others: OthersPrograms::LeftAlone,
        };
        assert_eq!(rules.attachable(Address(0)), Err(Reason::OthersProgram));
    }

    #[test]
    fn the_tracers_own_programs_are_known() {
        for own in [
            "callee_entry",
            "root_session",
            "reserve_session",
            "sched_switch",
            "task_newtask",
        ] {
            assert!(is_own(&format!("bpf_prog_0123456789abcdef_{own}")), "{own}");
        }
        for other in ["redirect_to_peer", "sched", "callee_entries", "entry"] {
            assert!(
                !is_own(&format!("bpf_prog_0123456789abcdef_{other}")),
                "{other}"
            );
        }
        assert!(!is_own("callee_entry"));
    }
}
