//! One program for both ends of many functions: fsession.multi and kprobe.session.
//!
//! A trace is attached and gone in a moment, however many functions it has. By trampolines (7.2+) a
//! call costs what it costs with a pair. By an fprobe (6.10+, CONFIG_FPROBE) a call in a root costs
//! half as much again, but a function is found by its address, so it needs no type and no name of
//! its own.
//!
//! The kernel skips a program that is hit again on the same CPU while it runs, and with it both
//! ends of what an interrupt in the middle of it calls. Trampolines are guarded program by program,
//! so their functions are dealt out to several ([`COPIES`]), and most of what such an interrupt
//! calls is seen. All fprobes of a CPU have one guard (`bpf_prog_active`,
//! kernel/trace/bpf_trace.c).

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
};

use super::{
    AttachError, Observer, Role, Side, buckets, many,
    programs::{Copy, Programs},
};
use crate::{
    bpf::{self, End, Ends, Functions, Many, ProgramKind},
    kernel::Kernel,
    plan::Planned,
};

/// Calls that may be open at once in the functions of an fprobe's link, at least: of roots one in
/// each of the tasks that may be inside one.
const OPEN_ROOTS: usize = 1 << 16;
/// As [`OPEN_ROOTS`], below them: a thousand tasks with some calls each.
const OPEN_CALLS: usize = 1 << 14;

/// How many programs the trampolines of a role share. Each costs 0.2 s under emulation, its link
/// included.
const COPIES: usize = 4;

/// A program or a link, and the ends that it is for.
type Linked<T> = (T, Ends);

/// The probes of many functions. Dropping it takes them away.
#[derive(Debug)]
pub struct Session {
    // Dropped in order: where each end has a link, that of the entries goes first.
    links: Vec<Linked<OwnedFd>>,
    programs: Vec<Linked<Arc<OwnedFd>>>,
    functions: usize,
}

impl Session {
    /// How many functions have these probes.
    pub const fn functions(&self) -> usize {
        self.functions
    }

    /// The programs that serve them.
    pub(super) fn programs(&self) -> impl Iterator<Item = (BorrowedFd<'_>, End)> {
        let programs = self.programs.iter();
        programs.map(|(program, ends)| (program.as_fd(), first(*ends)))
    }

    /// What links them to their functions.
    pub(super) fn links(&self) -> impl Iterator<Item = (BorrowedFd<'_>, End)> {
        let links = self.links.iter();
        links.map(|(link, ends)| (link.as_fd(), first(*ends)))
    }
}

/// The end that comes first.
const fn first(ends: Ends) -> End {
    match ends {
        Ends::Both => End::Entry,
        Ends::Only(end) => end,
    }
}

/// How many functions are attached at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkShape {
    /// By one program for both ends.
    Session(Many),
    /// By fprobes, with a program and a link for each end.
    EndByEnd,
}

impl LinkShape {
    /// The programs and what they are linked to, that of the exits first: an entry is never
    /// recorded without its exit in place.
    const fn programs(self) -> &'static [(ProgramKind, Ends)] {
        match self {
            Self::Session(Many::Trampolines) => {
                &[(ProgramKind::Many(Many::Trampolines), Ends::Both)]
            }
            Self::Session(Many::Fprobe) => &[(ProgramKind::Many(Many::Fprobe), Ends::Both)],
            Self::EndByEnd => &[
                (ProgramKind::ManyOf(End::Exit), Ends::Only(End::Exit)),
                (ProgramKind::ManyOf(End::Entry), Ends::Only(End::Entry)),
            ],
        }
    }

    const fn copies(self) -> usize {
        match self {
            Self::Session(Many::Trampolines) => COPIES,
            Self::Session(Many::Fprobe) | Self::EndByEnd => 1,
        }
    }
}

/// Attaches probes to each of `functions` that the kernel accepts.
pub fn attach(
    programs: &mut Programs,
    kernel: &Kernel,
    mechanism: LinkShape,
    functions: &[&Planned],
    (role, side): (Role, Side),
    observer: &mut dyn Observer,
) -> Result<Vec<Session>, AttachError> {
    let copies = mechanism.copies();
    let mut sessions = Vec::new();
    for copy in 0..copies {
        let own: Vec<&Planned> = functions
            .iter()
            .skip(copy)
            .step_by(copies)
            .copied()
            .collect();
        if own.is_empty() || observer.is_stopped() {
            break;
        }
        let mut loaded = Vec::new();
        for &(kind, ends) in mechanism.programs() {
            loaded.push((programs.get(kind, role, Copy(copy), side)?, ends));
        }
        let links = many::link(
            &own,
            &mut |some| link_all(&loaded, mechanism, kernel, role, some),
            |error| AttachError::of_any(error).is_some(),
            &mut |function, error: io::Error| {
                observer.refused(AttachError::link(&function.name, &error))
            },
        )?;
        for (links, functions) in links {
            observer.attached(functions);
            sessions.push(Session {
                links,
                programs: loaded.clone(),
                functions: functions.len(),
            });
        }
    }
    Ok(sessions)
}

