//! Functions that get their probes while root calls are open.
//!
//! The exit's probe goes in before the entry's, so in between a call may show its exit alone. That
//! is no loss: it is known here that its entry could not be seen. Shared between who attaches and
//! who rebuilds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::model::{FunctionId, Nanoseconds};

/// Since when the entries of functions are seen; of those that are not named, since before the
/// trace. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct AttachedLate {
    since: Arc<Mutex<HashMap<FunctionId, Nanoseconds>>>,
}

impl AttachedLate {
    /// The function's probes are about to go in.
    pub fn begin(&self, function: FunctionId) {
        self.set(function, Nanoseconds(u64::MAX));
    }

    /// The function's probes are in since `now` at the latest.
    pub fn done(&self, function: FunctionId, now: Nanoseconds) {
        self.set(function, now);
    }

    fn set(&self, function: FunctionId, since: Nanoseconds) {
        // An event may name it by the address after its landing pad, see `FunctionTable::get`.
        let padded = function.after_landing_pad();
        let mut all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(function, since);
        all.insert(padded, since);
    }

    /// Since when the entries of a function are seen; none if since before the trace.
    #[must_use]
    pub fn since(&self, function: FunctionId) -> Option<Nanoseconds> {
        let all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&function).copied()
    }

    /// What [`Self::since`] said of a function when the trace was recorded.
    pub fn restore(&self, function: FunctionId, since: Nanoseconds) {
        let mut all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(function, since);
    }

    /// Whether a function's exit may come without an entry in a root call that began at
    /// `root_time`.
    #[must_use]
    pub fn excuses(&self, function: FunctionId, root_time: Nanoseconds) -> bool {
        let all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&function).is_some_and(|&since| root_time <= since)
    }
}
