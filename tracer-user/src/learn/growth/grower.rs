//! The thread that makes a plan grow: it has it sampled what runs, learns from that, and has
//! attached what is new.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    grown::{Grown, lock},
    joining,
    start::Start,
};
use crate::{
    kernel::{Address, numbers::Numbers},
    learn::sampling::{Learner, Sampler, SamplingError},
    model::{Nanoseconds, many},
    plan::{FoundBy, Plan, Reason},
};

/// How long a sampling window is.
const WINDOW: Duration = Duration::from_millis(250);
/// The first one, where it begins with a command.
const WINDOW_OF_COMMAND: Duration = Duration::from_secs(2);
/// The pause after the first window that finds nothing new. It doubles with each, also where one
/// found something.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// Windows that find nothing new take at most one part in so many of the time, with what it takes
/// to begin them.
const SHARE: u32 = 20;
/// How long the records of a window are waited for at the end of the trace.
const COLLECTING: Duration = Duration::from_secs(10);
/// How long callers are waited for at a time.
const CALLERS: Duration = Duration::from_mins(1);
/// How often a pause looks whether the trace has ended.
const TICK: Duration = Duration::from_millis(50);

/// Whether there were any in a sampling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RootCalls {
    Seen,
    NotSeen,
}

/// The thread that makes a plan grow.
pub(super) struct Grower {
    start: Start,
    stop: Arc<AtomicBool>,
    /// Set when the first window is open.
    begun: Arc<AtomicBool>,
    /// Functions in the order of the learner that were taken.
    taken: usize,
    grown: Arc<Mutex<Grown>>,
}

impl Grower {
    /// Begins with what `start` says, and ends when `stop` is set.
    pub(super) fn new(
        start: Start,
        stop: Arc<AtomicBool>,
        begun: Arc<AtomicBool>,
        grown: Arc<Mutex<Grown>>,
    ) -> Self {
        Self {
            start,
            stop,
            begun,
            taken: 0,
            grown,
        }
    }

    /// Samples and attaches until the end.
    pub(super) fn grow(mut self, sampler: Sampler) {
        let kernel = self.start.current.kernel();
        let roots = &self.start.plan.roots;
        let mut learner = Learner::new(&kernel, roots.iter().map(|root| root.address).collect());
        learner.know(std::mem::take(&mut self.start.seen));
        match self.sample_for(&mut learner, sampler) {
            Ok(()) => {}
            Err(_) if self.has_ended() => {}
            Err(error) => eprintln!("tracer: nothing more is learned while tracing: {error}"),
        }
    }

    fn sample_for(
        &mut self,
        learner: &mut Learner<'_>,
        mut sampler: Sampler,
    ) -> Result<(), SamplingError> {
        let roots = self.start.plan.roots.clone();
        let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
        let mut tasks: Vec<u32> = self.start.first.into_iter().collect();
        let mut window = if tasks.is_empty() {
            WINDOW
        } else {
            WINDOW_OF_COMMAND
        };
        let mut pause = FIRST_PAUSE;
        self.attach_later();
        self.sleep(self.start.pause);
        while !self.has_ended() {
            if tasks.is_empty() {
                let callers = sampler.callers_of(&names, CALLERS, &self.stop)?;
                tasks = self.traced(callers.unwrap_or_default());
            }
            let mut took = Duration::ZERO;
            while !tasks.is_empty() && !self.has_ended() {
                let began = Instant::now();
                let known = learner.members().len();
                let Some(seen) = self.sample(learner, &mut sampler, &tasks, window)? else {
                    eprintln!(
                        "tracer: process {} switches the function tracer off",
                        sampler.process()
                    );
                    return Ok(());
                };
                window = WINDOW;
                if learner.members().len() == known {
                    // A window without a root call has shown nothing, and is no reason for a long
                    // pause: callers are waited for before the next one.
                    if seen == RootCalls::Seen {
                        took = began.elapsed();
                    }
                    break;
                }
                // Attaching takes longer than the window, and nobody is to pay for the function
                // tracer meanwhile.
                sampler.rest(&self.stop)?;
                took = began.elapsed();
                self.attach_new(learner);
                // Where the kernel patches its functions slowly (17 s with 46,000 of them, 6.1
                // under emulation), windows would follow each other without end.
                self.sleep(took);
            }
            if !tasks.is_empty() {
                sampler.rest(&self.stop)?;
                self.sleep(pause.max(took * SHARE));
                pause = (pause * 2).min(LONGEST_PAUSE);
                tasks.clear();
            }
        }
        Ok(())
    }

