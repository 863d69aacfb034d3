//! The depth of a trace with a budget: all that is known below the roots, or the roots alone.
//!
//! A probe below a root costs whenever its function is called, also outside of root calls and in
//! those that are sampled out. So a lower depth is fewer probes, and not a number that they compare
//! with. Where the depth is lowered, root calls begin in a generation that has no probes below the
//! roots ([`Sets`]); those of the one before are waited for, and then its probes go. Where it is
//! raised again, they are attached while no root call of their side begins. Neither tears a root
//! call. It takes from moments to minutes, by what the kernel needs for each, on a thread of its
//! own.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::controller::Depth;
use crate::{
    attach::ObjectError,
    learn::{
        growth::{Joining, lock_joining},
        wide::{
            Sets,
            sets::{drain, lock},
        },
    },
};

/// What the depth is changed by.
#[derive(Clone)]
pub struct Means {
    /// The generations.
    pub sets: Arc<Mutex<Sets>>,
    /// What attaches.
    pub joining: Arc<Mutex<Joining>>,
    /// The trace ends.
    pub stop: Arc<AtomicBool>,
}

/// Changes the depth.
pub struct Changing {
    means: Means,
    worker: Option<JoinHandle<Result<(), ObjectError>>>,
    /// Since when it is lowered.
    lowered: Option<Instant>,
    /// How long it was before.
    before: Duration,
}

impl Changing {
    /// All that is known has probes.
    pub const fn new(means: Means) -> Self {
        Self {
            means,
            worker: None,
            lowered: None,
            before: Duration::ZERO,
        }
    }

    /// Whether a change has come to its end, so that there may be another.
    pub fn is_ready(&mut self) -> Result<bool> {
        let Some(worker) = self.worker.take_if(|worker| worker.is_finished()) else {
            return Ok(self.worker.is_none());
        };
        match worker.join() {
            Ok(done) => done.context("the depth cannot be changed")?,
            Err(_) => anyhow::bail!("the thread that changes the depth has died"),
        }
        Ok(true)
    }

    /// Begins to change it.
    pub fn begin(&mut self, depth: Depth) -> Result<()> {
        let means = self.means.clone();
        let work = match depth {
            Depth::Roots => {
                self.lowered = Some(Instant::now());
                lower
            }
            Depth::All => {
                self.before = self.time();
                self.lowered = None;
                raise
            }
        };
        let thread = thread::Builder::new().name("depth".to_owned());
        let worker = thread.spawn(move || work(&means));
        self.worker = Some(worker.context("no thread can be made")?);
        Ok(())
    }

    /// How long root calls have begun without what is below.
    pub fn time(&self) -> Duration {
        self.before + self.lowered.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

fn lower(means: &Means) -> Result<(), ObjectError> {
    let mut probes = lock_joining(&means.joining).suspend();
    lock(&means.sets).change(false)?;
    let Some(cut) = drain(&means.sets)? else {
        // The end of the trace takes the others; these it does not know.
        drop(probes);
        return Ok(());
    };
    let mut sets = lock(&means.sets);
    sets.add_cut(cut);
    probes.extend(sets.take_free());
    drop(sets);
    drop(probes);
    Ok(())
}

fn raise(means: &Means) -> Result<(), ObjectError> {
    lock_joining(&means.joining).resume(&means.stop);
    if means.stop.load(Ordering::Acquire) {
        return Ok(());
    }
    lock(&means.sets).change(false)
}
