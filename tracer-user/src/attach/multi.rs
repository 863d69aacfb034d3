//! Links of trampolines to many functions at once (BPF_TRACE_FENTRY_MULTI and BPF_TRACE_FEXIT_MULTI, kernels 7.2+).
//!
//! A trace is attached in a moment, and a call costs what it costs with a pair. The exits go in first and come out last, so an
//! entry is never counted without its exit. All functions of a role share two programs, and the kernel skips a program that is hit
//! again on the same CPU while it runs: that is what an interrupt in the middle of a probe finds.

use std::{collections::BTreeSet, io, os::fd::OwnedFd};

use super::{
    AttachError, Observer, Probe, Role,
    bpf::{self, ProgramKind},
    many,
    programs::{Copy, Programs},
};
use crate::{kernel::btf::Types, plan::Planned};

/// How many programs the functions of a role share.
const COPIES: usize = 16;

/// The probes of many functions. Dropping it takes them away, the entries first.
#[derive(Debug)]
pub struct Multi {
    // Fields are dropped in order.
    _entry: OwnedFd,
    _exit: OwnedFd,
    functions: usize,
}

impl Multi {
    /// How many functions have these probes.
    pub const fn functions(&self) -> usize {
        self.functions
    }
}

/// A function and its type id, by which the kernel finds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Typed<'a> {
    id: u32,
    name: &'a str,
}

/// Attaches both probes to each of `functions` that the kernel accepts.
pub fn attach(
    programs: &mut Programs,
    types: &Types,
    functions: &[&Planned],
    role: Role,
    observer: &mut dyn Observer,
) -> Result<Vec<Probe>, AttachError> {
    let with_id = functions.iter().filter_map(|function| {
        let id = types.function_id(&function.name)?;
        let name = function.name.as_str();
        Some(Typed { id, name })
    });
    // The kernel wants them sorted.
    let all: BTreeSet<Typed<'_>> = with_id.collect();
    let mut probes = Vec::new();
    for copy in 0..COPIES {
        let own = all.iter().skip(copy).step_by(COPIES).copied().collect();
        let programs = Shared {
            programs,
            role,
            copy: Copy(copy),
        };
        probes.extend(attach_all(programs, own, observer)?);
    }
    Ok(probes)
}

/// The programs of one role that some functions share.
struct Shared<'a> {
    programs: &'a mut Programs,
    role: Role,
    copy: Copy,
}

/// Attaches them; what the kernel accepts at the exit but not at the entry must not stay with an exit alone, so then the others go once more without it.
fn attach_all(
    mut shared: Shared<'_>,
    mut waiting: Vec<Typed<'_>>,
    observer: &mut dyn Observer,
) -> Result<Vec<Probe>, AttachError> {
    let mut probes = Vec::new();
    while !waiting.is_empty() && !observer.is_stopped() {
        let mut again = Vec::new();
        let exits = shared.links(&waiting, ProgramKind::ExitMulti, &mut |error| {
            observer.refused(error)
        })?;
        for (exit, with_exit) in exits {
            let mut refused = Vec::new();
            let entries = shared.links(with_exit, ProgramKind::EntryMulti, &mut |error| {
                refused.push(error);
                Ok(())
            })?;
            match (<[_; 1]>::try_from(entries), refused.is_empty()) {
                (Ok([(entry, both)]), true) => {
                    observer.attached(both.len());
                    probes.push(Probe::Multi(Multi {
                        _entry: entry,
                        _exit: exit,
                        functions: both.len(),
                    }));
                }
                (entries, _) => {
                    let entries = entries.map_or_else(|all| all, Vec::from);
                    again.extend(entries.iter().flat_map(|(_, some)| some.iter().copied()));
                    for error in refused {
                        observer.refused(error)?;
                    }
                }
            }
        }
        again.sort_unstable();
        waiting = again;
    }
    Ok(probes)
}

impl Shared<'_> {
    /// Links of one kind to those that the kernel accepts.
    fn links<'a, 'b>(
        &mut self,
        functions: &'b [Typed<'a>],
        kind: ProgramKind,
        refused: &mut dyn FnMut(AttachError) -> Result<(), AttachError>,
    ) -> Result<Vec<(OwnedFd, &'b [Typed<'a>])>, AttachError> {
        let program = self.programs.get(kind, self.role, self.copy)?;
        many::link(
            functions,
            &mut |some| {
                let ids: Vec<u32> = some.iter().map(|function| function.id).collect();
                bpf::link_multi(program, kind, &ids)
            },
            &mut |function, error: io::Error| refused(AttachError::link(function.name, &error)),
        )
    }
}
