//! The mechanisms that get probes into functions, and which of them this kernel has.
//!
//! The kernel is asked, not its version: distributions backport, and leave things out. What is
//! asked with is a program that does nothing, and a link that comes to nothing: the question costs
//! no patched code.

use std::os::fd::AsFd as _;

use aya_obj::generated::{BPF_EXIT, BPF_JMP, bpf_insn};
use thiserror::Error;

use super::{
    btf::Types,
    facts::{self, Release},
};
use crate::{
    arch::EXITS_HAVE_STACK,
    bpf::{self, End, Ends, Many, Named, ProgramKind},
    exit_code::{Exit, HasExit},
};

/// A function that the kernel has for trying out fentry and fexit (net/bpf/test_run.c); nothing
/// else calls it.
pub const TEST_FUNCTION: &str = "bpf_fentry_test1";

/// A mechanism that gets probes into functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// fsession.multi: see `session`.
    Multi,
    /// kprobe.session: see `session`.
    Kprobe,
    /// kprobe.multi and kretprobe.multi: see `session`.
    KprobeMulti,
    /// fentry and fexit, function by function: see `pair`.
    Pair,
}

impl Mechanism {
    /// All, the best first.
    pub const ALL: [Self; 4] = [Self::Multi, Self::Kprobe, Self::KprobeMulti, Self::Pair];

    /// What it is called on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Multi => "multi",
            Self::Kprobe => "kprobe",
            Self::KprobeMulti => "kprobe-multi",
            Self::Pair => "pair",
        }
    }

    /// What it is, and since when.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Multi => "fsession.multi, in Linux from 7.2 on",
            Self::Kprobe => "kprobe.session, in Linux from 6.10 on with CONFIG_FPROBE",
            Self::KprobeMulti => {
                "kprobe.multi and kretprobe.multi, on x86-64 in Linux from 5.18 on with CONFIG_FPROBE"
            }
            Self::Pair => "fentry and fexit, in Linux from 5.17 on",
        }
    }
}

/// A mechanism that the user wants and the kernel has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this kernel has no {} (--attach {}); leave --attach out", .0.meaning(), .0.name())]
pub struct NoSuchMechanism(pub Mechanism);

impl HasExit for NoSuchMechanism {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Kernel)
    }
}

/// The first kernel on which fsession.multi was seen to be safe, by hours of attaching all
/// functions under load. Between 7.0 and 7.2 the kernel mended what its links to many functions
/// rely on: the locking of direct-call updates, trampolines that ftrace did not know as its own, a
/// warning when a link goes.
const MULTI_IS_SAFE_SINCE: Release = Release { major: 7, minor: 3 };

/// What becomes of [`Mechanism::Multi`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multi {
    /// The kernel has it not.
    #[default]
    Absent,
    /// It has it, and is older than the first that was seen to be safe: it is taken only if it is
    /// asked for.
    Untried,
    /// It has it.
    Tried,
}

impl Multi {
    /// What a kernel of that version has, or of an unknown one.
    fn of(is_there: bool, release: Option<Release>) -> Self {
        let is_tried = release.is_some_and(|release| release >= MULTI_IS_SAFE_SINCE);
        match (is_there, is_tried) {
            (false, _) => Self::Absent,
            (true, false) => Self::Untried,
            (true, true) => Self::Tried,
        }
    }
}

/// The mechanisms that this kernel has besides [`Mechanism::Pair`], which it must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mechanisms {
    /// Whether it has [`Mechanism::Multi`].
    pub multi: Multi,
    /// Whether it has [`Mechanism::Kprobe`].
    pub kprobe: bool,
    /// Whether it has [`Mechanism::KprobeMulti`].
    pub kprobe_multi: bool,
}

impl Mechanisms {
    /// Asks the kernel.
    pub fn of(types: &Types) -> Self {
        Self {
            multi: Multi::of(has_multi(), facts::release().ok()),
            kprobe: has_kprobe(types),
            kprobe_multi: has_kprobe_multi(),
        }
    }