    /// A sampling window. Says whether root calls were in it; none if the trace has ended.
    fn sample(
        &self,
        learner: &mut Learner<'_>,
        sampler: &mut Sampler,
        tasks: &[u32],
        time: Duration,
    ) -> Result<Option<RootCalls>, SamplingError> {
        if self.start.verbose {
            eprintln!("tracer: sampling all that runs under the roots");
        }
        if sampler.begin(tasks, &self.stop)?.is_none() {
            return Ok(None);
        }
        let root_calls = &self.start.sampled;
        root_calls.open(Nanoseconds::now());
        self.begun.store(true, Ordering::Release);
        self.sleep(time);
        let end = Nanoseconds::now();
        let hits = sampler.collect(COLLECTING)?;
        root_calls.close(end);
        let Some(hits) = hits else {
            return Ok(None);
        };
        let mut below = learner.take(&self.start.current.kernel().symbols_now()?, &hits);
        let seen = if below.is_empty() {
            RootCalls::NotSeen
        } else {
            RootCalls::Seen
        };
        // Places are few, hits are many.
        let mut own = HashMap::new();
        below.retain(|(hit, function)| {
            let mut places = [*function, hit.parent].into_iter();
            !places.any(|place| *own.entry(place).or_insert_with(|| self.is_own(place)))
        });
        root_calls.hits(&hits, &below, |function| {
            joining::lock(&self.start.joining).has_probe(function)
        });
        lock(&self.grown).seen.clone_from(learner.members());
        Ok((!self.has_ended()).then_some(seen))
    }

    /// Whether an address is in code that the probes themselves run: it is not known whether a call
    /// in it is theirs, and nearly all are.
    fn is_own(&self, address: Address) -> bool {
        let Start { current, rules, .. } = &self.start;
        let kernel = current.kernel();
        let function = kernel.symbols.function_at(address);
        let reason = function.and_then(|function| rules.check(&kernel, &function).err());
        matches!(reason, Some(Reason::Trampoline | Reason::OwnHelper))
    }

    /// Attaches what had no probe yet when the trace began.
    fn attach_later(&mut self) {
        let later = std::mem::take(&mut self.start.later);
        let added = joining::lock(&self.start.joining).attach(&later, &self.stop);
        if added > 0 {
            let added = many(added, "function");
            eprintln!("tracer: {added} more, all that were known");
        }
    }

    /// Those of the tasks whose root calls are recorded.
    fn traced(&self, mut tasks: Vec<u32>) -> Vec<u32> {
        let Some(followed) = &self.start.followed else {
            return tasks;
        };
        let numbers = Numbers::now(&self.start.current.kernel().types).ok();
        let process_of = |task| numbers.as_ref()?.process_of(task);
        tasks.retain(|&task| {
            process_of(task).is_some_and(|process| followed.includes(process, task))
        });
        tasks
    }

    /// Attaches what was learned and is not attached yet.
    fn attach_new(&mut self, learner: &Learner<'_>) {
        let members = learner.members();
        let mut joining = joining::lock(&self.start.joining);
        let new: BTreeMap<Address, FoundBy> = learner.order()[self.taken..]
            .iter()
            .filter(|address| !joining.has_probe(**address))
            .filter_map(|address| Some((*address, *members.get(address)?)))
            .map(|(address, hits)| (address, FoundBy::Learned { hits }))
            .collect();
        let order: HashMap<Address, usize> = learner.order().iter().copied().zip(0..).collect();
        self.taken = order.len();
        let roots = self.start.plan.roots.clone();
        let mut plan = Plan::new(&self.start.current.kernel(), &self.start.rules, roots, new);
        // In the order in which they ran: what the root calls first of all comes before what
        // interrupts bring along.
        plan.callees.sort_by_key(|one| order.get(&one.address));
        let added = joining.attach(&plan.callees, &self.stop);
        drop(joining);
        if added > 0 {
            eprintln!("tracer: {} more", many(added, "function"));
        }
        if self.start.verbose {
            for left in &plan.skipped {
                eprintln!("tracer: skipped {}: {}", left.name, left.reason);
            }
        }
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
        // Nothing is learned while nothing below the roots is traced.
        while joining::lock(&self.start.joining).is_suspended() && !self.has_ended() {
            thread::sleep(TICK);
        }
    }
}
