//! The thread that makes a plan grow: it has it looked at what runs, learns from that, and attaches what is new.
//!
//! What it has attached is in [`Grown`] at once, so that nobody has to wait for the thread to take it away.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    growth::{Grown, Start, lock},
    learning::WatchError,
    probes::FIRST_GENERATION,
};
use crate::{
    attach::{AttachError, Observer, Probe, Role, Side},
    graph::Nanoseconds,
    kernel::{Address, learning::Looker, numbers::Numbers, symbols::Symbols},
    plan::{self, Plan, Planned, Source, learn::Learner},
};

/// How long everything is watched at a time.
const LOOK: Duration = Duration::from_millis(250);
/// The pause after the first look that finds nothing new.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long callers are waited for at a time.
const CALLERS: Duration = Duration::from_mins(1);
/// How often a pause looks whether the trace has ended.
const TICK: Duration = Duration::from_millis(50);

/// The thread that makes a plan grow.
pub(super) struct Grower {
    start: Start,
    stop: Arc<AtomicBool>,
    /// Functions that had probes when the trace began.
    has_probes: BTreeSet<Address>,
    /// Functions in the order of the learner that were taken.
    taken: usize,
    grown: Arc<Mutex<Grown>>,
}

impl Grower {
    /// Begins with what `start` says, and ends when `stop` is set.
    pub(super) fn new(start: Start, stop: Arc<AtomicBool>, grown: Arc<Mutex<Grown>>) -> Self {
        let known = start.plan.callees.iter().chain(&start.plan.hidden);
        Self {
            has_probes: known.map(|one| one.address).collect(),
            start,
            stop,
            taken: 0,
            grown,
        }
    }

    /// Looks and attaches until the end.
    pub(super) fn grow(mut self, looker: Looker) {
        let kernel = Arc::clone(&self.start.kernel);
        let roots = &self.start.plan.roots;
        let mut learner = Learner::new(&kernel, roots.iter().map(|root| root.address).collect());
        learner.know(std::mem::take(&mut self.start.seen));
        match self.watch(&mut learner, looker) {
            Ok(()) => {}
            Err(_) if self.has_ended() => {}
            Err(error) => eprintln!("tracer: nothing more is learned while tracing: {error}"),
        }
    }

    fn watch(&mut self, learner: &mut Learner<'_>, mut looker: Looker) -> Result<(), WatchError> {
        let roots = self.start.plan.roots.clone();
        let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
        let mut tasks: Vec<u32> = self.start.first.into_iter().collect();
        let mut pause = FIRST_PAUSE;
        self.sleep(self.start.pause);
        while !self.has_ended() {
            if tasks.is_empty() {
                let callers = looker.callers_of(&names, CALLERS, &self.stop)?;
                tasks = callers.unwrap_or_default();
                tasks.retain(|&task| self.is_traced(task));
            }
            while !tasks.is_empty() && !self.has_ended() {
                if self.start.verbose {
                    eprintln!("tracer: looking at all that runs under the roots");
                }
                let began = Instant::now();
                let Some(hits) = looker.record(&tasks, LOOK, &self.stop)? else {
                    eprintln!(
                        "tracer: process {} switches the function tracer off",
                        looker.process()
                    );
                    return Ok(());
                };
                let known = learner.members().len();
                learner.take(&Symbols::read()?, &hits);
                lock(&self.grown).seen.clone_from(learner.members());
                if learner.members().len() == known {
                    break;
                }
                pause = FIRST_PAUSE;
                // Attaching takes longer than the look, and nobody is to pay for the function tracer meanwhile.
                looker.rest(&self.stop)?;
                let took = began.elapsed();
                self.attach_new(learner);
                // Where the kernel patches its functions slowly (17 s with 46,000 of them, 6.1 under emulation), looks would follow each other without end.
                self.sleep(took);
            }
            if !tasks.is_empty() {
                looker.rest(&self.stop)?;
                self.sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
                tasks.clear();
            }
        }
        Ok(())
    }

    /// Whether root calls of a task are recorded.
    fn is_traced(&self, task: u32) -> bool {
        let Some(followed) = &self.start.followed else {
            return true;
        };
        let numbers = Numbers::now(&self.start.kernel.types);
        let process = numbers.ok().and_then(|numbers| numbers.process_of(task));
        process.is_some_and(|process| followed.includes(process, task))
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
        let mut added = 0;
        for some in plan.callees.chunks(at_once) {
            if self.has_ended() {
                break;
            }
            match self.attach(some, &mut added) {
                Ok(probes) => lock(&self.grown).probes.extend(probes),
                Err(error) => eprintln!("tracer: {error}; the graph does not grow by it"),
            }
        }
        if added > 0 {
            eprintln!("tracer: {added} functions more");
        }
        if self.start.verbose {
            for left in &plan.left_out {
                eprintln!("tracer: left out {}: {}", left.name, left.reason);
            }
        }
    }

    /// Attaches some functions; `added` counts those that the kernel accepts.
    fn attach(
        &mut self,
        functions: &[Planned],
        added: &mut usize,
    ) -> Result<Vec<Probe>, AttachError> {
        let Start {
            attacher,
            joined,
            verbose,
            ..
        } = &mut self.start;
        let ids: Vec<_> = functions
            .iter()
            .map(|planned| plan::function_id(planned.address))
            .collect();
        for &function in &ids {
            joined.begin(function);
        }
        let stop = &self.stop;
        let mut watch = Watch {
            stop,
            added,
            verbose: *verbose,
        };
        let probes = attacher.attach(
            functions,
            Role::Callee,
            Side::of(FIRST_GENERATION),
            &mut watch,
        );
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

/// Counts the functions that were added, and says which are left out.
struct Watch<'a> {
    stop: &'a AtomicBool,
    added: &'a mut usize,
    verbose: bool,
}

impl Observer for Watch<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        *self.added += functions.len();
        if self.verbose {
            for planned in functions {
                eprintln!("tracer: added {}", planned.name);
            }
        }
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        eprintln!("tracer: {error}; it is left out of the graph");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
