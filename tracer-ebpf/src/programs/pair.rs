//! The programs of a callee that has one for its entry and one for its exit (kernels 5.17+).

use crate::{path::fast, probe::TrampolineSite, task::gate};

/// A function that may run under a root was entered.
#[inline(always)]
pub fn callee_entry(site: TrampolineSite) {
    if let Some(task) = gate::inside() {
        fast::entry(&site, task);
    }
}

/// A function that may run under a root returned.
#[inline(always)]
pub fn callee_exit(site: TrampolineSite) {
    if let Some(task) = gate::inside() {
        fast::exit(&site, task);
    }
}
