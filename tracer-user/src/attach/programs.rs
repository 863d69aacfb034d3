//! The programs in the kernel. One that serves many functions is loaded once, when a function first
//! needs it.

use std::{
    collections::{BTreeMap, HashMap},
    os::fd::OwnedFd,
    sync::Arc,
};

use tracer_common::placeholder::{FAST_CALLS, FIELDS, IS_FAST, SESSION_COOKIE, SESSION_IS_RETURN};

use super::{
    AttachError, Object, Role, Side,
    put::{put_compared, put_number},
};
use crate::{
    bpf::{self, Code, End, Many, ProgramKind, Target, instructions::Instructions},
    kernel::btf::Types,
};

/// Which of several programs that do the same. The kernel guards each apart from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy(pub usize);

/// Programs in the kernel. They go with the last link that holds them once this is dropped.
pub struct Programs {
    instructions: Instructions,
    /// What stands for a kernel function in the object, and its type id here.
    kernel_functions: HashMap<i32, u32>,
    /// Open calls above which the fast path is not taken.
    fast_calls: u64,
    loaded: BTreeMap<(&'static str, u64, Copy, Side), Arc<OwnedFd>>,
}

impl Programs {
    /// None is loaded yet.
    pub fn new(object: &Object, types: &Types) -> Self {
        Self {
            instructions: object.instructions().clone(),
            kernel_functions: kernel_functions(types),
            fast_calls: object.fast_calls(),
            loaded: BTreeMap::new(),
        }
    }

