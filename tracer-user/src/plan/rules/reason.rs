//! Why a function is left alone, and in which words.

use std::fmt;

use super::{Worth, names::MIGRATION};
use crate::kernel::btf::Obstacle;

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
    /// It begins a system call, and no root is before that.
    NeverBelow,
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
    pub(super) fn is_about_trampolines(&self, function: &str, worth: Worth) -> bool {
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
            Self::NeverBelow => "a system call begins with it, so no root calls it",
        })
    }
}
