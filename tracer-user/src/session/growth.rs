//! The plan grows while the trace goes on.
//!
//! A thread of its own has it looked, with the function tracer, at who calls the roots and what runs under them, and attaches what
//! is new. Looks are short and follow each other, each after a pause as long as the last one, as long as they find something; then come
//! pauses that double, so that a trace that goes on for long is left alone. What starts late, or takes a way that it did not take
//! before, is in the graph a look later. Root calls that are open while a function joins are not torn by it:
//! see [`Joined`].

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::grower::Grower;
use crate::{
    attach::{Attacher, Followed, Probe},
    graph::Joined,
    kernel::{Address, Kernel, learning::Looker, numbers},
    plan::{Plan, Rules},
};

/// The pause before the first look, if the roots have just been learned: what a look adds then is rare, and it slows the traced
/// tasks down.
pub const AFTER_LEARNING: Duration = Duration::from_secs(10);
/// The end of the trace waits no longer for what the thread just does: the kernel verifies a program, symbols are read.
const PATIENCE: Duration = Duration::from_millis(100);

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
    /// What was seen to run under the roots so far, with its hits.
    pub seen: BTreeMap<Address, u64>,
    /// Only those whose root calls are traced are looked at; all, if nobody was named.
    pub followed: Option<Arc<Followed>>,
    /// A task that will call the roots, if one is known, by the kernel's number.
    pub first: Option<u32>,
    /// How long it has time before the first look.
    pub pause: Duration,
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

/// Growth under way. Dropping it ends it.
pub struct Growth {
    stop: Arc<AtomicBool>,
    grown: Arc<Mutex<Grown>>,
    thread: JoinHandle<()>,
}

impl Growth {
    /// Begins to look.
    pub fn start(start: Start, looker: Looker) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let grown = Arc::new(Mutex::new(Grown {
            probes: Vec::new(),
            seen: start.seen.clone(),
        }));
        let grower = Grower::new(start, Arc::clone(&stop), Arc::clone(&grown));
        let thread = thread::Builder::new()
            .name("growth".to_owned())
            .spawn(move || grower.grow(looker))
            .context("no thread can be made")?;
        Ok(Self {
            stop,
            grown,
            thread,
        })
    }

    /// Tells it to end, and does not wait.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Ends it. What the thread attaches after that goes with the process.
    pub fn end(self) -> Grown {
        self.stop();
        let end = Instant::now() + PATIENCE;
        // In a PID namespace what the thread has left must not be left behind, see `Looker`.
        let must_wait = numbers::namespace().is_some();
        while !self.thread.is_finished() && (must_wait || Instant::now() < end) {
            thread::sleep(Duration::from_millis(5));
        }
        std::mem::take(&mut *lock(&self.grown))
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(super) fn lock(grown: &Mutex<Grown>) -> MutexGuard<'_, Grown> {
    // Nothing in it can be left half done.
    grown.lock().unwrap_or_else(PoisonError::into_inner)
}
