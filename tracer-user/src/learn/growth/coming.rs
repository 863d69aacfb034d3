//! The thread that has modules join a trace that is not wide: their roots, and what the text of
//! these calls.
//!
//! The function tracer watches the roots that the trace began with, so what the text of later ones
//! does not show is not in the graph.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::joining::{self, Joining};
use crate::{
    attach::Role,
    learn::{
        before,
        modules::{Change, Modules},
    },
    plan::{Plan, Planned, Rules},
};

/// How often the thread looks whether the trace has ended.
const TICK: Duration = Duration::from_millis(50);

/// Has modules join.
pub(super) struct Coming {
    pub(super) modules: Modules,
    pub(super) joining: Arc<Mutex<Joining>>,
    pub(super) rules: Arc<Rules>,
    /// Whether what is below the roots is wanted.
    pub(super) below: bool,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) verbose: bool,
}

impl Coming {
    /// Until the trace ends.
    pub(super) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            thread::sleep(TICK);
            if let Some(change) = self.modules.changed() {
                self.join(&change);
            }
        }
    }

    fn join(&self, change: &Change) {
        let mut joining = joining::lock(&self.joining);
        joining.know(Arc::clone(&change.kernel));
        joining.attach_as(Role::Excluded, &change.excluded, &self.stop);
        let added = if self.below && !change.roots.is_empty() {
            let below = self.below(change, &joining);
            joining.attach(&below, &self.stop)
        } else {
            0
        };
        joining.attach_as(Role::Root, &change.roots, &self.stop);
        change.tell(added, self.verbose);
    }

    /// What the text of the roots calls, and has no probe.
    fn below(&self, change: &Change, joining: &Joining) -> Vec<Planned> {
        let known = before::of_text(&change.kernel, &change.roots);
        let plan = Plan::new(&change.kernel, &self.rules, change.roots.clone(), known);
        let callees = plan.hide(change.excluded.clone()).callees.into_iter();
        callees
            .filter(|one| !joining.has_probe(one.address))
            .collect()
    }
}
