//! The thread that narrows a wide trace, and widens it again for a moment from time to time.
//!
//! It asks [`Seen`] whether root calls still bring anything new, and changes the [`sets`]: first what was
//! seen and what that calls, by the mechanism with which it is attached at once; then, where that is
//! kprobe.session, the functions that are hit most as pairs, whose calls cost half, while the trace goes
//! on. Later the trace is wide again for a moment, at most [`SHARE`] of the time and less and less often;
//! what that finds joins the narrow set.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    Programs, Seen,
    sets::{self, Sets},
};
use crate::{
    attach::{AttachError, Attacher, Observer, Probe, Role, Side, Way},
    graph::{Joined, Nanoseconds},
    kernel::{Address, Kernel},
    plan::{self, Plan, Planned, Reach, Rules, Source},
};

/// Root calls that bring nothing new, after which the trace is narrowed.
const QUIET_CALLS: u64 = 32;
/// A trace is wide for that long at least.
const SHORTEST: Duration = Duration::from_secs(1);
/// The trace of a command: what it does at its beginning differs from what it does later.
const SHORTEST_OF_COMMAND: Duration = Duration::from_secs(5);
/// Root calls after which it is known what the roots usually do.
const ENOUGH_CALLS: u64 = 128;
/// How long a host that nobody asked is slowed down at most, once there were root calls.
const LONGEST: Duration = Duration::from_secs(15);
/// And while there were none.
const LONGEST_IDLE: Duration = Duration::from_secs(60);
/// How long the trace is wide when it is widened again, at most.
const AGAIN: Duration = Duration::from_secs(2);
/// The first pause before that; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// The trace is wide for at most one part in so many of the time, the beginning aside.
const SHARE: u32 = 50;
/// How long functions get pairs after the trace was narrowed.
const PAIRING: Duration = Duration::from_secs(15);
/// The share of all hits, in percent, that the functions have which get pairs.
const PAIRED_HITS: u64 = 98;
/// Functions that get pairs at most: each has two programs and two links of its own.
const MOST_PAIRS: usize = 400;
/// How often the kernel is asked for new BPF programs.
const PROGRAMS: Duration = Duration::from_millis(250);
/// How often it is looked whether it is time for something.
const TICK: Duration = Duration::from_millis(50);

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

struct Narrower {
    start: Start,
    began: Instant,
    /// Functions of the narrow set.
    narrow: BTreeSet<Address>,
    /// When it was last asked which BPF programs there are.
    asked: Instant,
}

