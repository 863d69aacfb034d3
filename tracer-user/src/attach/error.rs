//! Why a function has no probes.

use std::{fs, io};

use thiserror::Error;

use super::ObjectError;
use crate::{
    bpf::instructions::InstructionsError,
    exit_code::{Exit, HasExit},
};

/// Whether the kernel compiles BPF programs.
const JIT: &str = "/proc/sys/net/core/bpf_jit_enable";

/// Why a function has no probes.
#[derive(Debug, Error)]
pub enum AttachError {
    /// The kernel forbids tracing programs altogether.
    #[error(
        "the kernel refuses BPF tracing programs (EPERM): lockdown or a security policy forbids \
        them"
    )]
    Forbidden,
    /// No more files may be open.
    #[error(
        "tracer may not open more files (EMFILE): raise the limit, such as with `ulimit -n \
        1048576`, or trace fewer functions"
    )]
    Files,
    /// There is no memory.
    #[error(
        "the kernel has no memory for more probes (ENOMEM): trace fewer functions, as with --gentle"
    )]
    Memory,
    /// The kernel interprets BPF programs, and its trampolines run none that it has not compiled.
    #[error(
        "the kernel does not compile BPF programs, so it attaches none: it needs CONFIG_BPF_JIT, \
        and net.core.bpf_jit_enable at 1"
    )]
    NoJit,
    /// The verifier has gone through a million instructions and gives up.
    #[error(
        "the verifier of this kernel gives up on the programs that this needs (E2BIG): trace \
        without --arg and --where, which were seen to work on Linux 6.1, 6.12 and 7.3"
    )]
    TooComplex,
    /// The object lacks the program.
    #[error("the eBPF object has no program {0}")]
    Missing(&'static str),
    /// The object cannot be used.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The kernel said no to a program that serves many functions.
    #[error("the kernel does not accept the program {program}: {reason}")]
    Program {
        /// Its name.
        program: &'static str,
        /// The verifier's last words, or the error.
        reason: String,
    },
    /// The kernel said no to this event.
    #[error("the kernel does not let the event {event} be marked: {reason}; leave it out")]
    Event {
        /// Its name.
        event: String,
        /// The error.
        reason: String,
    },
    /// The kernel said no to this function.
    #[error("the kernel does not accept a probe on {function}: {reason}")]
    Function {
        /// Its name.
        function: String,
        /// The kernel's words, in one line.
        reason: String,
    },
}

impl HasExit for AttachError {
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Forbidden => Exit::NotPermitted,
            Self::Function { .. } | Self::Event { .. } => Exit::Function,
            Self::Program { .. } | Self::NoJit | Self::TooComplex => Exit::Kernel,
            Self::Files | Self::Memory | Self::Missing(_) | Self::Object(_) => Exit::Failure,
        })
    }
}

impl From<InstructionsError> for AttachError {
    fn from(error: InstructionsError) -> Self {
        Self::Object(error.into())
    }
}

impl AttachError {
    /// Whether the kernel said no to this function.
    pub(super) fn is_about(&self, name: &str) -> bool {
        matches!(self, Self::Function { function, .. } if function == name)
    }

    /// The kernel's answer to a link of this function.
    pub(super) fn link(function: &str, error: &io::Error) -> Self {
        Self::of_any(error).unwrap_or_else(|| Self::Function {
            function: function.to_owned(),
            reason: error.to_string(),
        })
    }

    /// What the kernel would answer for any other function, too.
    pub(super) fn of_any(error: &io::Error) -> Option<Self> {
        match error.raw_os_error()? {
            libc::EPERM => Some(Self::Forbidden),
            libc::EMFILE | libc::ENFILE => Some(Self::Files),
            libc::ENOMEM if compiles(fs::read_to_string(JIT)) => Some(Self::Memory),
            // Without the compiler it is what a trampoline answers (arch_alloc_bpf_trampoline,
            // kernel/bpf/trampoline.c).
            libc::ENOMEM => Some(Self::NoJit),
            // BPF_COMPLEXITY_LIMIT_INSNS (do_check, kernel/bpf/verifier.c).
            libc::E2BIG => Some(Self::TooComplex),
            _ => None,
        }
    }
}

/// Whether the kernel compiles BPF programs, by what its switch says. A kernel without the compiler
/// has no switch.
fn compiles(switch: io::Result<String>) -> bool {
    match switch {
        Ok(switch) => switch.trim() != "0",
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_any_function_would_be_told_is_not_about_one() {
        let of = |code| AttachError::link("vfs_read", &io::Error::from_raw_os_error(code));
        assert!(matches!(of(libc::EPERM), AttachError::Forbidden));
        assert!(matches!(of(libc::EMFILE), AttachError::Files));
        assert!(matches!(of(libc::ENFILE), AttachError::Files));
        assert!(matches!(
            of(libc::ENOMEM),
            AttachError::Memory | AttachError::NoJit
        ));
        assert!(matches!(of(libc::E2BIG), AttachError::TooComplex));
        assert!(of(libc::EINVAL).is_about("vfs_read"));
    }

    #[test]
    fn a_kernel_without_the_compiler_has_no_switch_or_it_is_off() {
        assert!(compiles(Ok("1\n".to_owned())));
        assert!(compiles(Ok("2\n".to_owned())));
        assert!(!compiles(Ok("0\n".to_owned())));
        assert!(!compiles(Err(io::ErrorKind::NotFound.into())));
        assert!(compiles(Err(io::ErrorKind::PermissionDenied.into())));
    }
}
