//! Kinds of programs, and the numbers that the kernel has for them (include/uapi/linux/bpf.h).

/// `BPF_TRACE_ITER`, 5.8+.
pub const ITERATOR: u32 = 28;

/// Entry and exit of many functions by one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// By a trampoline each (BPF_TRACE_FSESSION_MULTI, 7.2+).
    Trampolines,
    /// By an fprobe (BPF_TRACE_KPROBE_SESSION, 6.10+).
    Fprobe,
}

/// One end of one function by a program of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// BPF_TRACE_FENTRY, 5.5+.
    Entry,
    /// BPF_TRACE_FEXIT, 5.5+.
    Exit,
}

/// A program for functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// It serves many functions.
    Many(Many),
    /// It serves one end of many functions, by an fprobe (BPF_TRACE_KPROBE_MULTI, 5.18+).
    ManyOf(End),
    /// It serves one.
    One(End),
}

/// What kind of program, and to what it will be attached (`enum bpf_prog_type`, `enum
/// bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Functions(ProgramKind),
    /// BPF_TRACE_RAW_TP, 5.5+.
    Tracepoint,
    /// BPF_PROG_TYPE_TRACEPOINT: what perf makes of a tracepoint.
    Perf,
    /// BPF_TRACE_ITER, 5.8+.
    Iterator,
}

impl Kind {
    pub(super) const TRAMPOLINES: Self = Self::Functions(ProgramKind::Many(Many::Trampolines));
    pub(super) const FPROBE: Self = Self::Functions(ProgramKind::Many(Many::Fprobe));
    pub(super) const FPROBE_OF_ENTRY: Self = Self::Functions(ProgramKind::ManyOf(End::Entry));
    pub(super) const FPROBE_OF_EXIT: Self = Self::Functions(ProgramKind::ManyOf(End::Exit));

    pub(super) const fn program_type(self) -> u32 {
        match self {
            Self::Functions(ProgramKind::Many(Many::Fprobe) | ProgramKind::ManyOf(_)) => 2,
            Self::Perf => 5,
            Self::Functions(_) | Self::Tracepoint | Self::Iterator => 26,
        }
    }

    pub(super) const fn attach_type(self) -> u32 {
        match self {
            // It says nothing of a program of perf's.
            Self::Perf => 0,
            Self::Tracepoint => 23,
            Self::Iterator => ITERATOR,
            Self::Functions(ProgramKind::One(End::Entry)) => 24,
            Self::Functions(ProgramKind::One(End::Exit)) => 25,
            Self::Functions(ProgramKind::ManyOf(_)) => 42,
            Self::Functions(ProgramKind::Many(Many::Fprobe)) => 56,
            Self::Functions(ProgramKind::Many(Many::Trampolines)) => 61,
        }
    }
}

/// The ends of a function that a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Entry and exit.
    Both,
    /// One of them.
    Only(End),
}
