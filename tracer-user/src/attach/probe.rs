//! Probes in the kernel, whichever mechanism they have.

use std::os::fd::BorrowedFd;

use super::{Pair, session::Session};
use crate::bpf::End;

/// Probes in the kernel. Dropping it takes them away.
#[derive(Debug)]
pub enum Probe {
    /// Of one function.
    Pair(Pair),
    /// Of many.
    Session(Session),
}

impl Probe {
    /// How many functions have these probes.
    pub const fn functions(&self) -> usize {
        match self {
            Self::Pair(_) => 1,
            Self::Session(session) => session.functions(),
        }
    }

    /// The programs behind them, and the end that each is for; one that is for both is for the
    /// entry.
    pub(super) fn programs(&self) -> Vec<(BorrowedFd<'_>, End)> {
        match self {
            Self::Pair(pair) => pair.programs().into(),
            Self::Session(session) => session.programs().collect(),
        }
    }

    /// The links to many functions, as [`Self::programs`].
    pub(super) fn links(&self) -> Vec<(BorrowedFd<'_>, End)> {
        match self {
            Self::Pair(_) => Vec::new(),
            Self::Session(session) => session.links().collect(),
        }
    }
}
