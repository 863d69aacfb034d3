//! Roots whose calls are counted in the kernel: their programs (tracer-ebpf/src/programs/count),
//! and the tables that those fill.
//!
//! The mechanisms are those of a trace, but a root costs one probe and nothing else: no ring, no
//! task table, no tracepoint. By a pair a call costs half of what it costs by an fprobe. A program
//! of a trampoline can be preempted, though, and as long as its task waits, the kernel skips that
//! program for everybody else on the CPU; what is skipped is said, see [`Skipped`].

mod constants;
mod skipped;
mod tables;

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use tracer_common::count::{ASK, Linear, Unit};

use super::{AttachError, Object, Observer, Role, decide::Range, pair, programs, session};
use crate::{
    bpf::{self, Code, End, Ends, Functions, Many, ProgramKind},
    kernel::{Kernel, Mechanism, Mechanisms},
    plan::{Planned, Reach},
};

pub use skipped::Skipped;
pub use tables::{Counted, Tables, TooLarge, Value};

/// Which calls are counted, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Calls that took at least this, ns.
    pub at_least_ns: u64,
    /// Calls that failed.
    pub failed: bool,
    /// Calls that returned such a number.
    pub returned: Option<Range>,
    /// So many and no more.
    pub limit: Option<u64>,
    /// What the histogram counts in.
    pub unit: Unit,
    /// A histogram of equal buckets beside it.
    pub linear: Option<Linear>,
}

/// A program and the link that holds it to its functions.
#[derive(Debug)]
struct Attached {
    link: OwnedFd,
    program: OwnedFd,
    ends: Ends,
}

/// The probes of all roots. Dropping it takes them away.
#[derive(Debug, Default)]
pub struct Counters {
    attached: Vec<Attached>,
    functions: usize,
}

impl Counters {
    /// How many roots have probes.
    pub const fn functions(&self) -> usize {
        self.functions
    }

    /// What the kernel has skipped since the probes were attached.
    pub fn skipped(&self) -> Skipped {
        skipped::of(&self.attached)
    }
}

/// Attaches roots.
pub struct Attacher<'a> {
    /// Its programs are taken.
    pub object: &'a Object,
    /// The running kernel.
    pub kernel: &'a Kernel,
    /// All that it has.
    pub mechanisms: Mechanisms,
    /// How roots are attached that any of them can serve.
    pub mechanism: Mechanism,
    /// Where calls are counted.
    pub tables: &'a Tables,
    /// Which.
    pub conditions: Conditions,
}

/// A root and its number.
type Root<'a> = (u64, &'a Planned);