    /// Whether the kernel has it.
    pub const fn has(self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Multi => !matches!(self.multi, Multi::Absent),
            Mechanism::Kprobe => self.kprobe,
            Mechanism::KprobeMulti => self.kprobe_multi,
            Mechanism::Pair => true,
        }
    }

    /// The mechanism: the user's, or else the best of the kernel.
    pub fn choose(self, wanted: Option<Mechanism>) -> Result<Mechanism, NoSuchMechanism> {
        match wanted {
            None => Ok(self.best()),
            Some(mechanism) if self.has(mechanism) => Ok(mechanism),
            Some(mechanism) => Err(NoSuchMechanism(mechanism)),
        }
    }

    /// How functions are attached of which nothing but the address is known, all at once.
    #[must_use]
    pub const fn by_address(self) -> Option<Mechanism> {
        if self.kprobe {
            Some(Mechanism::Kprobe)
        } else if self.kprobe_multi {
            Some(Mechanism::KprobeMulti)
        } else {
            None
        }
    }

    /// The one with which a trace begins and ends soonest.
    const fn best(self) -> Mechanism {
        match self.by_address() {
            _ if matches!(self.multi, Multi::Tried) => Mechanism::Multi,
            Some(mechanism) => mechanism,
            None => Mechanism::Pair,
        }
    }

    /// Why a mechanism that the kernel has is taken only if it is asked for.
    #[must_use]
    pub const fn reservation(self, mechanism: Mechanism) -> Option<&'static str> {
        match (mechanism, self.multi) {
            (Mechanism::Multi, Multi::Untried) => Some(
                "Linux before 7.3 was not seen to be safe with it, so it is taken only with \
                --attach multi",
            ),
            _ => None,
        }
    }
}

fn has_multi() -> bool {
    has_links(ProgramKind::Many(Many::Trampolines), Named::Types)
}

fn has_kprobe(types: &Types) -> bool {
    // Kernels with kprobe.multi alone take the program for one of that.
    let has = |kfunc| types.function_id(kfunc).is_some();
    has("bpf_session_is_return")
        && has("bpf_session_cookie")
        && has_links(
            ProgramKind::Many(Many::Fprobe),
            Named::Addresses(Ends::Both),
        )
}

/// The two links know a call's exit by the stack pointer that its entry had.
fn has_kprobe_multi() -> bool {
    if !EXITS_HAVE_STACK {
        return false;
    }
    let end = End::Exit;
    has_links(ProgramKind::ManyOf(end), Named::Addresses(Ends::Only(end)))
}

fn has_links(kind: ProgramKind, named: Named) -> bool {
    let program = bpf::load(kind, "tracer_asks", &nothing().to_vec().into());
    program.is_ok_and(|program| bpf::has_links(program.as_fd(), named))
}

/// `r0 = 0; exit`.
fn nothing() -> [bpf_insn; 2] {
    const MOVE_64: u8 = 0xb7;
    let mut instructions = [bpf_insn {
        code: MOVE_64,
        _bitfield_align_1: [],
        _bitfield_1: bpf_insn::new_bitfield_1(0, 0),
        off: 0,
        imm: 0,
    }; 2];
    #[allow(clippy::cast_possible_truncation)]
    {
        instructions[1].code = (BPF_JMP | BPF_EXIT) as u8;
    }
    instructions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multi_is_taken_unasked_only_where_it_was_seen_to_be_safe() {
        let of = |minor| Mechanisms {
            multi: Multi::of(true, Some(Release { major: 7, minor })),
            kprobe: true,
            kprobe_multi: true,
        };
        assert_eq!(of(3).choose(None), Ok(Mechanism::Multi));
        assert_eq!(of(3).reservation(Mechanism::Multi), None);
        assert_eq!(of(2).choose(None), Ok(Mechanism::Kprobe));
        assert_eq!(of(2).choose(Some(Mechanism::Multi)), Ok(Mechanism::Multi));
        assert!(of(2).reservation(Mechanism::Multi).is_some());
        assert_eq!(of(2).reservation(Mechanism::Kprobe), None);
        let alone = Mechanisms {
            multi: Multi::of(true, None),
            ..Mechanisms::default()
        };
        assert_eq!(alone.choose(None), Ok(Mechanism::Pair));
        assert_eq!(Multi::of(false, Some(MULTI_IS_SAFE_SINCE)), Multi::Absent);
    }
}
