//! What narrowing begins with.

use std::sync::Arc;

use super::{Again, Programs, Seen, attaching::Attaching};
use crate::{
    graph::AttachedLate,
    kernel::Kernel,
    learn::modules::Modules,
    plan::{Plan, Rules},
};

/// What narrowing begins with.
pub struct Start {
    /// The running kernel.
    pub kernel: Arc<Kernel>,
    /// What must not be attached.
    pub rules: Arc<Rules>,
    /// Attaches to the sets, of which the wide one is armed.
    pub attaching: Attaching,
    /// The wide plan.
    pub plan: Plan,
    /// What root calls bring.
    pub seen: Arc<Seen>,
    /// Whose the traced tasks are.
    pub host: Host,
    /// BPF programs that have probes.
    pub programs: Programs,
    /// Those that get them while root calls are open are told here.
    pub attached_late: AttachedLate,
    /// Modules that come and go.
    pub modules: Modules,
    /// When the trace is wide again after it was narrowed; none if it is not narrowed at all.
    pub again: Option<Again>,
    /// Tell more on stderr.
    pub verbose: bool,
}

/// Whom a wide trace slows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A command that was run to be traced.
    Asked,
    /// Tasks that nobody asked.
    Unasked,
}

impl Host {
    /// Whether there is a command.
    #[must_use]
    pub const fn of(has_command: bool) -> Self {
        if has_command {
            Self::Asked
        } else {
            Self::Unasked
        }
    }
}
