//! What growth begins with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{joining::Joining, untraced::Sampled};
use crate::{
    attach::Followed,
    kernel::Address,
    plan::{Current, Plan, Planned, Rules},
};

/// What growth begins with.
pub struct Start {
    /// The running kernel as it is now.
    pub current: Arc<Current>,
    /// What must not be attached.
    pub rules: Arc<Rules>,
    /// Attaches what joins.
    pub joining: Arc<Mutex<Joining>>,
    /// What the trace begins with.
    pub plan: Plan,
    /// Callees of it that have no probe yet: they get theirs first.
    pub later: Vec<Planned>,
    /// What was seen to run under the roots so far, with its hits.
    pub seen: BTreeMap<Address, u64>,
    /// Only those whose root calls are traced are sampled; all, if nobody was named.
    pub followed: Option<Arc<Followed>>,
    /// A task that will call the roots, if one is known, by the kernel's number.
    pub first: Option<u32>,
    /// How long it has time before the first sampling window.
    pub pause: Duration,
    /// Root calls in sampling windows.
    pub sampled: Sampled,
    /// Whether what is below roots that come later is wanted.
    pub below: bool,
    /// Tell more on stderr.
    pub verbose: bool,
}