/// The links of all programs, in the order in which they are to go.
fn link_all(
    programs: &[Linked<Arc<OwnedFd>>],
    mechanism: LinkShape,
    kernel: &Kernel,
    role: Role,
    functions: &[&Planned],
) -> io::Result<Vec<Linked<OwnedFd>>> {
    let mut links = Vec::with_capacity(programs.len());
    for (program, ends) in programs {
        let functions = named(mechanism, *ends, kernel, role, functions);
        links.push((bpf::link(program.as_fd(), &functions)?, *ends));
    }
    links.reverse();
    Ok(links)
}

fn named(
    mechanism: LinkShape,
    ends: Ends,
    kernel: &Kernel,
    role: Role,
    functions: &[&Planned],
) -> Functions {
    match mechanism {
        LinkShape::Session(Many::Trampolines) => {
            // One without a type has id 0, which the kernel refuses.
            let id =
                |function: &&Planned| kernel.types.function_id(&function.name).unwrap_or_default();
            let mut ids: Vec<u32> = functions.iter().map(id).collect();
            ids.sort_unstable();
            Functions::Types(ids)
        }
        LinkShape::Session(Many::Fprobe) | LinkShape::EndByEnd => {
            let addresses = addresses(kernel, functions);
            let addresses = addresses.repeat(repetitions(kernel, role, functions.len()));
            Functions::Addresses(addresses, ends)
        }
    }
}

/// Where the functions are patched: the kernel takes that as it is, and looks for it otherwise.
fn addresses(kernel: &Kernel, functions: &[&Planned]) -> Vec<u64> {
    let patched = |function: &&Planned| {
        let known = kernel.traceable_at(function.address);
        known.map_or(function.address.0, |traceable| traceable.address.0)
    };
    let mut addresses: Vec<u64> = functions.iter().map(patched).collect();
    buckets::order(kernel, &mut addresses);
    addresses
}

/// Kernel memory that probes on so many functions take for calls that are open, bytes: nothing
/// where every task has room of its own. Up to 6.13 it goes with the CPUs, and from 6.7 on with
/// their square: each CPU's part of the pool has a place for every object (objpool_init,
/// lib/objpool.c).
#[must_use]
pub fn memory(kernel: &Kernel, functions: usize) -> u64 {
    /// An object with its data (struct fprobe_rethook_node), and a place in a pool.
    const OBJECT: u64 = 96;
    const PLACE: u64 = 8;
    if !has_shared_room(kernel) {
        return 0;
    }
    let cpus = u64::from(kernel.possible_cpus);
    let objects = 2 * functions as u64 * cpus;
    let places = match kernel.symbols.address_of("objpool_init") {
        Some(_) => objects.next_power_of_two() * cpus,
        None => 0,
    };
    objects * OBJECT + places * PLACE
}

/// Whether calls that are open share what room an fprobe was given.
fn has_shared_room(kernel: &Kernel) -> bool {
    kernel.symbols.address_of("fprobe_exit_handler").is_some()
}

/// How often each address is named. Up to 6.13 an fprobe has room for two open calls for each CPU
/// and address that it is given, whichever functions they are in, and skips what finds none
/// (fprobe_init_rethook, kernel/trace/fprobe.c): four sleeping tasks would be all that a root on
/// two CPUs has room for. Naming an address again attaches nothing more (seen on 6.12). Later every
/// task has room of its own.
pub(super) fn repetitions(kernel: &Kernel, role: Role, functions: usize) -> usize {
    let wanted = match role {
        role if role.is_root() => OPEN_ROOTS,
        _ => OPEN_CALLS,
    };
    let room = 2 * functions * kernel.possible_cpus as usize;
    if has_shared_room(kernel) && room > 0 {
        wanted.div_ceil(room)
    } else {
        1
    }
}
