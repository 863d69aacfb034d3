//! What must not, or cannot, be attached.
//!
//! The kernel refuses some functions, and says so. It accepts others that freeze it: what a
//! trampoline's own enter and exit code runs before its guard is settled calls itself forever when
//! it is traced (`rcu_read_unlock_special`, seen on 7.3.4). Those are computed from the running
//! kernel's text, so the rule holds on kernels that nobody has tried.

mod names;
mod reason;

use std::collections::BTreeSet;

pub(super) use names::is_shared;
use names::{
    DENIED, FPROBE, FPROBE_LEVELS, MIGRATION, OWN_HELPERS, SETTLED, TRAMPOLINE, TRAMPOLINE_LEVELS,
};
pub use reason::{Reason, Unchecked};

use super::{
    Reach,
    programs::{self, OthersPrograms, ProgramRules},
};
use crate::arch::ARGUMENT_REGISTERS;
use crate::kernel::{
    Address, Kernel, Mechanisms,
    btf::{Prototype, TrampolineLimits},
    symbols::Function,
    traceable::Traceable,
};

/// The functions of these names and what their text calls, so many levels down.
fn within(kernel: &Kernel, names: &[&str], levels: u32) -> BTreeSet<Address> {
    let roots: Vec<Address> = names
        .iter()
        .filter_map(|name| kernel.symbols.address_of(name))
        .collect();
    let called = super::closure::reachable(kernel, &roots, levels, usize::MAX);
    called.into_keys().chain(roots).collect()
}

/// All functions of these names.
fn functions(kernel: &Kernel, names: &[&str], wanted: impl Fn(&str) -> bool) -> BTreeSet<Address> {
    names
        .iter()
        .filter(|name| wanted(name))
        .flat_map(|name| kernel.symbols.functions_named(name))
        .collect()
}

/// Which calls are worth their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Worth {
    /// What costs much and says little is skipped.
    #[default]
    Usual,
    /// All that can be attached at all.
    AllCalls,
}

/// How far to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Among the kernel's functions.
    pub worth: Worth,
    /// Among BPF programs.
    pub programs: OthersPrograms,
}

/// The rules for one kernel.
pub struct Rules {
    pub(super) worth: Worth,
    programs: ProgramRules,
    /// Whether what has an address and no more can be attached.
    by_address: bool,
    limits: TrampolineLimits,
    /// What is left alone because the probes' own part of the kernel runs it.
    trampoline: BTreeSet<Address>,
    /// The same of an fprobe's part.
    fprobe: BTreeSet<Address>,
    /// The functions of [`DENIED`] that an fprobe must not have in this scope.
    denied: BTreeSet<Address>,
    own_helpers: BTreeSet<Address>,
}

impl Rules {
    /// Computes what has to be computed for a kernel that has these mechanisms.
    pub fn new(kernel: &Kernel, mechanisms: Mechanisms, scope: Scope) -> Self {
        let Scope { worth, programs } = scope;
        let mut trampoline = within(kernel, TRAMPOLINE, TRAMPOLINE_LEVELS);
        trampoline.extend(within(kernel, MIGRATION, 1));
        let mut fprobe = within(kernel, FPROBE, FPROBE_LEVELS);
        let is_kept = |address: &Address| {
            let function = kernel.symbols.function_at(*address);
            function.is_none_or(|function| !function.name.starts_with(SETTLED))
        };
        trampoline.retain(is_kept);
        fprobe.retain(is_kept);
        // Where the text cannot be read, what is known of every kernel seen so far.
        let known = [
            "rcu_read_unlock_special",
            "rcu_preempt_deferred_qs_irqrestore",
            "rcu_read_lock_any_held",
        ];
        trampoline.extend(
            known
                .iter()
                .filter_map(|name| kernel.symbols.address_of(name)),
        );
        Self {
            worth,
            programs: ProgramRules {
                release: kernel.release,
                others: programs,
            },
            by_address: mechanisms.by_address().is_some(),
            limits: TrampolineLimits::of(kernel.release),
            trampoline,
            fprobe,
            denied: functions(kernel, DENIED, |name| {
                !Reason::Denied.is_about_trampolines(name, worth)
            }),
            own_helpers: functions(kernel, OWN_HELPERS, |_| true),
        }
    }

    /// Whether what costs much and says little is traced, too.
    #[must_use]
    pub fn wants_all_calls(&self) -> bool {
        self.worth == Worth::AllCalls
    }

    /// Whether an address is all that it takes to attach a function.
    pub const fn takes_addresses(&self) -> bool {
        self.by_address
    }

