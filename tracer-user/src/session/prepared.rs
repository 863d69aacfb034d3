//! What is there before anything is loaded, and what becomes of it: the probes, the thread that changes them, the end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Result;
use tokio::signal::unix::Signal;
use tracer_common::Callers;

use super::{
    Options, Stop,
    attached::{self, Attached},
    command::Subject,
    found::Found,
    growth::{Growth, Start},
    learning,
    probes::{self, Probes},
    tell,
};
use crate::{
    attach::{Attacher, Way, Ways},
    graph::Joined,
    kernel::{Kernel, learning::Looker},
    learn::{
        Narrowing, Programs, Sets,
        narrowing::{self, Host},
        sets::lock,
    },
    plan::{Plan, Rules, cache::Cache},
};

/// The end of the trace waits no longer for a thread that is in the kernel.
const PATIENCE: Duration = Duration::from_millis(100);

/// All that is there before anything is loaded.
pub struct Prepared {
    /// The running kernel.
    pub kernel: Arc<Kernel>,
    /// What must not be attached.
    pub rules: Arc<Rules>,
    /// What is attached.
    pub plan: Plan,
    /// All that the kernel has, and the one that is taken.
    pub ways: Ways,
    /// See `ways`.
    pub way: Way,
    /// What the trace begins with.
    pub found: Found,
    /// Where it is kept what was learned.
    pub cache: Option<Cache>,
    /// The command.
    pub subject: Option<Subject>,
    /// How the recording is asked for, if it waits for that.
    pub save: Option<Signal>,
    /// The user.
    pub stop: Stop,
}

/// What changes the set of probes while the trace goes on.
pub enum Change {
    /// Nothing.
    Never,
    /// It is narrowed.
    Narrows(Narrowing),
    /// It grows.
    Grows(Growth),
}

impl Prepared {
    /// Loads the object and attaches the plan.
    pub fn attach(&self, options: &Options) -> Result<Attached> {
        attached::attach(
            options,
            &self.kernel,
            &self.plan,
            self.ways,
            self.way,
            self.callers(options),
            &self.stop,
        )
    }

    /// Whose root calls are traced.
    pub fn callers(&self, options: &Options) -> Callers {
        let command = self.subject.as_ref().and_then(Subject::pid);
        let own = std::process::id();
        let looker = self.found.looker().unwrap_or(own);
        options.callers.config([own, looker], command)
    }

    /// The processes that are traced, if not all.
    fn processes(&self, options: &Options) -> Vec<u32> {
        if !options.callers.pids.is_empty() {
            return options.callers.pids.clone();
        }
        let subject = self.subject.as_ref();
        subject.and_then(Subject::pid).into_iter().collect()
    }

    /// Begins to narrow the trace, or to make it grow, if that is wanted.
    pub fn change(
        &mut self,
        options: &Options,
        attacher: Attacher,
        joined: Joined,
        (sets, programs): (&Arc<Mutex<Sets>>, Programs),
    ) -> Result<Change> {
        match &mut self.found {
            Found::All(seen) => {
                let start = narrowing::Start {
                    kernel: Arc::clone(&self.kernel),
                    rules: Arc::clone(&self.rules),
                    attacher,
                    plan: self.plan.clone(),
                    seen: Arc::clone(seen),
                    sets: Arc::clone(sets),
                    host: Host::of(self.subject.is_some()),
                    programs,
                    joined,
                    narrows: !options.is_complete(),
                    verbose: options.verbose,
                };
                Narrowing::start(start).map(Change::Narrows)
            }
            Found::Some { growth, .. } => {
                let Some((pause, looker)) = growth.take() else {
                    return Ok(Change::Never);
                };
                self.grow(options, attacher, joined, (pause, looker))
                    .map(Change::Grows)
            }
        }
    }

    fn grow(
        &self,
        options: &Options,
        attacher: Attacher,
        joined: Joined,
        (pause, looker): (Duration, Looker),
    ) -> Result<Growth> {
        let start = Start {
            kernel: Arc::clone(&self.kernel),
            rules: Arc::clone(&self.rules),
            attacher,
            plan: self.plan.clone(),
            seen: self.found.hits(),
            processes: self.processes(options),
            first: self.subject.as_ref().and_then(Subject::held),
            pause,
            joined,
            verbose: options.verbose,
        };
        Growth::start(start, looker)
    }

    /// Keeps what was learned, and takes the probes away.
    pub fn leave(self, options: &Options, change: Change, mut probes: Probes, sets: &Mutex<Sets>) {
        let mut seen = self.found.hits();
        match change {
            Change::Never => {}
            Change::Narrows(narrowing) => narrowing.end(PATIENCE),
            Change::Grows(growth) => {
                let grown = growth.end();
                probes.callees.extend(grown.probes);
                seen = grown.seen;
            }
        }
        probes.callees.extend(lock(sets).take_all());
        if let Some(cache) = &self.cache {
            let tell = |words: &str| tell::more(options.verbose, words);
            learning::keep(&self.kernel, &self.plan.roots, cache, &seen, tell);
        }
        probes::detach(probes);
    }
}
