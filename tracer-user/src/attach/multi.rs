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
    programs::Programs,
};
use crate::{kernel::btf::Types, plan::Planned};

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
    let mut waiting: Vec<Typed<'_>> = with_id.collect::<BTreeSet<_>>().into_iter().collect();
    let mut probes = Vec::new();
    // What the kernel accepts at the exit but not at the entry must not stay with an exit alone: then once more without it.
    while !waiting.is_empty() && !observer.is_stopped() {
        let exits = links(
            programs,
            &waiting,
            ProgramKind::ExitMulti,
            role,
            &mut |error| observer.refused(error),
        )?;
        let mut again = Vec::new();
        for (exit, with_exit) in exits {
            let mut refused = Vec::new();
            let entries = links(
                programs,
                with_exit,
                ProgramKind::EntryMulti,
                role,
                &mut |error| {
                    refused.push(error);
                    Ok(())
                },
            )?;
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
                    refused
                        .into_iter()
                        .try_for_each(|error| observer.refused(error))?;
                }
            }
        }
        waiting = again;
        waiting.sort_unstable();
    }
    Ok(probes)
}

/// Links of one kind to those that the kernel accepts.
fn links<'a, 'b>(
    programs: &mut Programs,
    functions: &'b [Typed<'a>],
    kind: ProgramKind,
    role: Role,
    refused: &mut dyn FnMut(AttachError) -> Result<(), AttachError>,
) -> Result<Vec<(OwnedFd, &'b [Typed<'a>])>, AttachError> {
    let program = programs.get(kind, role)?;
    many::link(
        functions,
        &mut |some| {
            let ids: Vec<u32> = some.iter().map(|function| function.id).collect();
            bpf::link_multi(program, kind, &ids)
        },
        &mut |function, error: io::Error| refused(AttachError::link(function.name, &error)),
    )
}