    /// Whether a function may be attached by its address and no more, in a link to very many. It
    /// never says yes where [`Self::check`] says no on a kernel that has a mechanism by address,
    /// and says no to the few that are [`Reach::Shared`], which need probes of their own. Neither
    /// types nor machine code are read, so all functions of a kernel take some milliseconds.
    pub fn reachable_by_address(&self, kernel: &Kernel, address: Address) -> Result<(), Reason> {
        let Some(Traceable { function, .. }) = kernel.traceable_at(address) else {
            // BPF programs are not ftrace's.
            return Err(Reason::NotTraceable);
        };
        if self.denied.contains(&function) {
            return Err(Reason::Denied);
        }
        if self.trampoline.contains(&function) || self.fprobe.contains(&function) {
            return Err(Reason::Trampoline);
        }
        if self.own_helpers.contains(&function) {
            return Err(Reason::OwnHelper);
        }
        Ok(())
    }

    /// Whether a function can be attached, and by what.
    pub fn check(&self, kernel: &Kernel, function: &Function<'_>) -> Result<Reach, Reason> {
        match function.module {
            Some("bpf") if programs::is_own(function.name) => return Err(Reason::OwnProgram),
            Some("bpf") => return self.program(function.start).map(|_| Reach::Program),
            // One link for all, where pairs would take two links each.
            Some(_) if self.by_address && kernel.is_traceable_at(function.start) => {
                return Ok(Reach::Address);
            }
            _ => {}
        }
        match self.by_type(kernel, function) {
            Ok(()) => Ok(match function.module {
                Some(module) => Reach::Module(module.to_owned()),
                None => Reach::Type,
            }),
            Err(reason)
                if self.by_address && reason.is_about_trampolines(function.name, self.worth) =>
            {
                Ok(if is_shared(function.name) {
                    Reach::Shared
                } else {
                    Reach::Address
                })
            }
            Err(reason) => Err(reason),
        }
    }

    /// The name in its source of the BPF program's function that begins at `start`, if it can have
    /// probes, by its own types.
    pub fn program(&self, start: Address) -> Result<String, Reason> {
        self.programs.attachable(start)
    }

    /// Whether a trampoline can serve it.
    fn by_type(&self, kernel: &Kernel, function: &Function<'_>) -> Result<(), Reason> {
        let name = function.name;
        if !kernel.is_traceable_at(function.start) {
            return Err(Reason::NotTraceable);
        }
        if DENIED.contains(&name) {
            return Err(Reason::Denied);
        }
        let start = function.start;
        if self.trampoline.contains(&start) || self.by_address && self.fprobe.contains(&start) {
            return Err(Reason::Trampoline);
        }
        if OWN_HELPERS.contains(&name) {
            return Err(Reason::OwnHelper);
        }
        let Some(prototype) = kernel.prototype(function) else {
            return Err(Reason::NoType);
        };
        if !kernel.symbols.is_unique_in(name, function.module) {
            return Err(Reason::NameNotUnique);
        }
        if let Some(obstacle) = prototype.fentry_obstacle(self.limits) {
            return Err(Reason::Signature(obstacle));
        }
        is_its_own(kernel, function, &prototype)
    }
}

/// Whether a type can be the function's own. A trampoline saves as many argument registers as the
/// type says, and what a program leaves in the others is what the function gets. Where two
/// functions of one name were compiled and one of them was inlined everywhere, an older pahole
/// gives the other one's code its type (`mm_init` of 6.1: the type of the one in init/main.c, which
/// takes nothing, the text of the one in kernel/fork.c). A type that fills all registers harms
/// nobody; what cannot be held against the text is refused.
fn is_its_own(
    kernel: &Kernel,
    function: &Function<'_>,
    prototype: &Prototype,
) -> Result<(), Reason> {
    let words: u32 = prototype
        .parameters
        .iter()
        .map(|parameter| parameter.size.div_ceil(8))
        .sum();
    if words >= ARGUMENT_REGISTERS {
        return Ok(());
    }
    let read = kernel
        .text
        .as_ref()
        .and_then(|text| text.arguments_read(&kernel.symbols, function).ok());
    match read {
        None => Err(Reason::TypeUnchecked(Unchecked::NoText)),
        Some(None) => Err(Reason::TypeUnchecked(Unchecked::Changed)),
        Some(Some(read)) if read > words as usize => Err(Reason::TypeOfAnother),
        Some(Some(_)) => Ok(()),
    }
}
