//! One fentry and one fexit program per function (kernels 5.15+).
//!
//! The same two program objects serve every function: load for the function, attach, take the link, unload,
//! next. The link keeps the program alive. The exit goes in first and comes out last, so an entry is never
//! counted without its exit. Cost, under emulation: some 13 ms a link to attach, up to 70 ms to let go.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use aya::{
    Btf,
    programs::{FEntry, FExit, ProgramError, ProgramFd, fentry::FEntryLink, fexit::FExitLink},
};

use super::{AttachError, Object, Role, error::last_words, object::refused};

/// The probes of one function. Dropping it takes them away, the entry first.
#[derive(Debug)]
pub struct Pair {
    // Fields are dropped in order.
    _entry: FEntryLink,
    _exit: FExitLink,
    programs: [ProgramFd; 2],
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
            Role::Nothing => ("nothing_entry", "nothing_exit"),
        };
        let explain = |error: ProgramError| explain(function, &error);
        let exit: &mut FExit = object
            .ebpf()
            .program_mut(exit_name)
            .ok_or(AttachError::Missing(exit_name))?
            .try_into()
            .map_err(explain)?;
        exit.load(function, btf).map_err(explain)?;
        let exit_program = exit.fd().map_err(explain)?.try_clone();
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
        let entry_program = entry.fd().map_err(explain)?.try_clone();
        let entry_link = entry
            .attach()
            .and_then(|link| entry.take_link(link))
            .map_err(explain);
        entry.unload().map_err(explain)?;
        let same = |program: io::Result<ProgramFd>| {
            program.map_err(|error| AttachError::link(function, &error))
        };
        Ok(Self {
            _entry: entry_link?,
            _exit: exit_link,
            programs: [same(entry_program)?, same(exit_program)?],
        })
    }

    /// The programs that serve it.
    pub(super) fn programs(&self) -> [BorrowedFd<'_>; 2] {
        self.programs.each_ref().map(AsFd::as_fd)
    }
}

fn explain(function: &str, error: &ProgramError) -> AttachError {
    if refused(error) {
        return AttachError::Forbidden;
    }
    let reason = match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => last_words(&verifier_log.to_string())
            .map_or_else(|| io_error.to_string(), str::to_owned),
        ProgramError::SyscallError(error) => error.io_error.to_string(),
        other => other.to_string(),
    };
    AttachError::Function {
        function: function.to_owned(),
        reason,
    }
}
