//! One fentry and one fexit program per function (kernels 5.15+).
//!
//! The same two program objects serve every function: load for the function, attach, take the link, unload,
//! next. The link keeps the program alive. The exit goes in first and comes out last, so an entry is never
//! counted without its exit. Cost, under emulation: some 13 ms a link to attach, up to 70 ms to let go.

use aya::{
    Btf,
    programs::{FEntry, FExit, ProgramError, fentry::FEntryLink, fexit::FExitLink},
};
use thiserror::Error;

use super::object::{Object, refused};

/// What its probes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opens root calls.
    Root,
    /// It is recorded inside root calls only.
    Callee,
    /// It is not recorded, and nothing below it is.
    Hidden,
}

/// Why a function has no probes.
#[derive(Debug, Error)]
pub enum AttachError {
    /// The kernel forbids tracing programs altogether.
    #[error(
        "the kernel refuses BPF tracing programs (EPERM): lockdown or a security policy forbids them"
    )]
    Forbidden,
    /// The object lacks the program.
    #[error("the eBPF object has no program {0}")]
    Missing(&'static str),
    /// The kernel said no to this function.
    #[error("the kernel does not accept a probe on {function}: {reason}")]
    Function {
        /// Its name.
        function: String,
        /// The kernel's words, in one line.
        reason: String,
        #[source]
        /// The whole error.
        source: Box<ProgramError>,
    },
}

/// The probes of one function. Dropping it takes them away, the entry first.
#[derive(Debug)]
pub struct Pair {
    // Fields are dropped in order.
    _entry: FEntryLink,
    _exit: FExitLink,
}

impl Pair {
    /// Attaches both probes to `function`.
    pub fn attach(
        object: &mut Object,
        btf: &Btf,
        function: &str,
        role: Role,
    ) -> Result<Self, AttachError> {
        let (entry_name, exit_name) = match role {
            Role::Root => ("root_entry", "root_exit"),
            Role::Callee => ("callee_entry", "callee_exit"),
            Role::Hidden => ("hidden_entry", "hidden_exit"),
        };
        let explain = |error| explain(function, error);
        let exit: &mut FExit = object
            .ebpf()
            .program_mut(exit_name)
            .ok_or(AttachError::Missing(exit_name))?
            .try_into()
            .map_err(explain)?;
        exit.load(function, btf).map_err(explain)?;
        let exit_link = exit
            .attach()
            .and_then(|link| exit.take_link(link))
            .map_err(explain);
        exit.unload().map_err(explain)?;
        let exit_link = exit_link?;
        let entry: &mut FEntry = object
            .ebpf()
            .program_mut(entry_name)
            .ok_or(AttachError::Missing(entry_name))?
            .try_into()
            .map_err(explain)?;
        entry.load(function, btf).map_err(explain)?;
        let entry_link = entry
            .attach()
            .and_then(|link| entry.take_link(link))
            .map_err(explain);
        entry.unload().map_err(explain)?;
        Ok(Self {
            _entry: entry_link?,
            _exit: exit_link,
        })
    }
}

/// What the verifier adds behind its reason (print_verification_stats, kernel/bpf/verifier.c).
fn is_statistics(line: &str) -> bool {
    [
        "processed ",
        "verification time ",
        "stack depth ",
        "subprog ",
    ]
    .iter()
    .any(|beginning| line.starts_with(beginning))
}

fn explain(function: &str, error: ProgramError) -> AttachError {
    if refused(&error) {
        return AttachError::Forbidden;
    }
    let reason = match &error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => verifier_log
            .to_string()
            .lines()
            .rfind(|line| !line.trim().is_empty() && !is_statistics(line))
            .map_or_else(|| io_error.to_string(), |line| line.trim().to_owned()),
        ProgramError::SyscallError(error) => error.io_error.to_string(),
        other => other.to_string(),
    };
    AttachError::Function {
        function: function.to_owned(),
        reason,
        source: Box::new(error),
    }
}
