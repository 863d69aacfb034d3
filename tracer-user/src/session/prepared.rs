//! What is there before anything is loaded, and what becomes of it: the probes, the thread that
//! changes them, the end.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Result;
use tokio::signal::unix::Signal;
use tracer_common::Callers;

use super::{
    Options,
    attached::{self, Attached, InKernel},
    command::Subject,
    found::Found,
    probes::{self, FIRST_GENERATION, Probes, Ready},
    processes::Processes,
    tasks::Tasks,
    tell,
    whose::{self, Named},
};
use crate::{
    attach::{Attacher, Followed, Marks, Side},
    graph::AttachedLate,
    kernel::{Kernel, Mechanism, Mechanisms, numbers::Numbers, trace_events::TraceEvent},
    learn::{
        growth::{Growth, Joining, Start},
        kept::{self, Cache},
        modules::{Modules, Typed},
        wide::{self, Attaching, Host, Narrowing, Programs, Sets, sets::lock},
    },
    model::{Skipped, Untraced},
    pipeline::Pipeline,
    plan::{ByPlan, Current, FieldPlan, Plan, Planned, Rules},
    stop::Stop,
};

/// The end of the trace waits no longer for a thread that is in the kernel.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often it is looked whether a command may begin.
const TICK: Duration = Duration::from_millis(10);
/// How long the last sampling window is waited for by a user who has asked for the end.
const PROMPT: Duration = Duration::from_millis(300);
/// And by nobody in particular.
const COMMAND: Duration = Duration::from_secs(3);
/// How long functions are attached one by one before root calls begin to be traced.
const FIRST_PROBES: Duration = Duration::from_secs(3);

/// All that is there before anything is loaded.
pub struct Prepared {
    /// The running kernel as it was when the trace began.
    pub kernel: Arc<Kernel>,
    /// And as it is now.
    pub current: Arc<Current>,
    /// What must not be attached.
    pub rules: Arc<Rules>,
    /// What is attached.
    pub plan: Plan,
    /// What is read of calls, and asked of root calls.
    pub fields: FieldPlan,
    /// How calls are told apart that are counted.
    pub by: Option<ByPlan>,
    /// All that the kernel has, and the one that is taken.
    pub mechanisms: Mechanisms,
    /// See `mechanisms`.
    pub mechanism: Mechanism,
    /// What the trace begins with.
    pub found: Found,
    /// Where it is kept what was learned.
    pub cache: Option<Cache>,
    /// The processes that were named.
    pub processes: Processes,
    /// And the tasks.
    pub tasks: Tasks,
    /// The command.
    pub subject: Option<Subject>,
    /// How the recording is asked for, if it waits for that.
    pub save: Option<Signal>,
    /// The user.
    pub stop: Stop,
    /// Events that are marked.
    pub events: Vec<TraceEvent>,
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

impl Change {
    /// Hits that the kernel skipped of functions that have joined.
    pub fn skipped(&self) -> Skipped {
        match self {
            Self::Grows(growth) => growth.skipped(),
            Self::Never | Self::Narrows(_) => Skipped::default(),
        }
    }

    /// Until a command may begin: what it does first is to be sampled, too, where that is all that
    /// knows what had no probe.
    async fn is_ready(&self, stop: &Stop) {
        let Self::Grows(growth) = self else {
            return;
        };
        while !growth.has_begun() && !stop.is_wanted() {
            tokio::time::sleep(TICK).await;
        }
    }

    /// What attaches, and the word that ends it, if the trace grows.
    pub fn joining(&self) -> Option<(Arc<Mutex<Joining>>, Arc<AtomicBool>)> {
        match self {
            Self::Grows(growth) => Some(growth.joining()),
            Self::Never | Self::Narrows(_) => None,
        }
    }

    /// The trace ends: nothing more is sampled.
    pub fn stop(&self) {
        if let Self::Grows(growth) = self {
            growth.stop();
        }
    }

    /// What ran under root calls and had no probe, if that was sampled. The pipeline is told, too.
    pub fn untraced(
        &self,
        found: &Found,
        stop: &Stop,
        pipeline: &mut Pipeline<'_>,
    ) -> Option<Untraced> {
        let (Self::Grows(growth), Some(_)) = (self, found.sampled()) else {
            return None;
        };
        let patience = if stop.is_wanted() { PROMPT } else { COMMAND };
        let untraced = growth.untraced(patience);
        pipeline.untraced(untraced);
        Some(untraced)
    }
}

impl Prepared {
    /// Loads the object and attaches the plan.
    pub fn attach(&self, options: &Options, in_kernel: InKernel) -> Result<Attached> {
        let mut attached = attached::attach(
            options,
            &self.kernel,
            (&self.plan, &self.fields, self.ready(options)),
            self.mechanisms,
            self.mechanism,
            (self.callers(options)?, in_kernel, &self.events),
            &self.stop,
        )?;
        let told = whose::Told {
            cgroups: attached.cgroups.take(),
            followed: attached.followed.as_deref(),
        };
        self.follow(options, told)?;
        Ok(attached)
    }

