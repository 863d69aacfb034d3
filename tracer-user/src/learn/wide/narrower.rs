//! The thread that narrows a wide trace, and widens it again for a moment from time to time.
//!
//! It asks [`super::Seen`] whether root calls still bring anything new, and changes the
//! [sets](super::sets): first what was seen and what that calls ([`choice`]), by the mechanism with
//! which it is attached at once; then, where that is an fprobe's, the functions that are hit most
//! as pairs, whose calls cost half, while the trace goes on. Later the trace is wide again for a
//! moment ([`super::Again`] says when); what that finds joins the narrow set.

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    attaching::Stopped,
    choice,
    start::{Host, Start},
};
use crate::{
    attach::Role,
    graph::AttachedLate,
    kernel::{Address, Mechanism},
    model::{Nanoseconds, many},
    plan::{self, Plan, Planned},
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
const LONGEST_IDLE: Duration = Duration::from_mins(1);
/// How long the trace is wide when it is widened again, at most.
const AGAIN: Duration = Duration::from_secs(2);
/// How long the programs of pairs are loaded after the trace was narrowed.
const LOADING: Duration = Duration::from_secs(20);
/// How often the kernel is asked for new BPF programs.
const PROGRAMS: Duration = Duration::from_millis(250);
/// How often it is looked whether it is time for something.
const TICK: Duration = Duration::from_millis(50);

/// The thread's state.
pub(super) struct Narrower {
    start: Start,
    began: Instant,
    /// Functions of the narrow set.
    narrow: BTreeSet<Address>,
    /// When it was last asked which BPF programs there are.
    asked: Instant,
}

impl Narrower {
    /// The trace is wide from now on.
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            began: Instant::now(),
            narrow: BTreeSet::new(),
            asked: Instant::now(),
        }
    }

    /// Narrows and widens until the trace ends.
    pub(super) fn run(mut self) {
        match self.narrow_and_widen() {
            Ok(()) | Err(Stopped::Ended) => {}
            Err(Stopped::Failed(_)) if self.start.attaching.has_ended() => {}
            Err(Stopped::Failed(error)) => {
                eprintln!("tracer: the set of probes stays as it is: {error:#}");
            }
        }
    }

    fn narrow_and_widen(&mut self) -> Result<(), Stopped> {
        let Some(again) = self.start.again else {
            return self.sleep(Duration::MAX);
        };
        self.wait_for_quiet()?;
        self.narrow()?;
        self.pair()?;
        let mut pause = again.first_pause();
        loop {
            self.sleep(pause)?;
            let took = self.widen()?;
            pause = again.next_pause(pause, took);
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
        let wide = self.start.attaching.functions_armed();
        self.say(&format!(
            "narrowing after {:.1} s",
            self.began.elapsed().as_secs_f64()
        ));
        let plan = self.choose();
        self.say(&format!(
            "narrowing to {}",
            many(plan.callees.len(), "function")
        ));
        // By fprobes: while all functions have one, trampolines take half a minute (seen on 7.3).
        let attaching = &mut self.start.attaching;
        let (by_address, side) = (attaching.by_address(), attaching.free());
        attaching.attach_beside(by_address, &plan.callees, side)?;
        self.narrow = plan.callees.iter().map(|one| one.address).collect();
        self.start.attaching.change(false)?;
        let took = self.began.elapsed();
        eprintln!(
            "tracer: {wide} functions had probes for {:.1} s; {} have them from now on",
            took.as_secs_f64(),
            self.start.attaching.functions_armed()
        );
        if self.start.verbose {
            for excluded in &plan.skipped {
                eprintln!("tracer: skipped {}: {}", excluded.name, excluded.reason);
            }
        }
        self.start.attaching.drop_free()
    }

    fn choose(&self) -> Plan {
        let Start {
            kernel,
            rules,
            plan,
            seen,
            ..
        } = &self.start;
        choice::narrow(kernel, rules, plan, &seen.functions(kernel))
    }

    /// Functions that are hit most go over to pairs where the trace goes by kprobe.session.
    fn pair(&mut self) -> Result<(), Stopped> {
        let plan = self.choose();
        let attaching = &mut self.start.attaching;
        if attaching.mechanism() == Mechanism::Multi {
            attaching.attach_to_free(&plan.callees)?;
            attaching.change(false)?;
            return attaching.drop_free();
        }
        let hot = choice::hottest(&plan);
        if hot.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + LOADING;
        attaching.attach_with_pairs(&plan.callees, &hot, deadline)?;
        attaching.change(false)?;
        attaching.drop_free()?;
        self.say("the functions that are hit most have pairs");
        Ok(())
    }

    /// All functions for a moment. Says how long.
    fn widen(&mut self) -> Result<Duration, Stopped> {
        let began = Instant::now();
        let before = self.start.seen.counts();
        let mut everything = self.start.plan.callees.clone();
        everything.extend_from_slice(self.start.programs.found());
        let attaching = &mut self.start.attaching;
        let (mechanism, side) = (attaching.mechanism(), attaching.free());
        attaching.attach_beside(mechanism, &everything, side)?;
        attaching.change(true)?;
        let armed = Instant::now();
        self.say("all functions have probes again");
        while armed.elapsed() < AGAIN {
            self.sleep(TICK)?;
            let calls = self.start.seen.counts().root_calls - before.root_calls;
            if calls >= QUIET_CALLS {
                break;
            }
        }
        // The other side's set is still there, and nobody is in it.
        self.start.attaching.drain()?;
        let plan = self.choose();
        let is_new = |one: &Planned| !self.narrow.contains(&one.address);
        let new: Vec<Planned> = plan.callees.into_iter().filter(is_new).collect();
        let attaching = &mut self.start.attaching;
        attaching.attach_to_free(&new)?;
        self.narrow.extend(new.iter().map(|one| one.address));
        attaching.change(false)?;
        let found = format!("narrowed again, with {} more", many(new.len(), "function"));
        attaching.drop_free()?;
        self.say(&found);
        Ok(began.elapsed())
    }

    /// Tells those who want to know more.
    fn say(&self, words: &str) {
        if self.start.verbose {
            eprintln!("tracer: {words}");
        }
    }

    /// BPF programs that were loaded meanwhile join the set that is armed.
    fn join_programs(&mut self) -> Result<(), Stopped> {
        if self.asked.elapsed() < PROGRAMS {
            return Ok(());
        }
        self.asked = Instant::now();
        let new = self.start.programs.new_ones(&self.start.rules);
        if new.is_empty() {
            return Ok(());
        }
        let attaching = &mut self.start.attaching;
        let side = attaching.free().other();
        join_late(&self.start.attached_late, &new, || {
            attaching.attach_as(Mechanism::Pair, &new, side)
        })
    }

    /// Modules that were loaded meanwhile join the set that is armed, with the roots that they
    /// bring; those that have gone are in no later set.
    fn join_modules(&mut self) -> Result<(), Stopped> {
        let Some(change) = self.start.modules.changed() else {
            return Ok(());
        };
        let kernel = &change.kernel;
        let is_there = |one: &Planned| {
            let function = kernel.symbols.function_at(one.address);
            function.is_some_and(|function| function.start == one.address)
        };
        let plan = &mut self.start.plan;
        plan.callees.retain(is_there);
        plan.callees.extend(change.others.iter().cloned());
        plan.excluded.extend(change.excluded.iter().cloned());
        plan.roots.extend(change.roots.iter().cloned());
        self.start.kernel = Arc::clone(kernel);
        let attaching = &mut self.start.attaching;
        attaching.know(Arc::clone(kernel));
        attaching.attach_shared(&change.excluded, Role::Excluded)?;
        let (mechanism, side) = (attaching.mechanism(), attaching.free().other());
        join_late(&self.start.attached_late, &change.others, || {
            attaching.attach_as(mechanism, &change.others, side)
        })?;
        attaching.attach_shared(&change.roots, Role::Root)?;
        change.tell(change.others.len(), self.start.verbose);
        Ok(())
    }

    fn sleep(&mut self, time: Duration) -> Result<(), Stopped> {
        let began = Instant::now();
        loop {
            if self.start.attaching.has_ended() {
                return Err(Stopped::Ended);
            }
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
            self.join_programs()?;
            self.join_modules()?;
        }
    }
}

/// Attaches functions while root calls are open: who rebuilds these is told before and after.
fn join_late(
    attached_late: &AttachedLate,
    functions: &[Planned],
    attach: impl FnOnce() -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let ids = functions.iter().map(|one| plan::function_id(one.address));
    for id in ids.clone() {
        attached_late.begin(id);
    }
    attach()?;
    let now = Nanoseconds::now();
    for id in ids {
        attached_late.done(id, now);
    }
    Ok(())
}
