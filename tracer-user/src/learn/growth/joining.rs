//! Attaching functions while root calls are open.
//!
//! Who rebuilds is told before and after, so that an exit without an entry is no loss: see
//! [`AttachedLate`]. What is attached is in [`Grown`] at once, so that nobody has to wait for the
//! thread to take it away.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::grown::{self, Grown};
use crate::{
    attach::{AttachError, Attacher, Observer, Probe, Role, Side},
    graph::AttachedLate,
    kernel::{Address, Kernel},
    model::Nanoseconds,
    plan::{self, Planned},
};

/// Attaches, and knows what is attached.
pub struct Joining {
    attacher: Attacher,
    side: Side,
    attached_late: AttachedLate,
    /// Functions that have probes.
    has_probes: BTreeSet<Address>,
    grown: Arc<Mutex<Grown>>,
    /// Functions below the roots that have probes, or will have them again.
    below: Vec<Planned>,
    /// Whether none below the roots has a probe for now.
    is_suspended: bool,
    /// Tell more on stderr.
    verbose: bool,
}

impl Joining {
    /// Attaches on that side. Functions of `has_probes` are attached already, and those `below` the
    /// roots.
    pub fn new(
        attacher: Attacher,
        side: Side,
        attached_late: AttachedLate,
        (has_probes, below): (BTreeSet<Address>, Vec<Planned>),
        verbose: bool,
    ) -> Self {
        Self {
            attacher,
            side,
            attached_late,
            has_probes,
            grown: Arc::default(),
            below,
            is_suspended: false,
            verbose,
        }
    }

    /// What is known of the kernel from now on.
    pub fn know(&mut self, kernel: Arc<Kernel>) {
        self.attacher.know(kernel);
    }

    /// What has come of it.
    pub(super) fn grown(&self) -> Arc<Mutex<Grown>> {
        Arc::clone(&self.grown)
    }

    /// Whether a function has its probe.
    pub fn has_probe(&self, function: Address) -> bool {
        self.has_probes.contains(&function)
    }

    /// Attaches functions below the roots until the trace ends. Says how many the kernel accepts.
    pub fn attach(&mut self, functions: &[Planned], stop: &AtomicBool) -> usize {
        if self.is_suspended {
            self.below.extend_from_slice(functions);
            return 0;
        }
        let added = self.attach_as(Role::Callee, functions, stop);
        let is_new = |one: &&Planned| self.has_probes.contains(&one.address);
        self.below.extend(functions.iter().filter(is_new).cloned());
        added
    }

    /// None below the roots is attached until [`Self::resume`]. Hands out the probes of those that
    /// have joined.
    pub fn suspend(&mut self) -> Vec<Probe> {
        self.is_suspended = true;
        for function in &self.below {
            self.has_probes.remove(&function.address);
        }
        std::mem::take(&mut grown::lock(&self.grown).below)
    }

    /// Attaches those below the roots again that had probes.
    pub fn resume(&mut self, stop: &AtomicBool) {
        self.is_suspended = false;
        let mut below = std::mem::take(&mut self.below);
        below.sort_by_key(|function| function.address);
        below.dedup_by_key(|function| function.address);
        self.attach(&below, stop);
    }

    /// Whether it is as [`Self::suspend`] left it.
    pub const fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// As [`Self::attach`], in any role.
    pub fn attach_as(&mut self, role: Role, functions: &[Planned], stop: &AtomicBool) -> usize {
        let at_once = self.attacher.at_once();
        let before = self.has_probes.len();
        for some in functions.chunks(at_once) {
            if stop.load(Ordering::Acquire) {
                break;
            }
            match self.attach_some(role, some, stop) {
                Ok(probes) => {
                    let mut grown = grown::lock(&self.grown);
                    match role {
                        Role::Callee => grown.below.extend(probes),
                        _ => grown.probes.extend(probes),
                    }
                }
                Err(error) => eprintln!("tracer: {error}; the graph does not grow by it"),
            }
        }
        self.has_probes.len() - before
    }

    fn attach_some(
        &mut self,
        role: Role,
        functions: &[Planned],
        stop: &AtomicBool,
    ) -> Result<Vec<Probe>, AttachError> {
        let ids: Vec<_> = functions
            .iter()
            .map(|planned| plan::function_id(planned.address))
            .collect();
        for &function in &ids {
            self.attached_late.begin(function);
        }
        let mut progress = Progress {
            stop,
            has_probes: &mut self.has_probes,
            verbose: self.verbose,
        };
        let probes = self
            .attacher
            .attach(functions, role, self.side, &mut progress);
        let now = Nanoseconds::now();
        for &function in &ids {
            self.attached_late.done(function, now);
        }
        probes
    }
}

/// What attaches, for as long as it takes.
pub fn lock(joining: &Mutex<Joining>) -> MutexGuard<'_, Joining> {
    // Nothing in it can be left half done.
    joining.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes the functions that were added, and says which are skipped.
struct Progress<'a> {
    stop: &'a AtomicBool,
    has_probes: &'a mut BTreeSet<Address>,
    verbose: bool,
}

impl Observer for Progress<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        let addresses = functions.iter().map(|planned| planned.address);
        self.has_probes.extend(addresses);
        if self.verbose {
            for planned in functions {
                eprintln!("tracer: added {}", planned.name);
            }
        }
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        eprintln!("tracer: {error}; it is excluded from the graph");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
