//! What must not, or cannot, be attached.
//!
//! The kernel refuses some functions, and says so. It accepts others that freeze it: what a
//! trampoline's own enter and exit code runs before its guard is settled calls itself for ever when
//! it is traced (`rcu_read_unlock_special`, seen on 7.3.4). Those are computed from the running
//! kernel's text, so the rule holds on kernels that nobody has tried.

use std::{collections::BTreeSet, fmt};

use tracer_common::MAX_ARGUMENTS;

use super::{
    Reach,
    programs::{self, OthersPrograms, ProgramRules},
};
use crate::{
    attach::Ways,
    kernel::{
        Address, Kernel,
        btf::{Obstacle, Prototype, TrampolineLimits},
        symbols::Function,
        traceable::Traceable,
    },
};

/// Why a function is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The kernel's tracing does not reach it.
    NotTraceable,
    /// It has no type information: the compiler made it from another function.
    NoType,
    /// Several functions have its name, and only a name tells them apart.
    NameNotUnique,
    /// Its text takes more arguments than its type has.
    TypeOfAnother,
    /// Nobody can tell whether its type is its own.
    TypeUnchecked(Unchecked),
    /// The kernel never lets BPF attach to it.
    Denied,
    /// Its signature does not fit a trampoline.
    Signature(Obstacle),
    /// The trampoline runs it itself, outside its guard.
    Trampoline,
    /// The probes run it themselves.
    OwnHelper,
    /// It is a BPF program that nothing is known of.
    BpfProgram,
    /// It is an inner function of a BPF program with tail calls, which the kernel does not count
    /// across a trampoline.
    TailCalls,
    /// It is a BPF program, and those are to be left alone.
    OthersProgram,
    /// It is one of the tracer's own.
    OwnProgram,
}

/// Why a function's type cannot be held against its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// The text cannot be read.
    NoText,
    /// Others have changed it.
    Changed,
}

impl Reason {
    /// Whether it stands in the way of trampolines only, which find a function by its type and run
    /// some functions themselves. An fprobe guards each of its own calls
    /// (ftrace_test_recursion_trylock, include/linux/trace_recursion.h). But it takes the RCU read
    /// lock, too: with that among the functions a trace costs several times as much, so it has to
    /// be asked for.
    fn is_about_trampolines(&self, function: &str, worth: Worth) -> bool {
        match self {
            Self::NoType
            | Self::NameNotUnique
            | Self::TypeOfAnother
            | Self::TypeUnchecked(_)
            | Self::Signature(_) => true,
            Self::Denied => worth == Worth::AllCalls || MIGRATION.contains(&function),
            _ => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTraceable => "the kernel marks it notrace or noinstr",
            Self::NoType => {
                "no BTF: the compiler made it from another function (.isra, .constprop, .part)"
            }
            Self::NameNotUnique => "several functions have this name",
            Self::TypeOfAnother => {
                "its text takes more arguments than its BTF says, which is another function's: \
                attaching could crash the machine"
            }
            Self::TypeUnchecked(Unchecked::NoText) => {
                "for safety: without the kernel's text (/proc/kcore) nobody can tell whether its \
                BTF is its own, and attaching \
                 by another function's could crash the machine"
            }
            Self::TypeUnchecked(Unchecked::Changed) => {
                "for safety: another probe has changed its beginning, which would show whether its \
                BTF is its own, and \
                 attaching by another function's could crash the machine"
            }
            Self::Denied => "on the kernel's own deny list for BPF",
            Self::Signature(obstacle) => return obstacle.fmt(f),
            Self::Trampoline => {
                "the probes' own part of the kernel runs it outside its guard: attaching could \
                freeze the machine"
            }
            Self::OwnHelper => "the probes run it themselves",
            Self::BpfProgram => "a BPF program without types, or one that is gone",
            Self::TailCalls => {
                "for safety: before Linux 6.7 a probe on a function within a BPF program that has \
                tail calls makes it lose their count"
            }
            Self::OthersProgram => "a BPF program, and --no-bpf leaves those alone",
            Self::OwnProgram => "a program of the tracer itself",
        })
    }
}

/// `btf_id_deny` in kernel/bpf/verifier.c, of all kernels from 5.15 to 7.3.
const DENIED: &[&str] = &[
    "__rcu_read_lock",
    "__rcu_read_unlock",
    "migrate_disable",
    "migrate_enable",
    "preempt_count_add",
    "preempt_count_sub",
    "rcu_read_unlock_strict",
];

