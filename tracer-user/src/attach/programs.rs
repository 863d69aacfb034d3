//! The programs that serve many functions: each is loaded once, when a function first needs it.

use std::{
    collections::{BTreeMap, HashMap},
    os::fd::OwnedFd,
    sync::Arc,
};

use tracer_common::stand_in::{SESSION_COOKIE, SESSION_IS_RETURN};

use super::{
    AttachError, Object, Role,
    bpf::{self, ProgramKind},
    error::last_words,
    instructions::Instructions,
};
use crate::kernel::btf::Types;

/// Which of several programs that do the same. The kernel guards each apart from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy(pub usize);

/// Programs in the kernel. They go with the last link that holds them once this is dropped.
pub struct Programs {
    instructions: Instructions,
    /// What stands for a kernel function in the object, and its type id here.
    kernel_functions: HashMap<i32, u32>,
    loaded: BTreeMap<(&'static str, Copy), Arc<OwnedFd>>,
}

impl Programs {
    /// None is loaded yet.
    pub fn new(object: &Object, types: &Types) -> Self {
        let kernel_functions = [
            (SESSION_IS_RETURN, "bpf_session_is_return"),
            (SESSION_COOKIE, "bpf_session_cookie"),
        ];
        Self {
            instructions: object.instructions().clone(),
            kernel_functions: kernel_functions
                .into_iter()
                .filter_map(|(number, name)| Some((number, types.function_id(name)?)))
                .collect(),
            loaded: BTreeMap::new(),
        }
    }

    /// The program of that kind for functions of that role.
    pub fn get(
        &mut self,
        kind: ProgramKind,
        role: Role,
        copy: Copy,
    ) -> Result<Arc<OwnedFd>, AttachError> {
        let name = role.program(kind);
        if let Some(program) = self.loaded.get(&(name, copy)) {
            return Ok(Arc::clone(program));
        }
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
        let program = Arc::new(program);
        self.loaded.insert((name, copy), Arc::clone(&program));
        Ok(program)
    }
}

impl Role {
    /// The object's program of that kind.
    const fn program(self, kind: ProgramKind) -> &'static str {
        match (self, kind) {
            (Self::Root, ProgramKind::Trampolines) => "root_session",
            (Self::Root, ProgramKind::Fprobe) => "root_probe",
            (Self::Callee, ProgramKind::Trampolines) => "callee_session",
            (Self::Callee, ProgramKind::Fprobe) => "callee_probe",
            (Self::Hidden, ProgramKind::Trampolines) => "hidden_session",
            (Self::Hidden, ProgramKind::Fprobe) => "hidden_probe",
            (Self::Nothing, ProgramKind::Trampolines) => "nothing_session",
            (Self::Nothing, ProgramKind::Fprobe) => "nothing_probe",
        }
    }
}