/// The trace has ended, or something failed.
enum Stopped {
    Ended,
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Narrower {
    fn new(start: Start) -> Self {
        Self {
            start,
            began: Instant::now(),
            narrow: BTreeSet::new(),
            asked: Instant::now(),
        }
    }

    fn run(mut self) {
        match self.narrow_and_widen() {
            Ok(()) | Err(Stopped::Ended) => {}
            Err(Stopped::Failed(_)) if self.has_ended() => {}
            Err(Stopped::Failed(error)) => {
                eprintln!("tracer: the set of probes stays as it is: {error:#}");
            }
        }
    }

    fn narrow_and_widen(&mut self) -> Result<(), Stopped> {
        if !self.start.narrows {
            self.sleep(Duration::MAX)?;
        }
        self.wait_for_quiet()?;
        self.narrow()?;
        self.pair()?;
        let mut pause = FIRST_PAUSE;
        loop {
            self.sleep(pause)?;
            let took = self.widen()?;
            pause = (pause * 2).min(LONGEST_PAUSE).max(took * SHARE);
        }
    }

    /// Until root calls bring nothing new.
    fn wait_for_quiet(&mut self) -> Result<(), Stopped> {
        let at_least = match self.start.host {
            Host::Asked => SHORTEST_OF_COMMAND,
            Host::Unasked => SHORTEST,
        };
        loop {
            self.sleep(TICK)?;
            let (counts, wide) = (self.start.seen.counts(), self.began.elapsed());
            let limit = match (self.start.host, counts.root_calls) {
                (_, ENOUGH_CALLS..) => LONGEST,
                (Host::Asked, _) => Duration::MAX,
                (Host::Unasked, 0) => LONGEST_IDLE,
                (Host::Unasked, _) => LONGEST,
            };
            if wide >= at_least && (counts.quiet >= QUIET_CALLS || wide >= limit) {
                return Ok(());
            }
        }
    }

    /// From the wide set to what was seen and what that calls.
    fn narrow(&mut self) -> Result<(), Stopped> {
        let wide = self.functions_armed();
        let plan = self.narrow_plan();
        let side = self.attach_to_free(&plan.callees, None)?;
        self.narrow = plan.callees.iter().map(|one| one.address).collect();
        sets::lock(&self.start.sets).change(false)?;
        let took = self.began.elapsed();
        eprintln!(
            "tracer: {wide} functions had probes for {:.1} s; {} have them from now on",
            took.as_secs_f64(),
            sets::lock(&self.start.sets).functions(side)
        );
        if self.start.verbose {
            for excluded in &plan.left_out {
                eprintln!("tracer: left out {}: {}", excluded.name, excluded.reason);
            }
        }
        self.drop_free()
    }

    /// What was seen, in this trace or an earlier one, and what its text calls.
    fn narrow_plan(&self) -> Plan {
        let Start {
            kernel,
            rules,
            plan,
            seen,
            ..
        } = &self.start;
        let seen = seen.functions();
        let mut known: BTreeMap<Address, Source> = BTreeMap::new();
        let roots = plan.roots.iter().map(|root| root.address);
        if let Some(text) = &kernel.text {
            for caller in roots.chain(seen.keys().copied()) {
                for callee in text.callees(&kernel.symbols, caller) {
                    known.insert(callee.target, Source::Text { distance: 1 });
                }
            }
        }
        let hits = |(&address, &hits)| (address, Source::Learned { hits });
        known.extend(seen.iter().map(hits));
        Plan::new(kernel, rules, plan.roots.clone(), known).hide(plan.hidden.clone())
    }

    /// Functions that are hit most go over to pairs where the trace goes by kprobe.session.
    fn pair(&mut self) -> Result<(), Stopped> {
        if !matches!(self.start.attacher.way(), Way::Kprobe | Way::KprobeMulti) {
            return Ok(());
        }
        let plan = self.narrow_plan();
        let hot = self.hottest(&plan);
        if hot.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + PAIRING;
        self.attach_to_free(&plan.callees, Some((&hot, deadline)))?;
        sets::lock(&self.start.sets).change(false)?;
        self.drop_free()
    }

    /// The functions that have most of the hits, those that are hit most first.
    fn hottest(&self, plan: &Plan) -> Vec<Planned> {
        let mut hit: Vec<(u64, &Planned)> = plan
            .callees
            .iter()
            .filter(|one| one.reach == Reach::Type)
            .filter_map(|one| match one.source {
                Source::Learned { hits } => Some((hits, one)),
                _ => None,
            })
            .collect();
        hit.sort_by_key(|&(hits, _)| Reverse(hits));
        let all: u64 = hit.iter().map(|(hits, _)| hits).sum();
        let mut sum = 0;
        hit.into_iter()
            .take(MOST_PAIRS)
            .take_while(|(hits, _)| {
                let is_wanted = sum * 100 < all * PAIRED_HITS;
                sum += hits;
                is_wanted
            })
            .map(|(_, one)| one.clone())
            .collect()
    }

    /// All functions for a moment. Says how long.
    fn widen(&mut self) -> Result<Duration, Stopped> {
        let began = Instant::now();
        let before = self.start.seen.counts();
        let mut everything = self.start.plan.callees.clone();
        everything.extend_from_slice(self.start.programs.found());
        let way = self.start.attacher.way();
        self.attach_as(way, &everything, self.free())?;
        sets::lock(&self.start.sets).change(true)?;
        let armed = Instant::now();
        while armed.elapsed() < AGAIN {
            self.sleep(TICK)?;
            let calls = self.start.seen.counts().root_calls - before.root_calls;
            if calls >= QUIET_CALLS {
                break;
            }
        }
        // The other side's set is still there, and nobody is in it.
        sets::drain(&self.start.sets)?;
        let plan = self.narrow_plan();
        let is_new = |one: &Planned| !self.narrow.contains(&one.address);
        let new: Vec<Planned> = plan.callees.into_iter().filter(is_new).collect();
        self.attach_to_free(&new, None)?;
        self.narrow.extend(new.iter().map(|one| one.address));
        sets::lock(&self.start.sets).change(false)?;
        self.drop_free()?;
        Ok(began.elapsed())
    }

    fn free(&self) -> Side {
        sets::lock(&self.start.sets).free()
    }

    fn functions_armed(&self) -> usize {
        let sets = sets::lock(&self.start.sets);
        sets.functions(sets.armed())
    }

    /// Attaches functions on the side that is free; those in `pairs` as pairs, until then.
    fn attach_to_free(
        &mut self,
        functions: &[Planned],
        pairs: Option<(&[Planned], Instant)>,
    ) -> Result<Side, Stopped> {
        let side = self.free();
        let mut paired = BTreeSet::new();
        if let Some((hot, deadline)) = pairs {
            for one in hot {
                if Instant::now() >= deadline {
                    break;
                }
                self.attach_as(Way::Pair, std::slice::from_ref(one), side)?;
                paired.insert(one.address);
            }
        }
        let rest: Vec<Planned> = functions
            .iter()
            .filter(|one| !paired.contains(&one.address))
            .cloned()
            .collect();
        let way = self.start.attacher.way();
        self.attach_as(way, &rest, side)?;
        Ok(side)
    }

    fn attach_as(&mut self, way: Way, functions: &[Planned], side: Side) -> Result<(), Stopped> {
        let Start { attacher, sets, .. } = &mut self.start;
        sets::lock(sets).overlap(true)?;
        let mut watch = Watch { sets };
        let probes = attacher.attach_as(way, functions, Role::Callee, side, &mut watch)?;
        if self.has_ended() {
            return Err(Stopped::Ended);
        }
        sets::lock(&self.start.sets).add(side, probes);
        Ok(())
    }

    /// Waits for the root calls of the side that is free, and takes its probes away.
    fn drop_free(&self) -> Result<(), Stopped> {
        let open = sets::drain(&self.start.sets)?.ok_or(Stopped::Ended)?;
        let gone: Vec<Probe> = {
            let mut sets = sets::lock(&self.start.sets);
            sets.add_cut(open);
            sets.take_free()
        };
        // Not under the lock: the kernel takes its time.
        drop(gone);
        sets::lock(&self.start.sets).overlap(false)?;
        Ok(())
    }

    fn has_ended(&self) -> bool {
        sets::lock(&self.start.sets).has_ended()
    }

    /// BPF programs that were loaded meanwhile join the set that is armed.
    fn join_programs(&mut self) -> Result<(), Stopped> {
        if self.asked.elapsed() < PROGRAMS {
            return Ok(());
        }
        self.asked = Instant::now();
        let new = self.start.programs.new_ones();
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = new.iter().map(|one| plan::function_id(one.address)).collect();
        ids.iter().for_each(|&id| self.start.joined.begin(id));
        let side = self.free().other();
        self.attach_as(Way::Pair, &new, side)?;
        let now = Nanoseconds::now();
        ids.iter().for_each(|&id| self.start.joined.done(id, now));
        Ok(())
    }

    fn sleep(&mut self, time: Duration) -> Result<(), Stopped> {
        let began = Instant::now();
        loop {
            if self.has_ended() {
                return Err(Stopped::Ended);
            }
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
            self.join_programs()?;
        }
    }
}

/// A function that is refused has no probe; the wide set had one.
struct Watch<'a> {
    sets: &'a Mutex<Sets>,
}

impl Observer for Watch<'_> {
    fn attached(&mut self, _functions: &[&Planned]) {}

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        log::debug!("{error}; it is excluded from the graph");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        sets::lock(self.sets).has_ended()
    }
}
