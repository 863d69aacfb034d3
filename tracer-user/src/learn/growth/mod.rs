//! The plan grows while the trace goes on.
//!
//! A thread of its own has it sampled, with the function tracer, who calls the roots and what runs
//! under them, and attaches what is new. Sampling windows are short and follow each other, each
//! after a pause as long as the last one, as long as they find something; then come pauses that
//! double, so that a trace that goes on for long is left alone. What starts late, or takes a way
//! that it did not take before, is in the graph a window later; what was not in it until then is
//! counted ([`untraced`]). Root calls that are open while a function joins are not torn by it: see
//! [`crate::graph::AttachedLate`].

mod coming;
mod grower;
mod grown;
mod joining;
mod start;
mod untraced;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use coming::Coming;
use grower::Grower;
pub use grown::Grown;
use grown::lock;
pub use joining::{Joining, lock as lock_joining};
pub use start::Start;
pub use untraced::Sampled;

use super::{modules::Modules, sampling::Sampler};
use crate::{
    attach,
    model::{Skipped, Untraced},
};

/// The pause before the first sampling window, if the roots have just been learned: what it adds
/// then is rare, and it slows the traced tasks down.
pub const AFTER_LEARNING: Duration = Duration::from_secs(10);
/// The end of the trace waits no longer for what the thread just does: the kernel verifies a
/// program, symbols are read.
const PATIENCE: Duration = Duration::from_millis(100);

/// Growth under way. Dropping it ends it.
pub struct Growth {
    stop: Arc<AtomicBool>,
    begun: Arc<AtomicBool>,
    sampled: Sampled,
    grown: Arc<Mutex<Grown>>,
    joining: Arc<Mutex<Joining>>,
    /// That which samples, if there is one.
    grower: Option<JoinHandle<()>>,
    /// That which has modules join.
    coming: JoinHandle<()>,
}

impl Growth {
    /// Begins to attach, and to sample if there is somebody who does that. Modules join.
    pub fn start(start: Start, sampler: Option<Sampler>, modules: Modules) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let grown = joining::lock(&start.joining).grown();
        lock(&grown).seen.clone_from(&start.seen);
        let coming = Coming {
            modules,
            joining: Arc::clone(&start.joining),
            rules: Arc::clone(&start.rules),
            below: start.below,
            stop: Arc::clone(&stop),
            verbose: start.verbose,
        };
        let coming = thread::Builder::new()
            .name("modules".to_owned())
            .spawn(move || coming.run())
            .context("no thread can be made")?;
        let joining = Arc::clone(&start.joining);
        let begun = Arc::new(AtomicBool::new(false));
        let root_calls = start.sampled.clone();
        let shared = (Arc::clone(&stop), Arc::clone(&begun));
        let grower = Grower::new(start, shared.0, shared.1, Arc::clone(&grown));
        let spawn = |sampler| {
            let thread = thread::Builder::new().name("growth".to_owned());
            thread.spawn(move || grower.grow(sampler))
        };
        let grower = sampler.map(spawn).transpose();
        let grower = grower.context("no thread can be made")?;
        Ok(Self {
            stop,
            begun,
            sampled: root_calls,
            grown,
            joining,
            grower,
            coming,
        })
    }

    /// Tells it to end, and does not wait.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// What attaches, and the word that ends it.
    pub fn joining(&self) -> (Arc<Mutex<Joining>>, Arc<AtomicBool>) {
        (Arc::clone(&self.joining), Arc::clone(&self.stop))
    }

    /// Whether the first sampling window is open, or none will be.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire) || self.samples_no_more()
    }

    /// What ran under root calls and had no probe. Once it is told to end, the window that is open
    /// is waited for so long.
    pub fn untraced(&self, patience: Duration) -> Untraced {
        self.wait(patience);
        self.sampled.sum()
    }

    /// Hits that the kernel skipped of what has joined.
    pub fn skipped(&self) -> Skipped {
        let grown = lock(&self.grown);
        attach::skipped(grown.probes.iter().chain(&grown.below))
    }

    fn samples_no_more(&self) -> bool {
        self.grower.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn wait(&self, patience: Duration) {
        let begin = Instant::now();
        let has_ended = || self.samples_no_more() && self.coming.is_finished();
        while !has_ended() && begin.elapsed() < patience {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it. What the thread attaches after that goes with the process.
    pub fn end(self) -> Grown {
        self.stop();
        self.wait(PATIENCE);
        std::mem::take(&mut *lock(&self.grown))
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.stop();
    }
}
