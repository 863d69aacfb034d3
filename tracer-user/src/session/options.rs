//! What a trace is asked for, and how it went.

use std::{collections::BTreeSet, io::Write, time::Duration};

use tracer_common::CpuMask;

use super::{Begin, CallerOptions, Streams, budget::Share};
use crate::{
    export::Outlets,
    expr::{By, Fields},
    kernel::Mechanism,
    learn::wide::Again,
    model::{FunctionTable, Sink},
    pipeline::Show,
    plan::{self, Asked, Scope},
    recording::{Head, target::Target},
};

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Roots by name, glob or syscall.
    pub roots: Vec<String>,
    /// Root calls are traced if they are entered here.
    pub cpus: CpuMask,
    /// Root calls are traced if they are theirs.
    pub callers: CallerOptions,
    /// Events of the kernel that are marked, by name or glob.
    pub events: Vec<String>,
    /// Functions that are skipped with all below them, by name, glob or syscall.
    pub excluded: Vec<String>,
    /// Functions that are no roots, where a glob of those has them; by name, glob or syscall.
    pub not_roots: Vec<String>,
    /// Fields that are read.
    pub fields: Vec<Fields>,
    /// What root calls are asked for when they are entered.
    pub asked: Asked,
    /// The number by which calls are told apart where they are counted.
    pub by: Option<By>,
    /// What is shown, and how.
    pub show: Show,
    /// Root calls that begin in this time after the command has are not traced.
    pub delay: Option<Duration>,
    /// End after this time.
    pub duration: Option<Duration>,
    /// How it is found out what runs below the roots.
    pub discovery: Discovery,
    /// Go by what was learned before, and keep what is learned.
    pub use_cache: bool,
    /// What runs below the roots, if that is given and not to be learned: names as `tracer list`
    /// shows them.
    pub functions: Option<BTreeSet<String>>,
    /// Which functions are worth their cost.
    pub scope: Scope,
    /// The mechanism; none leaves it to the tool.
    pub mechanism: Option<Mechanism>,
    /// Bytes of each CPU's ring.
    pub ring_bytes: u32,
    /// What tracing may cost; none is anything.
    pub budget: Option<Share>,
    /// Tell more on stderr.
    pub verbose: bool,
    /// A command to run and trace.
    pub command: Vec<String>,
    /// When the command begins.
    pub begin: Begin,
    /// What the command reads and writes.
    pub streams: Streams,
}

impl Options {
    /// Whether nothing below the roots is wanted.
    pub(super) fn is_roots_only(&self) -> bool {
        self.show.capture.depth == Some(1)
    }

    /// Whether every outermost function begins a root call.
    pub(super) fn is_everything(&self) -> bool {
        self.roots.iter().any(|root| root == plan::EVERYTHING)
    }

    /// Whether all functions are to have probes at first.
    pub(super) fn wants_wide(&self) -> bool {
        let is_wide = matches!(self.discovery, Discovery::Wide { .. });
        let by_pairs = self.mechanism == Some(Mechanism::Pair);
        is_wide && !by_pairs && self.functions.is_none() && !self.is_roots_only()
    }

    /// When a wide trace that was narrowed is wide again; none if it is never narrowed.
    pub(super) const fn again(&self) -> Option<Again> {
        match self.discovery {
            Discovery::Wide {
                stays: Stays::UntilQuiet(again),
                ..
            } => Some(again),
            _ => None,
        }
    }

    /// How long the function tracer watches before the trace at most; none if nothing is to be
    /// learned.
    pub(super) fn learns(&self) -> Option<Duration> {
        match self.discovery {
            Discovery::Gentle { learn }
            | Discovery::Wide {
                otherwise: learn, ..
            } if !learn.is_zero() && self.functions.is_none() && !self.is_roots_only() => {
                Some(learn)
            }
            _ => None,
        }
    }
}

/// How it is found out what runs below the roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// All functions have probes at first, where the kernel attaches many at once.
    Wide {
        /// Whether they keep them.
        stays: Stays,
        /// Elsewhere: how long the function tracer watches before the trace at most.
        otherwise: Duration,
    },
    /// The function tracer watches for at most that long before the trace, and now and then while
    /// it goes on; with 0 it does neither.
    Gentle {
        /// How long.
        learn: Duration,
    },
}

/// Whether a trace that begins wide stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It is narrowed once root calls bring nothing new.
    UntilQuiet(Again),
    /// To the end.
    ToTheEnd,
}

/// How long the function tracer watches before a trace at most, if nothing else is said.
pub const USUAL_LEARN: Duration = Duration::from_secs(5);

/// Makes what takes the root calls of a trace with these functions, which began so.
pub type MakeView = Box<dyn for<'a> FnOnce(&'a FunctionTable, Head) -> Box<dyn Sink + 'a>>;

/// Where the trace goes. All else goes to stderr.
pub struct Outputs {
    /// The graph; none if it is not to be printed.
    pub graph: Option<Box<dyn Write + Send>>,
    /// Where a recording goes, if there is to be one.
    pub recording: Option<Target>,
    /// Who else wants root calls.
    pub export: Outlets,
    /// Makes what takes the root calls instead of what prints them.
    pub view: Option<MakeView>,
}
