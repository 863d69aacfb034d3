//! What has grown, for the thread and for the end of the trace.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{attach::Probe, kernel::Address};

/// What has grown.
#[derive(Default)]
pub struct Grown {
    /// Functions that were attached on the way.
    pub probes: Vec<Probe>,
    /// Those of them that are below the roots.
    pub below: Vec<Probe>,
    /// What was seen to run under the roots, with its hits.
    pub seen: BTreeMap<Address, u64>,
}

/// What has grown, for a moment.
pub(super) fn lock(grown: &Mutex<Grown>) -> MutexGuard<'_, Grown> {
    // Nothing in it can be left half done.
    grown.lock().unwrap_or_else(PoisonError::into_inner)
}
