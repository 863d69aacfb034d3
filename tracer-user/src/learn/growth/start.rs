//! What growth begins with, and what has come of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::untraced::Sampled;
use crate::{
    attach::{Attacher, Probe, Side},
    graph::Joined,
    kernel::{Address, Kernel},
    plan::{Plan, Planned, Rules},
};

/// What growth begins with.
pub struct Start {
    /// The running kernel.
    pub kernel: Arc<Kernel>,
    /// What must not be attached.
    pub rules: Arc<Rules>,
    /// Attaches.
    pub attacher: Attacher,
    /// What the trace begins with.
    pub plan: Plan,
    /// Callees of it that have no probe yet: they get theirs first.
    pub later: Vec<Planned>,
    /// What was seen to run under the roots so far, with its hits.
    pub seen: BTreeMap<Address, u64>,
    /// Only tasks of these processes are sampled; of all, if there are none.
    pub processes: Vec<u32>,
    /// A task that will call the roots, if one is known.
    pub first: Option<u32>,
    /// The side on which they are attached.
    pub side: Side,
    /// How long it has time before the first sampling window.
    pub pause: Duration,
    /// Root calls in sampling windows.
    pub sampled: Sampled,
    /// Who rebuilds is told what joins.
    pub joined: Joined,
    /// Tell more on stderr.
    pub verbose: bool,
}

/// What has grown.
#[derive(Default)]
pub struct Grown {
    /// Functions that were attached on the way.
    pub probes: Vec<Probe>,
    /// What was seen to run under the roots, with its hits.
    pub seen: BTreeMap<Address, u64>,
}

/// What has grown, for a moment.
pub(super) fn lock(grown: &Mutex<Grown>) -> MutexGuard<'_, Grown> {
    // Nothing in it can be left half done.
    grown.lock().unwrap_or_else(PoisonError::into_inner)
}
