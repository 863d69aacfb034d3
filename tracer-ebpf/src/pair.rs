//! The programs of a callee that has one for its entry and one for its exit (kernels 5.17+).

use crate::{fast_path, gate, site::TrampolineSite};

/// A function that may run under a root was entered.
#[inline(always)]
pub fn callee_entry(site: TrampolineSite) {
    if let Some(task) = gate::inside() {
        fast_path::entry(&site, task);
    }
}

/// A function that may run under a root returned.
#[inline(always)]
pub fn callee_exit(site: TrampolineSite) {
    if let Some(task) = gate::inside() {
        fast_path::exit(&site, task);
    }
}