    /// Whose root calls are traced.
    pub fn callers(&self, options: &Options) -> Result<Callers> {
        let own = whose::own(&self.kernel.types, self.found.sampler())?;
        let has_command = self.subject.is_some();
        Ok(options.callers.config(own, has_command))
    }

    /// Tells the kernel who was named.
    pub fn follow(&self, options: &Options, told: whose::Told<'_>) -> Result<()> {
        let named = Named {
            processes: &self.processes,
            tasks: &self.tasks,
            command: self.subject.as_ref().and_then(Subject::pid),
        };
        whose::begin(
            &self.kernel.types,
            &options.callers,
            &named,
            told,
            &self.stop,
        )
    }

    /// Who watches a host waits for the first graph; who asks for a number of calls, for a time, or
    /// for a command wants these whole.
    fn ready(&self, options: &Options) -> Ready {
        let has_end = options.show.count.is_some() || options.duration.is_some();
        if has_end || self.subject.is_some() || self.found.sampler().is_none() {
            Ready::WithAll
        } else {
            Ready::After(FIRST_PROBES)
        }
    }

    /// Begins to narrow the trace, or to make it grow, if that is wanted. When that is done a
    /// command may begin.
    pub async fn change(
        &mut self,
        options: &Options,
        attacher: Attacher,
        attached_late: AttachedLate,
        (sets, programs): (&Arc<Mutex<Sets>>, Programs),
        (later, followed): (Vec<Planned>, Option<Arc<Followed>>),
    ) -> Result<Change> {
        let typed = Typed {
            // A condition is on the arguments of roots that are known.
            roots: if options.asked.is_empty() {
                options.roots.clone()
            } else {
                Vec::new()
            },
            excluded: options.excluded.clone(),
            not_roots: options.not_roots.clone(),
        };
        let modules = Modules::new(Arc::clone(&self.current), Arc::clone(&self.rules), typed);
        let seen = self.found.hits(&self.kernel);
        let change = match &mut self.found {
            Found::All(seen) => {
                let start = wide::Start {
                    kernel: Arc::clone(&self.kernel),
                    rules: Arc::clone(&self.rules),
                    attaching: Attaching::new(attacher, Arc::clone(sets)),
                    plan: self.plan.clone(),
                    seen: Arc::clone(seen),
                    host: Host::of(self.subject.is_some()),
                    programs,
                    attached_late,
                    modules,
                    again: options.again(),
                    verbose: options.verbose,
                };
                Narrowing::start(start).map(Change::Narrows)
            }
            Found::Some { growth, .. } => {
                let growth = growth.take();
                let may_be_suspended = options.budget.is_some() && !self.plan.callees.is_empty();
                if growth.is_none() && !modules.may_bring_roots() && !may_be_suspended {
                    return Ok(Change::Never);
                }
                let (pause, sampler) = growth.unzip();
                let is_later =
                    |one: &Planned| later.iter().any(|other| other.address == one.address);
                let known = self.plan.callees.iter().chain(&self.plan.excluded);
                let has_probes = known.filter(|one| !is_later(one)).map(|one| one.address);
                let side = Side::of(FIRST_GENERATION);
                let below = self.plan.callees.iter().filter(|one| !is_later(one));
                let below = below.cloned().collect();
                let joining = Joining::new(
                    attacher,
                    side,
                    attached_late,
                    (has_probes.collect(), below),
                    options.verbose,
                );
                let held = self.subject.as_ref().and_then(Subject::held);
                let numbers = Numbers::now(&self.kernel.types)?;
                let start = Start {
                    current: Arc::clone(&self.current),
                    rules: Arc::clone(&self.rules),
                    joining: Arc::new(Mutex::new(joining)),
                    plan: self.plan.clone(),
                    later,
                    seen,
                    followed,
                    first: held.and_then(|held| numbers.task(held)),
                    pause: pause.unwrap_or_default(),
                    sampled: self.found.sampled().unwrap_or_default(),
                    below: !options.is_roots_only() && options.functions.is_none(),
                    verbose: options.verbose,
                };
                Growth::start(start, sampler, modules).map(Change::Grows)
            }
        }?;
        if self.subject.is_some() {
            change.is_ready(&self.stop).await;
        }
        Ok(change)
    }

    /// Keeps what was learned, and takes the probes away.
    pub fn leave(
        self,
        options: &Options,
        change: Change,
        (mut probes, marks): (Probes, Marks),
        sets: &Mutex<Sets>,
    ) {
        let mut seen = self.found.hits(&self.kernel);
        match change {
            Change::Never => {}
            Change::Narrows(narrowing) => narrowing.end(PATIENCE),
            Change::Grows(growth) => {
                let grown = growth.end();
                probes.callees.extend(grown.probes);
                probes.callees.extend(grown.below);
                seen = grown.seen;
            }
        }
        probes.callees.extend(lock(sets).take_all());
        if let Some(cache) = &self.cache {
            let tell = |words: &str| tell::more(options.verbose, words);
            kept::write(&self.kernel, &self.plan.roots, cache, &seen, tell);
        }
        probes::detach(probes, marks);
    }
}