impl Attacher<'_> {
    /// Attaches all that the kernel accepts; those that it does not are told, and the number of
    /// each is its place in the list.
    pub fn attach(
        &self,
        roots: &[Planned],
        observer: &mut dyn Observer,
    ) -> Result<Counters, AttachError> {
        let mut counters = Counters::default();
        let numbered: Vec<Root<'_>> = (0..).zip(roots).collect();
        for mechanism in Mechanism::ALL {
            let some: Vec<Root<'_>> = numbered
                .iter()
                .filter(|(_, root)| self.mechanism_of(root) == mechanism)
                .copied()
                .collect();
            let refused = self.attach_by(mechanism, &some, &mut counters, observer)?;
            self.try_by_address(mechanism, refused, &mut counters, observer)?;
        }
        self.kernel.code_has_changed();
        Ok(counters)
    }

    fn mechanism_of(&self, root: &Planned) -> Mechanism {
        match root.reach {
            Reach::Type => self.mechanism,
            Reach::Address | Reach::Shared => {
                self.mechanisms.by_address().unwrap_or(Mechanism::Pair)
            }
            Reach::Module(_) | Reach::Program => Mechanism::Pair,
        }
    }

    /// Trampolines refuse functions that never return (`noreturn_deny`, kernel/bpf/verifier.c,
    /// 6.16+). To an fprobe they are like others.
    fn try_by_address(
        &self,
        mechanism: Mechanism,
        refused: Vec<(Root<'_>, AttachError)>,
        counters: &mut Counters,
        observer: &mut dyn Observer,
    ) -> Result<(), AttachError> {
        let by_address = self
            .mechanisms
            .by_address()
            .filter(|&other| other != mechanism);
        for (root, error) in refused {
            let again = match by_address {
                Some(other) if root.1.reach == Reach::Type => {
                    self.attach_by(other, &[root], counters, observer)?
                }
                _ => vec![(root, error)],
            };
            for (_, error) in again {
                observer.refused(error)?;
            }
        }
        Ok(())
    }

    /// Gives back what the kernel does not accept.
    fn attach_by<'r>(
        &self,
        mechanism: Mechanism,
        roots: &[Root<'r>],
        counters: &mut Counters,
        observer: &mut dyn Observer,
    ) -> Result<Vec<(Root<'r>, AttachError)>, AttachError> {
        let mut refused = Vec::new();
        let at_once = match mechanism {
            Mechanism::Pair => 1,
            Mechanism::Multi | Mechanism::Kprobe | Mechanism::KprobeMulti => roots.len().max(1),
        };
        let mut waiting: Vec<&[Root<'r>]> = roots.chunks(at_once).rev().collect();
        while let Some(some) = waiting.pop() {
            if observer.is_stopped() {
                break;
            }
            match (self.attach_some(mechanism, some), some) {
                (Ok(attached), _) => {
                    counters.attached.extend(attached);
                    counters.functions += some.len();
                    let functions: Vec<&Planned> = some.iter().map(|(_, root)| *root).collect();
                    observer.attached(&functions);
                }
                (Err(error @ AttachError::Function { .. }), &[root]) => {
                    refused.push((root, error));
                }
                // The kernel says only that something is wrong: which one is found by halves.
                (Err(AttachError::Function { .. }), _) => {
                    let (first, second) = some.split_at(some.len() / 2);
                    waiting.extend([second, first]);
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// By one program for each end, or for both. That of the exits goes first: no entry is without
    /// its exit.
    fn attach_some(
        &self,
        mechanism: Mechanism,
        roots: &[Root<'_>],
    ) -> Result<Vec<Attached>, AttachError> {
        let both = |kind| vec![(ProgramKind::Many(kind), Ends::Both)];
        let kinds = match mechanism {
            Mechanism::Multi => both(Many::Trampolines),
            Mechanism::Kprobe => both(Many::Fprobe),
            Mechanism::KprobeMulti => [End::Exit, End::Entry]
                .map(|end| (ProgramKind::ManyOf(end), Ends::Only(end)))
                .into(),
            Mechanism::Pair => [End::Exit, End::Entry]
                .map(|end| (ProgramKind::One(end), Ends::Only(end)))
                .into(),
        };
        let mut attached = Vec::new();
        for (kind, ends) in kinds {
            attached.push(self.attach_program(kind, ends, roots)?);
        }
        // Dropped in order: the entries go first.
        attached.reverse();
        Ok(attached)
    }

    fn attach_program(
        &self,
        kind: ProgramKind,
        ends: Ends,
        roots: &[Root<'_>],
    ) -> Result<Attached, AttachError> {
        let name = program(kind);
        let number = match roots {
            [(number, _)] => *number,
            _ => ASK,
        };
        let mut instructions = self
            .object
            .instructions()
            .of(name, &programs::kernel_functions(&self.kernel.types))?;
        constants::put(&mut instructions, self.tables, &self.conditions, number);
        // Functions that read fields are looked at by their types, once.
        let reads_fields = constants::heeds(self.tables) != 0;
        let code = Code {
            instructions,
            functions: reads_fields
                .then(|| self.object.instructions().function_types(name))
                .flatten(),
        };
        let first = roots.first().map_or("", |(_, root)| &root.name);
        let (program, link) = match kind {
            ProgramKind::One(end) => {
                let [(_, root)] = roots else {
                    return Err(AttachError::Missing(name));
                };
                let (object, type_id) = pair::described_by(self.kernel, root)
                    .map_err(|error| AttachError::link(first, &error))?;
                let target = bpf::Target {
                    object: object.as_ref().map(|object| object.as_fd()),
                    type_id,
                };
                let program = programs::load_for(end, name, &code, target, first)?;
                let link = bpf::link_target(program.as_fd());
                (program, link)
            }
            ProgramKind::Many(_) | ProgramKind::ManyOf(_) => {
                let program = programs::load(kind, name, &code)?;
                let link = self.link(&program, kind, ends, roots);
                (program, link)
            }
        };
        let link = link.map_err(|error| AttachError::link(first, &error))?;
        Ok(Attached {
            link,
            program,
            ends,
        })
    }

    /// Each function's cookie is the number of the root.
    fn link(
        &self,
        program: &OwnedFd,
        kind: ProgramKind,
        ends: Ends,
        roots: &[Root<'_>],
    ) -> io::Result<OwnedFd> {
        let (functions, cookies): (Functions, Vec<u64>) =
            if kind == ProgramKind::Many(Many::Trampolines) {
                // One without a type has id 0, which the kernel refuses.
                let id = |root: &Planned| self.kernel.types.function_id(&root.name);
                let mut by_id: Vec<(u32, u64)> = roots
                    .iter()
                    .map(|(number, root)| (id(root).unwrap_or_default(), *number))
                    .collect();
                by_id.sort_unstable();
                let (ids, numbers) = by_id.into_iter().unzip();
                (Functions::Types(ids), numbers)
            } else {
                let (addresses, numbers): (Vec<u64>, Vec<u64>) = roots
                    .iter()
                    // The kernel looks a cookie up by where the function begins
                    // (bpf_kprobe_multi_cookie, kernel/trace/bpf_trace.c),
                    // which is not where it is patched if it begins with a landing pad.
                    .map(|(number, root)| (root.address.0, *number))
                    .unzip();
                let times = session::repetitions(self.kernel, Role::Root, roots.len());
                let addresses = addresses.repeat(times);
                (Functions::Addresses(addresses, ends), numbers.repeat(times))
            };
        bpf::link_with_cookies(program.as_fd(), &functions, &cookies)
    }
}

/// The object's program of that kind.
const fn program(kind: ProgramKind) -> &'static str {
    match kind {
        ProgramKind::Many(Many::Trampolines) => "count_session",
        ProgramKind::Many(Many::Fprobe) => "count_probe",
        ProgramKind::ManyOf(End::Entry) => "count_kentry",
        ProgramKind::ManyOf(End::Exit) => "count_kexit",
        ProgramKind::One(End::Entry) => "count_entry",
        ProgramKind::One(End::Exit) => "count_exit",
    }
}
