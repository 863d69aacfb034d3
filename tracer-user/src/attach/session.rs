//! Links of kprobe.session to many functions at once (BPF_TRACE_KPROBE_SESSION, kernels 6.10+ with CONFIG_FPROBE).
//!
//! A function is found by its address, so it needs no type and no name of its own. One program runs at the entry and at
//! the exit, and a call that is not in a root costs no exit. A call in a root costs two to three times what a trampoline costs (docs/kernels.md).
//! The kernel runs one such program at a time on a CPU (`bpf_prog_active`, kernel/trace/bpf_trace.c): what an interrupt in the middle of a probe
//! calls is skipped, entry and exit alike.

use std::{io, os::fd::OwnedFd};

use super::{
    AttachError, Observer, Probe, Role,
    bpf::{self, ProgramKind},
    many,
    programs::{Copy, Programs},
};
use crate::plan::Planned;

/// The probes of many functions. Dropping it takes them away.
#[derive(Debug)]
pub struct Session {
    _link: OwnedFd,
    functions: usize,
}

impl Session {
    /// How many functions have these probes.
    pub const fn functions(&self) -> usize {
        self.functions
    }
}

/// Attaches a probe to each of `functions` that the kernel accepts.
pub fn attach(
    programs: &mut Programs,
    functions: &[&Planned],
    role: Role,
    observer: &mut dyn Observer,
) -> Result<Vec<Probe>, AttachError> {
    let program = programs.get(ProgramKind::Session, role, Copy::default())?;
    let links = many::link(
        functions,
        &mut |some| {
            let addresses: Vec<u64> = some.iter().map(|function| function.address.0).collect();
            bpf::link_session(program, &addresses)
        },
        &mut |function, error: io::Error| {
            observer.refused(AttachError::link(&function.name, &error))
        },
    )?;
    let probes = links.into_iter().map(|(link, functions)| {
        observer.attached(functions.len());
        Probe::Session(Session {
            _link: link,
            functions: functions.len(),
        })
    });
    Ok(probes.collect())
}
