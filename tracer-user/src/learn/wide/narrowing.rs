//! Narrowing under way: what it begins with, and its end. [`narrower`](super::narrower) has the thread.

use std::{
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{Programs, Seen, narrower::Narrower, sets::Sets};
use crate::{
    attach::Attacher,
    graph::Joined,
    kernel::Kernel,
    plan::{Plan, Rules},
};

/// What narrowing begins with.
pub struct Start {
    /// The running kernel.
    pub kernel: Arc<Kernel>,
    /// What must not be attached.
    pub rules: Arc<Rules>,
    /// Attaches.
    pub attacher: Attacher,
    /// The wide plan.
    pub plan: Plan,
    /// What root calls bring.
    pub seen: Arc<Seen>,
    /// The sets, of which the wide one is armed.
    pub sets: Arc<Mutex<Sets>>,
    /// Whose the traced tasks are.
    pub host: Host,
    /// BPF programs that have probes.
    pub programs: Programs,
    /// Those that get them while root calls are open are told here.
    pub joined: Joined,
    /// Whether the trace is narrowed at all.
    pub narrows: bool,
    /// Tell more on stderr.
    pub verbose: bool,
}

/// Whom a wide trace slows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A command that was run to be traced.
    Asked,
    /// Tasks that nobody asked.
    Unasked,
}

impl Host {
    /// Whether there is a command.
    #[must_use]
    pub const fn of(has_command: bool) -> Self {
        if has_command {
            Self::Asked
        } else {
            Self::Unasked
        }
    }
}

/// Narrowing under way.
pub struct Narrowing {
    thread: JoinHandle<()>,
}

impl Narrowing {
    /// Begins to wait for the moment. It ends with the sets.
    pub fn start(start: Start) -> Result<Self> {
        let thread = thread::Builder::new()
            .name("narrowing".to_owned())
            .spawn(move || Narrower::new(start).run())
            .context("no thread can be made")?;
        Ok(Self { thread })
    }

    /// Waits for the thread to see that the sets have ended, unless that takes longer than `patience`:
    /// it may be in the kernel.
    pub fn end(self, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
