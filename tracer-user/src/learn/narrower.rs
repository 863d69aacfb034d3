//! The thread that narrows a wide trace, and widens it again for a moment from time to time.
//!
//! It asks [`super::Seen`] whether root calls still bring anything new, and changes the [`sets`]: first what was
//! seen and what that calls ([`choice`]), by the mechanism with which it is attached at once; then, where that is
//! an fprobe's, the functions that are hit most as pairs, whose calls cost half, while the trace goes
//! on. Later the trace is wide again for a moment, at most one part in [`SHARE`] of the time and less and
//! less often; what that finds joins the narrow set.

use std::{
    collections::BTreeSet,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::{
    choice,
    narrowing::{Host, Start},
    sets::{self, Sets},
};
use crate::{
    attach::{AttachError, Observer, Probe, Role, Side, Way},
    graph::Nanoseconds,
    kernel::Address,
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
/// The first pause before that; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// The trace is wide for at most one part in so many of the time, the beginning aside.
const SHARE: u32 = 50;
/// How long functions get pairs after the trace was narrowed.
const PAIRING: Duration = Duration::from_secs(15);
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
        self.say(&format!(
            "narrowing after {:.1} s",
            self.began.elapsed().as_secs_f64()
        ));
        let plan = self.choose();
        self.say(&format!("narrowing to {} functions", plan.callees.len()));
        // By fprobes: while all functions have one, trampolines take half a minute (seen on 7.3).
        let side = self.free();
        let by_address = self.start.attacher.by_address();
        self.attach_beside(by_address, &plan.callees, side)?;
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

    fn choose(&self) -> Plan {
        let Start {
            kernel,
            rules,
            plan,
            seen,
            ..
        } = &self.start;
        choice::narrow(kernel, rules, plan, &seen.functions())
    }

    /// Functions that are hit most go over to pairs where the trace goes by kprobe.session.
    fn pair(&mut self) -> Result<(), Stopped> {
        let plan = self.choose();
        if self.start.attacher.way() == Way::Multi {
            self.attach_to_free(&plan.callees, None)?;
            sets::lock(&self.start.sets).change(false)?;
            return self.drop_free();
        }
        let hot = choice::hottest(&plan);
        if hot.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + PAIRING;
        self.attach_to_free(&plan.callees, Some((&hot, deadline)))?;
        sets::lock(&self.start.sets).change(false)?;
        self.drop_free()
    }

    /// All functions for a moment. Says how long.
    fn widen(&mut self) -> Result<Duration, Stopped> {
        let began = Instant::now();
        let before = self.start.seen.counts();
        let mut everything = self.start.plan.callees.clone();
        everything.extend_from_slice(self.start.programs.found());
        let way = self.start.attacher.way();
        self.attach_beside(way, &everything, self.free())?;
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
        let plan = self.choose();
        let is_new = |one: &Planned| !self.narrow.contains(&one.address);
        let new: Vec<Planned> = plan.callees.into_iter().filter(is_new).collect();
        self.attach_to_free(&new, None)?;
        self.narrow.extend(new.iter().map(|one| one.address));
        sets::lock(&self.start.sets).change(false)?;
        self.drop_free()?;
        Ok(began.elapsed())
    }

    /// Tells those who want to know more.
    fn say(&self, words: &str) {
        if self.start.verbose {
            eprintln!("tracer: {words}");
        }
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
                self.attach_beside(Way::Pair, std::slice::from_ref(one), side)?;
                paired.insert(one.address);
            }
        }
        let rest: Vec<Planned> = functions
            .iter()
            .filter(|one| !paired.contains(&one.address))
            .cloned()
            .collect();
        let way = self.start.attacher.way();
        self.attach_beside(way, &rest, side)?;
        Ok(side)
    }

    /// Attaches functions that the other side's set may have, too, until [`Self::drop_free`].
    fn attach_beside(
        &mut self,
        way: Way,
        functions: &[Planned],
        side: Side,
    ) -> Result<(), Stopped> {
        sets::lock(&self.start.sets).overlap(true)?;
        self.attach_as(way, functions, side)
    }

    fn attach_as(&mut self, way: Way, functions: &[Planned], side: Side) -> Result<(), Stopped> {
        let Start { attacher, sets, .. } = &mut self.start;
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
        let new = self.start.programs.new_ones(&self.start.rules);
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = new
            .iter()
            .map(|one| plan::function_id(one.address))
            .collect();
        for &id in &ids {
            self.start.joined.begin(id);
        }
        let side = self.free().other();
        self.attach_as(Way::Pair, &new, side)?;
        let now = Nanoseconds::now();
        for &id in &ids {
            self.start.joined.done(id, now);
        }
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
