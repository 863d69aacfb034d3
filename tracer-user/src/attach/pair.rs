//! One fentry and one fexit program per function (kernels 5.17+).
//!
//! Each function has two programs and two links of its own, which keep the programs alive. The exit
//! goes in first and comes out last, so an entry is never counted without its exit. Cost, under
//! emulation on 6.1: 0.1 to 0.2 s a function, three quarters of it to load the two programs, in
//! which the verifier goes through 6,300 instructions; 0.12 to 0.14 s to let go up to kernel 7.0.
//!
//! Programs can be loaded before they are linked. While an fprobe is on the same function, a call
//! of it goes through all of the kernel's users of the function tracer, and each pair is one
//! (arch_ftrace_ops_list_func, kernel/trace/ftrace.c): with some 200 of them a send took 1.4
//! million instructions instead of 0.3 (6.18). So that time is to be short.
//!
//! This is the one way that reaches into modules and BPF programs by their own types.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use super::{AttachError, Object, Role, Side, programs::Programs};
use crate::{
    bpf::{self, End, Target, objects::module_types},
    kernel::{Kernel, btf::Types, mechanism::TEST_FUNCTION, programs::program_function},
    plan::{Planned, Reach},
};

/// The probes of one function. Dropping it takes them away, the entry first.
#[derive(Debug)]
pub struct Pair {
    // Fields are dropped in order.
    entry: Half,
    exit: Half,
}

#[derive(Debug)]
struct Half {
    _link: OwnedFd,
    program: OwnedFd,
}

impl Pair {
    /// The programs that serve it.
    pub(super) fn programs(&self) -> [(BorrowedFd<'_>, End); 2] {
        [
            (self.entry.program.as_fd(), End::Entry),
            (self.exit.program.as_fd(), End::Exit),
        ]
    }
}

/// The programs of a pair, which run nowhere yet.
#[derive(Debug)]
pub struct Loaded {
    function: String,
    entry: OwnedFd,
    exit: OwnedFd,
}

impl Loaded {
    /// Loads both programs for `function`.
    pub(super) fn load(
        programs: &Programs,
        kernel: &Kernel,
        function: &Planned,
        role: Role,
        side: Side,
    ) -> Result<Self, AttachError> {
        let name = &function.name;
        let (object, type_id) =
            described_by(kernel, function).map_err(|error| AttachError::link(name, &error))?;
        let target = Target {
            object: object.as_ref().map(|object| object.as_fd()),
            type_id,
        };
        Self::load_for(programs, target, name, role, side)
    }

    fn load_for(
        programs: &Programs,
        target: Target<'_>,
        name: &str,
        role: Role,
        side: Side,
    ) -> Result<Self, AttachError> {
        Ok(Self {
            function: name.to_owned(),
            exit: programs.load_for(End::Exit, role, side, target, name)?,
            entry: programs.load_for(End::Entry, role, side, target, name)?,
        })
    }

    /// Attaches them, the exit first.
    pub fn link(self) -> Result<Pair, AttachError> {
        let attach = |program: OwnedFd| -> Result<Half, AttachError> {
            let link = bpf::link_target(program.as_fd());
            Ok(Half {
                _link: link.map_err(|error| AttachError::link(&self.function, &error))?,
                program,
            })
        };
        let exit = attach(self.exit)?;
        Ok(Pair {
            entry: attach(self.entry)?,
            exit,
        })
    }
}

/// Does what a trace does, with a function that nobody calls.
pub fn try_out(object: &Object, types: &Types) -> Result<(), AttachError> {
    let target = Target::of_kernel(types.function_id(TEST_FUNCTION).unwrap_or_default());
    let programs = Programs::new(object, types);
    let side = Side::default();
    Loaded::load_for(&programs, target, TEST_FUNCTION, Role::Root, side)?
        .link()
        .map(drop)
}

/// What describes a function if it is none of the kernel's own, and its type id there.
pub(super) fn described_by(
    kernel: &Kernel,
    function: &Planned,
) -> io::Result<(Option<OwnedFd>, u32)> {
    let gone = || io::Error::other("what it belongs to is no longer there");
    match &function.reach {
        Reach::Program => {
            let found = program_function(function.address)?.ok_or_else(gone)?;
            if !kernel.remember(function.address) {
                return Err(io::Error::other(
                    "events cannot tell it from another function, whose address ends as its does",
                ));
            }
            Ok((Some(found.program), found.type_id))
        }
        Reach::Module(module) => {
            let object = module_types(module)?.ok_or_else(gone)?;
            let types = kernel.module_types(module).ok_or_else(gone)?;
            // One without a type has id 0, which the kernel refuses.
            let symbol = kernel.symbols.function_at(function.address);
            let type_id = symbol.and_then(|symbol| types.function_id(symbol.name));
            Ok((Some(object), type_id.unwrap_or_default()))
        }
        Reach::Type | Reach::Address | Reach::Shared => {
            let type_id = kernel.types.function_id(&function.name);
            Ok((None, type_id.unwrap_or_default()))
        }
    }
}