    /// The program of that kind for functions of that role, on that side.
    pub fn get(
        &mut self,
        kind: ProgramKind,
        role: Role,
        copy: Copy,
        side: Side,
    ) -> Result<Arc<OwnedFd>, AttachError> {
        let name = role.program(kind);
        let key = (name, role.heeds(), copy, side);
        if let Some(program) = self.loaded.get(&key) {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(load(kind, name, &self.code(name, role, side)?)?);
        self.loaded.insert(key, Arc::clone(&program));
        Ok(program)
    }

    /// A program of that end for one function of that role on that side, whose name is `function`.
    pub fn load_for(
        &self,
        end: End,
        role: Role,
        side: Side,
        target: Target<'_>,
        function: &str,
    ) -> Result<OwnedFd, AttachError> {
        let name = role.program(ProgramKind::One(end));
        load_for(end, name, &self.code(name, role, side)?, target, function)
    }

    /// A program with the settings of its copy. One that heeds fields takes the slow path with
    /// every call, and reads them by functions that the verifier is to look at once.
    fn code(&self, name: &'static str, role: Role, side: Side) -> Result<Code, AttachError> {
        let mut instructions = self.instructions.of(name, &self.kernel_functions)?;
        side.put_into(&mut instructions);
        let heeds = role.heeds();
        put_number(&mut instructions, FIELDS, heeds);
        let fast_calls = if heeds == 0 { self.fast_calls } else { 0 };
        put_number(&mut instructions, IS_FAST, u64::from(fast_calls > 0));
        put_compared(&mut instructions, FAST_CALLS, fast_calls);
        Ok(Code {
            instructions,
            functions: (heeds != 0)
                .then(|| self.instructions.function_types(name))
                .flatten(),
        })
    }
}

/// What stands for a kernel function in the object, and its type id here.
pub(super) fn kernel_functions(types: &Types) -> HashMap<i32, u32> {
    [
        (SESSION_IS_RETURN, "bpf_session_is_return"),
        (SESSION_COOKIE, "bpf_session_cookie"),
    ]
    .into_iter()
    .filter_map(|(number, name)| Some((number, types.function_id(name)?)))
    .collect()
}

/// Loads a program that serves any number of functions.
pub(super) fn load(
    kind: ProgramKind,
    name: &'static str,
    code: &Code,
) -> Result<OwnedFd, AttachError> {
    bpf::load(kind, name, code).map_err(|refusal| {
        AttachError::of_any(&refusal.error).unwrap_or_else(|| AttachError::Program {
            program: name,
            reason: refusal.reason(),
        })
    })
}

/// Loads a program that serves one function, whose name is `function`.
pub(super) fn load_for(
    end: End,
    name: &'static str,
    code: &Code,
    target: Target<'_>,
    function: &str,
) -> Result<OwnedFd, AttachError> {
    bpf::load_for(end, name, code, target).map_err(|refusal| {
        AttachError::of_any(&refusal.error).unwrap_or_else(|| AttachError::Function {
            function: function.to_owned(),
            reason: refusal.reason(),
        })
    })
}

impl Role {
    /// The object's program of that kind.
    const fn program(self, kind: ProgramKind) -> &'static str {
        let plain = match self {
            Self::RootWithFields => Self::Root,
            Self::CalleeWithFields => Self::Callee,
            other => other,
        };
        match (plain, kind) {
            (Self::Root, ProgramKind::Many(Many::Trampolines)) => "root_session",
            (Self::Root, ProgramKind::Many(Many::Fprobe)) => "root_probe",
            (Self::Root, ProgramKind::One(End::Entry)) => "root_entry",
            (Self::Root, ProgramKind::One(End::Exit)) => "root_exit",
            (Self::Shared, ProgramKind::Many(Many::Fprobe)) => "shared_probe",
            (Self::Callee | Self::Shared, ProgramKind::Many(Many::Trampolines)) => "callee_session",
            (Self::Callee, ProgramKind::Many(Many::Fprobe)) => "callee_probe",
            (Self::Callee | Self::Shared, ProgramKind::One(End::Entry)) => "callee_entry",
            (Self::Callee | Self::Shared, ProgramKind::One(End::Exit)) => "callee_exit",
            (Self::Excluded, ProgramKind::Many(Many::Trampolines)) => "excluded_session",
            (Self::Excluded, ProgramKind::Many(Many::Fprobe)) => "excluded_probe",
            (Self::Excluded, ProgramKind::One(End::Entry)) => "excluded_entry",
            (Self::Excluded, ProgramKind::One(End::Exit)) => "excluded_exit",
            (Self::Root, ProgramKind::ManyOf(End::Entry)) => "root_kentry",
            (Self::Root, ProgramKind::ManyOf(End::Exit)) => "root_kexit",
            (Self::Shared, ProgramKind::ManyOf(End::Entry)) => "shared_kentry",
            (Self::Shared, ProgramKind::ManyOf(End::Exit)) => "shared_kexit",
            (Self::Callee, ProgramKind::ManyOf(End::Entry)) => "callee_kentry",
            (Self::Callee, ProgramKind::ManyOf(End::Exit)) => "callee_kexit",
            (Self::Excluded, ProgramKind::ManyOf(End::Entry)) => "excluded_kentry",
            (Self::Excluded, ProgramKind::ManyOf(End::Exit)) => "excluded_kexit",
            (Self::Nothing, ProgramKind::Many(Many::Trampolines)) => "nothing_session",
            (Self::Nothing, ProgramKind::Many(Many::Fprobe))
            | (Self::Nothing | Self::Reserving, ProgramKind::ManyOf(_)) => "nothing_probe",
            (Self::Nothing, ProgramKind::One(End::Entry)) => "nothing_entry",
            (Self::Nothing, ProgramKind::One(End::Exit)) => "nothing_exit",
            (Self::Reserving, ProgramKind::Many(Many::Trampolines)) => "reserve_session",
            (Self::Reserving, ProgramKind::Many(Many::Fprobe)) => "reserve_probe",
            (Self::Reserving, ProgramKind::One(End::Entry)) => "reserve_entry",
            (Self::Reserving, ProgramKind::One(End::Exit)) => "reserve_exit",
            (Self::RootWithFields | Self::CalleeWithFields, _) => unreachable!(),
        }
    }
}