/// What the helpers in the probes run before their guard is set (`copy_from_kernel_nofault` by
/// `bpf_probe_read_kernel`), or that is only ever hit by them.
const OWN_HELPERS: &[&str] = &[
    "bpf_get_current_comm",
    "bpf_get_current_pid_tgid",
    "bpf_get_smp_processor_id",
    "bpf_ktime_get_ns",
    "bpf_get_func_arg",
    "bpf_get_func_ip_kprobe_multi",
    "bpf_get_func_ip_tracing",
    "bpf_get_func_ret",
    "bpf_probe_read_kernel",
    "bpf_probe_read_kernel_common",
    "bpf_ringbuf_output",
    "bpf_ringbuf_query",
    "bpf_session_cookie",
    "bpf_session_is_return",
    "bpf_this_cpu_ptr",
    "copy_from_kernel_nofault",
    "copy_from_kernel_nofault_allowed",
    // Where a function begins is asked at each hit (get_entry_ip, kernel/trace/bpf_trace.c; a
    // function of its own where the kernel has indirect branch tracking; seen on 6.18 and 7.3).
    "is_endbr",
];

/// Where a trampoline's own code begins (kernel/bpf/trampoline.c).
const TRAMPOLINE: &[&str] = &[
    "__bpf_prog_enter_recur",
    "__bpf_prog_exit_recur",
    "__bpf_prog_enter",
    "__bpf_prog_exit",
    "__bpf_tramp_enter",
    "__bpf_tramp_exit",
    "__rcu_read_lock",
    "__rcu_read_unlock",
];

/// Where an fprobe's own code begins: it guards what it calls for a program, but not what it calls
/// before and behind (kernel/trace/rethook.c, fprobe.c, fgraph.c). Seen on 6.12 with PROVE_RCU: the
/// return of `rcu_read_lock_any_held`, which `rethook_trampoline_handler` calls, leads into that
/// again until the stack is full.
const FPROBE: &[&str] = &[
    "rethook_trampoline_handler",
    "arch_rethook_trampoline_callback",
    "arch_rethook_prepare",
    "rethook_try_get",
    "rethook_hook",
    "rethook_recycle",
    "fprobe_handler",
    "fprobe_exit_handler",
    "fprobe_entry",
    "fprobe_return",
    "ftrace_return_to_handler",
    "__ftrace_return_to_handler",
    "function_graph_enter_regs",
    "ftrace_graph_func",
];

/// Calls from an fprobe's own code within which nothing is attached.
const FPROBE_LEVELS: u32 = 2;

/// Also the trampoline's own, but its slow path (a task whose CPUs were changed meanwhile) is taken
/// once and then settled, so only what it calls itself is left alone.
const MIGRATION: &[&str] = &["migrate_disable", "migrate_enable"];

/// Whether trampolines call it for each probe (__bpf_prog_enter_recur, kernel/bpf/trampoline.c).
pub(super) fn is_shared(function: &str) -> bool {
    MIGRATION.contains(&function) || matches!(function, "__rcu_read_lock" | "__rcu_read_unlock")
}

/// Within two calls of the RCU code on some kernels, but behind the point where its flag is cleared
/// (rcu_preempt_deferred_qs_irqrestore, kernel/rcu/tree_plugin.h). Attached under load on every
/// kernel in docs/kernels.md.
const SETTLED: &str = "_raw_spin_";

/// Calls from the trampoline's own code within which nothing is attached. Two reach
/// `rcu_read_unlock_special` and what it calls while its flag is still set.
const TRAMPOLINE_LEVELS: u32 = 2;

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
    /// What costs much and says little is left out.
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
    /// Computes what has to be computed for a kernel that has these ways to attach.
    pub fn new(kernel: &Kernel, ways: Ways, scope: Scope) -> Self {
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
            by_address: ways.by_address().is_some(),
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
    /// never says yes where [`Self::check`] says no on a kernel that has a way by address, and says
    /// no to the few that are [`Reach::Shared`], which need probes of their own. Neither types nor
    /// machine code are read, so all functions of a kernel take some milliseconds.
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
    if words >= MAX_ARGUMENTS {
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
