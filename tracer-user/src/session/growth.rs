//! The plan grows while the trace goes on.
//!
//! A thread of its own looks, with the function tracer, at who calls the roots and what runs under them, and attaches what
//! is new. Looks are short and follow each other as long as they find something; then come pauses that
//! double, so that a trace that goes on for long is left alone. What starts late, or takes a way that it did not take
//! before, is in the graph a look later. Root calls that are open while a function joins are not torn by it:
//! see [`Joined`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::learning::WatchError;
use crate::{
    attach::{AttachError, Attacher, Observer, Probe, Role},
    graph::{Joined, Nanoseconds},
    kernel::{Address, Kernel, learning::FunctionTracer, symbols::Symbols},
    plan::{self, Plan, Planned, Rules, Source, learn::Learner},
};

/// How long everything is watched at a time.
const LOOK: Duration = Duration::from_millis(250);
/// The pause before the first look, if the roots have just been learned: what a look adds then is rare, and it slows the traced
/// tasks down.
pub const AFTER_LEARNING: Duration = Duration::from_secs(10);
/// The pause after the first look that finds nothing new.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long callers are waited for at a time.
const CALLERS: Duration = Duration::from_mins(1);
/// How often a pause looks whether the trace has ended.
const TICK: Duration = Duration::from_millis(50);

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
    /// Only tasks of these processes are looked at; of all, if there are none.
    pub processes: Vec<u32>,
    /// A task that will call the roots, if one is known.
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
    thread: Option<JoinHandle<Grown>>,
}

impl Growth {
    /// Begins to look.
    pub fn start(start: Start) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let known = start.plan.callees.iter().chain(&start.plan.hidden);
        let grower = Grower {
            has_probes: known.map(|one| one.address).collect(),
            start,
            stop: Arc::clone(&stop),
            taken: 0,
            probes: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("growth".to_owned())
            .spawn(move || grower.grow())
            .context("no thread can be made")?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Tells it to end, and does not wait.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Ends it.
    pub fn end(mut self) -> Grown {
        self.join().unwrap_or_default()
    }

    fn join(&mut self) -> Option<Grown> {
        self.stop();
        self.thread.take()?.join().ok()
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.join();
    }
}

/// The thread.
struct Grower {
    start: Start,
    stop: Arc<AtomicBool>,
    /// Functions that had probes when the trace began.
    has_probes: BTreeSet<Address>,
    /// Functions in the order of the learner that were taken.
    taken: usize,
    probes: Vec<Probe>,
}

impl Grower {
    fn grow(mut self) -> Grown {
        let kernel = Arc::clone(&self.start.kernel);
        let roots = &self.start.plan.roots;
        let mut learner = Learner::new(&kernel, roots.iter().map(|root| root.address).collect());
        learner.know(std::mem::take(&mut self.start.seen));
        if let Err(error) = self.watch(&mut learner) {
            eprintln!("tracer: nothing more is learned while tracing: {error}");
        }
        Grown {
            seen: learner.members().clone(),
            probes: self.probes,
        }
    }

    fn watch(&mut self, learner: &mut Learner<'_>) -> Result<(), WatchError> {
        let roots = self.start.plan.roots.clone();
        let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
        let mut tracer = FunctionTracer::new()?;
        let mut tasks: Vec<u32> = self.start.first.into_iter().collect();
        let mut pause = FIRST_PAUSE;
        self.sleep(self.start.pause);
        while !self.has_ended() {
            if tasks.is_empty() {
                tasks = tracer.callers_of(&names, CALLERS, &self.stop)?;
                tasks.retain(|&task| self.is_traced(task));
            }
            while !tasks.is_empty() && !self.has_ended() {
                let hits = tracer.record(Some(&tasks), LOOK, &self.stop)?;
                let known = learner.members().len();
                learner.take(&Symbols::read()?, &hits);
                if learner.members().len() == known {
                    break;
                }
                pause = FIRST_PAUSE;
                // Attaching takes longer than the look, and nobody is to pay for the function tracer meanwhile.
                tracer.rest()?;
                self.attach_new(learner);
            }
            if !tasks.is_empty() {
                tracer.rest()?;
                self.sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
                tasks.clear();
            }
        }
        Ok(())
    }

    /// Whether root calls of a task are recorded.
    fn is_traced(&self, task: u32) -> bool {
        let has_task = |process| {
            let tasks = PathBuf::from(format!("/proc/{process}/task"));
            tasks.join(task.to_string()).exists()
        };
        let processes = &self.start.processes;
        processes.is_empty() || processes.iter().any(has_task)
    }

    /// Attaches what was learned and is not attached yet.
    fn attach_new(&mut self, learner: &Learner<'_>) {
        let members = learner.members();
        let new: BTreeMap<Address, Source> = learner.order()[self.taken..]
            .iter()
            .filter(|address| !self.has_probes.contains(address))
            .filter_map(|address| Some((*address, *members.get(address)?)))
            .map(|(address, hits)| (address, Source::Learned { hits }))
            .collect();
        let order: HashMap<Address, usize> = learner.order().iter().copied().zip(0..).collect();
        self.taken = order.len();
        let roots = self.start.plan.roots.clone();
        let mut plan = Plan::new(&self.start.kernel, &self.start.rules, roots, new);
        // In the order in which they ran: what the root calls first of all comes before what interrupts bring along.
        plan.callees.sort_by_key(|one| order.get(&one.address));
        let at_once = self.start.attacher.at_once();
        let mut added = Vec::new();
        for some in plan.callees.chunks(at_once) {
            if self.has_ended() {
                break;
            }
            match self.attach(some, &mut added) {
                Ok(probes) => self.probes.extend(probes),
                Err(error) => eprintln!("tracer: {error}; the graph does not grow by it"),
            }
        }
        if !added.is_empty() {
            eprintln!("tracer: {} functions more", added.len());
        }
        if self.start.verbose {
            for name in added {
                eprintln!("tracer: added {name}");
            }
            for left in &plan.left_out {
                eprintln!("tracer: left out {}: {}", left.name, left.reason);
            }
        }
    }

    /// Attaches some functions; `added` is told the names of those that the kernel accepts.
    fn attach(
        &mut self,
        functions: &[Planned],
        added: &mut Vec<String>,
    ) -> Result<Vec<Probe>, AttachError> {
        let Start {
            attacher, joined, ..
        } = &mut self.start;
        let ids: Vec<_> = functions
            .iter()
            .map(|planned| plan::function_id(planned.address))
            .collect();
        for &function in &ids {
            joined.begin(function);
        }
        let stop = &self.stop;
        let probes = attacher.attach(functions, Role::Callee, &mut Watch { stop, added });
        let now = Nanoseconds::now();
        for &function in &ids {
            joined.done(function, now);
        }
        probes
    }

    fn has_ended(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn sleep(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() && !self.has_ended() {
            let step = left.min(TICK);
            thread::sleep(step);
            left -= step;
        }
    }
}

/// Collects which functions were added, and says which are left out.
struct Watch<'a> {
    stop: &'a AtomicBool,
    added: &'a mut Vec<String>,
}

impl Observer for Watch<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        let names = functions.iter().map(|planned| planned.name.clone());
        self.added.extend(names);
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        eprintln!("tracer: {error}; it is left out of the graph");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
