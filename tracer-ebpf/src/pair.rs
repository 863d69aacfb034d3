//! The programs of a callee that has one for its entry and one for its exit (kernels 5.15+).

use crate::{gate, quick, site::TrampolineSite};

/// A function that may run under a root was entered.
#[inline(always)]
pub fn callee_entry(site: TrampolineSite) {
    if let Some(word) = gate::inside() {
        entry_inside(site, word);
    }
}

/// A function that may run under a root returned.
#[inline(always)]
pub fn callee_exit(site: TrampolineSite) {
    if let Some(word) = gate::inside() {
        exit_inside(site, word);
    }
}

#[inline(never)]
fn entry_inside(site: TrampolineSite, word: u32) {
    quick::entry(&site, word);
}

#[inline(never)]
fn exit_inside(site: TrampolineSite, word: u32) {
    quick::exit(&site, word);
}
