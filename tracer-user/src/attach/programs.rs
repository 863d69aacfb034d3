//! The programs that serve many functions: each is loaded once, when a function first needs it.

use std::{
    collections::{BTreeMap, HashMap},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use tracer_common::session::{SESSION_COOKIE, SESSION_IS_RETURN};

use super::{
    AttachError, Object, Role,
    bpf::{self, ProgramKind},
    error::last_words,
    instructions::Instructions,
};
use crate::kernel::btf::Types;

/// Programs in the kernel. They go with the last link that holds them once this is dropped.
pub struct Programs {
    instructions: Instructions,
    /// What stands for a kernel function in the object, and its type id here.
    kernel_functions: HashMap<i32, u32>,
    loaded: BTreeMap<&'static str, OwnedFd>,
}

impl Programs {
    /// None is loaded yet.
    pub fn new(object: &mut Object, types: &Types) -> Result<Self, AttachError> {
        let kernel_functions = [
            (SESSION_IS_RETURN, "bpf_session_is_return"),
            (SESSION_COOKIE, "bpf_session_cookie"),
        ];
        Ok(Self {
            instructions: Instructions::new(object.ebpf())?,
            kernel_functions: kernel_functions
                .into_iter()
                .filter_map(|(number, name)| Some((number, types.function_id(name)?)))
                .collect(),
            loaded: BTreeMap::new(),
        })
    }

    /// The program of that kind for functions of that role.
    pub fn get(&mut self, kind: ProgramKind, role: Role) -> Result<BorrowedFd<'_>, AttachError> {
        let name = role.program(kind);
        if !self.loaded.contains_key(name) {
            let instructions = self.instructions.of(name, &self.kernel_functions)?;
            let program = bpf::load(kind, name, &instructions).map_err(|refusal| {
                if refusal.error.raw_os_error() == Some(libc::EPERM) {
                    return AttachError::Forbidden;
                }
                AttachError::Program {
                    program: name,
                    reason: last_words(&refusal.log)
                        .map_or_else(|| refusal.error.to_string(), str::to_owned),
                }
            })?;
            self.loaded.insert(name, program);
        }
        let program = self.loaded.get(name).ok_or(AttachError::Missing(name))?;
        Ok(program.as_fd())
    }
}

impl Role {
    /// The object's program of that kind.
    const fn program(self, kind: ProgramKind) -> &'static str {
        match (self, kind) {
            (Self::Root, ProgramKind::EntryMulti) => "root_entry",
            (Self::Root, ProgramKind::ExitMulti) => "root_exit",
            (Self::Root, ProgramKind::Session) => "root_session",
            (Self::Callee, ProgramKind::EntryMulti) => "callee_entry",
            (Self::Callee, ProgramKind::ExitMulti) => "callee_exit",
            (Self::Callee, ProgramKind::Session) => "callee_session",
            (Self::Hidden, ProgramKind::EntryMulti) => "hidden_entry",
            (Self::Hidden, ProgramKind::ExitMulti) => "hidden_exit",
            (Self::Hidden, ProgramKind::Session) => "hidden_session",
        }
    }
}
