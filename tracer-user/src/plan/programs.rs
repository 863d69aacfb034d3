//! BPF programs in the graph.
//!
//! The function tracer does not see a program begin, but what it calls names it as the caller. So a program that calls any traced function
//! under a root is found, and gets probes by its own types.

use super::Reason;
use crate::kernel::{Address, objects};

/// Whether a symbol is a BPF program's, and not a trampoline's or a dispatcher's.
pub fn is_program(symbol: &str) -> bool {
    symbol.starts_with("bpf_prog_")
}

/// Whether it is one of tracer-ebpf/src/main.rs. The kernel calls them `bpf_prog_<16 digits>_<name>` (`bpf_get_prog_name`,
/// kernel/bpf/core.c), and keeps 15 bytes of a name (BPF_OBJ_NAME_LEN), which is all of each.
pub fn is_own(symbol: &str) -> bool {
    let name = symbol
        .strip_prefix("bpf_prog_")
        .and_then(|rest| rest.split_once('_'));
    name.is_some_and(|(_, name)| is_own_name(name))
}

/// As [`is_own`], by the name that the kernel keeps with the program.
pub fn is_own_name(name: &str) -> bool {
    const ROLES: &[&str] = &["root", "callee", "shared", "hidden", "nothing", "reserve"];
    const PARTS: &[&str] = &["entry", "exit", "session", "probe", "kentry", "kexit"];
    const TRACEPOINTS: &[&str] = &["sched_switch", "task_newtask"];
    let is_probe = name
        .split_once('_')
        .is_some_and(|(role, part)| ROLES.contains(&role) && PARTS.contains(&part));
    is_probe || TRACEPOINTS.contains(&name)
}

/// The name in its source of the program's function that begins at `start`, if it can have probes.
pub fn attachable(start: Address) -> Result<String, Reason> {
    match objects::program_function(start) {
        Ok(Some(function)) => Ok(function.name),
        _ => Err(Reason::BpfProgram),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
