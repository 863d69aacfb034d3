//! The plan grows while the trace goes on.
//!
//! A thread of its own has it looked, with the function tracer, at who calls the roots and what runs under them, and attaches what
//! is new. Looks are short and follow each other, each after a pause as long as the last one, as long as they find something; then come
//! pauses that double, so that a trace that goes on for long is left alone. What starts late, or takes a way that it did not take
//! before, is in the graph a look later. Root calls that are open while a function joins are not torn by it:
//! see [`Joined`].

mod grower;
mod start;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use grower::Grower;
use start::lock;
pub use start::{Grown, Start};

use super::sampling::Sampler;

/// The pause before the first look, if the roots have just been learned: what a look adds then is rare, and it slows the traced
/// tasks down.
pub const AFTER_LEARNING: Duration = Duration::from_secs(10);
/// The end of the trace waits no longer for what the thread just does: the kernel verifies a program, symbols are read.
const PATIENCE: Duration = Duration::from_millis(100);

/// Growth under way. Dropping it ends it.
pub struct Growth {
    stop: Arc<AtomicBool>,
    grown: Arc<Mutex<Grown>>,
    thread: JoinHandle<()>,
}

impl Growth {
    /// Begins to look.
    pub fn start(start: Start, sampler: Sampler) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let grown = Arc::new(Mutex::new(Grown {
            probes: Vec::new(),
            seen: start.seen.clone(),
        }));
        let grower = Grower::new(start, Arc::clone(&stop), Arc::clone(&grown));
        let thread = thread::Builder::new()
            .name("growth".to_owned())
            .spawn(move || grower.grow(sampler))
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
        while !self.thread.is_finished() && Instant::now() < end {
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
