//! The switch that takes every probe out of the kernel's text.
//!
//! With `kernel.ftrace_enabled` at 0 all functions are patched back (ftrace_shutdown_sysctl,
//! kernel/trace/ftrace.c). Nobody is told: links stay, new ones are accepted, and nothing is
//! called, so a trace would wait forever for what it cannot see. And what is attached or let go
//! while the switch is off makes the kernel find fault with its own accounts once all probes are
//! gone the next time: a WARNING in ftrace_shutdown, after which there is no ftrace until the
//! machine is booted again (ftrace_kill; seen on 6.12). So tracer does neither then. 7.3 refuses
//! the 0 (EOPNOTSUPP) and so never reads as off.

use std::{fs, fs::File, os::unix::fs::FileExt as _};

use thiserror::Error;

use crate::exit_code::{Exit, HasExit};

/// A text file, `0` or `1`.
const SWITCH: &str = "/proc/sys/kernel/ftrace_enabled";

/// Probes are switched off.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "kernel.ftrace_enabled is 0, so the kernel runs no probe: switch them on with `sysctl \
    kernel.ftrace_enabled=1`"
)]
pub struct SwitchedOff;

impl HasExit for SwitchedOff {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Kernel)
    }
}

/// Whether the kernel runs probes at all. Where there is no such switch, it does.
pub fn check() -> Result<(), SwitchedOff> {
    match fs::read_to_string(SWITCH) {
        Ok(text) if is_off(&text) => Err(SwitchedOff),
        _ => Ok(()),
    }
}

/// The switch, for a process that may not open anything any more; none where there is no switch.
pub fn open() -> Option<File> {
    File::open(SWITCH).ok()
}

/// Whether the switch is off now. Makes one system call and allocates nothing.
pub fn is_open_off(switch: &File) -> bool {
    let mut first = [0];
    matches!(switch.read_at(&mut first, 0), Ok(1)) && first == *b"0"
}

fn is_off(text: &str) -> bool {
    text.trim() == "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_0_is_off() {
        assert!(is_off("0\n"));
        for on in ["1\n", "", "2"] {
            assert!(!is_off(on), "{on}");
        }
    }
}
