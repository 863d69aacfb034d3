//! The two sets of probes below the roots, and the change from one to the other.
//!
//! The trace's end and the thread that narrows it share the sets: once they are [`Sets::end`]ed
//! nothing is armed again. A set is attached while no root call of its side begins, then its
//! generation is armed, then root calls of the other side are waited for, and only then does the
//! other set go. A task may sleep in a root call for days, so the wait has an end: what is still
//! open then is counted, and its exits may be missing.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracer_common::generation;

use super::Seen;
use crate::{
    attach::{self, Controls, ObjectError, Probe, Side},
    model::{Skipped, WideCalls},
};

/// How long root calls of the old generation are waited for.
const DRAIN: Duration = Duration::from_secs(10);
/// How often they are asked for.
const TICK: Duration = Duration::from_millis(20);

/// Whether a set is there to find out what runs below the roots: then every root call is wanted,
/// also those that will not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// It is.
    Wide,
    /// It has what is known.
    Narrow,
}

/// Both sets, and which one is armed.
pub struct Sets {
    controls: Controls,
    generation: u64,
    probes: [Vec<Probe>; 2],
    /// Those of roots that have come while the trace went on, which serve both sides.
    shared: Vec<Probe>,
    /// Generations that were wide.
    wide: Vec<u64>,
    /// Root calls whose set went while they were open.
    cut: u64,
    has_ended: bool,
}

impl Sets {
    /// The first generation has these probes, and is not armed yet.
    pub fn new(controls: Controls, first: u64, probes: Vec<Probe>) -> Self {
        let mut sets = Self {
            controls,
            generation: first,
            probes: [Vec::new(), Vec::new()],
            shared: Vec::new(),
            wide: vec![first],
            cut: 0,
            has_ended: false,
        };
        sets.probes[place(Side::of(first))] = probes;
        sets
    }

    /// Root calls begin.
    pub fn arm(&mut self, width: Width) -> Result<(), ObjectError> {
        self.controls.decide(width == Width::Narrow)?;
        self.controls.arm(self.generation)
    }

    /// The side whose root calls begin now.
    pub const fn armed(&self) -> Side {
        Side::of(self.generation)
    }

    /// The latest generation of a side, by its number.
    pub const fn latest_of(&self, side: u64) -> u64 {
        if generation::side(self.generation) == side {
            self.generation
        } else {
            self.generation.saturating_sub(1)
        }
    }

    /// The side on which the next set can be attached.
    pub const fn free(&self) -> Side {
        self.armed().other()
    }

    /// How many functions have probes on a side.
    pub fn functions(&self, side: Side) -> usize {
        let probes = self.probes[place(side)].iter();
        probes.map(Probe::functions).sum()
    }

    /// These are attached on that side, too.
    pub fn add(&mut self, side: Side, probes: Vec<Probe>) {
        self.probes[place(side)].extend(probes);
    }

    /// These serve both sides.
    pub fn share(&mut self, probes: Vec<Probe>) {
        self.shared.extend(probes);
    }

    /// Two sets may be on the same functions from now on, or no longer.
    pub fn overlap(&mut self, may: bool) -> Result<(), ObjectError> {
        self.controls.keep_exits(may)
    }

    /// Root calls begin on the other side from now on, unless the trace has ended.
    pub fn change(&mut self, is_wide: bool) -> Result<(), ObjectError> {
        if self.has_ended {
            return Ok(());
        }
        // A batch's header has room for so many; the sides keep taking turns.
        let next = self.generation + 1;
        self.generation = if next > generation::MOST {
            next - 2
        } else {
            next
        };
        if is_wide {
            self.wide.push(self.generation);
        }
        self.controls.decide(!is_wide)?;
        self.controls.arm(self.generation)
    }

    /// No root call begins from now on.
    pub fn end(&mut self) -> Result<(), ObjectError> {
        self.has_ended = true;
        self.controls.disarm()
    }

    /// Whether the trace has ended.
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Takes the probes of the side that is not armed.
    pub fn take_free(&mut self) -> Vec<Probe> {
        mem::take(&mut self.probes[place(self.free())])
    }

    /// Takes all probes at the end of the trace.
    pub fn take_all(&mut self) -> Vec<Probe> {
        let probes = mem::take(&mut self.probes).into_iter().flatten();
        probes.chain(mem::take(&mut self.shared)).collect()
    }

    /// Hits that the kernel skipped, of the probes that are there.
    pub fn skipped(&self) -> Skipped {
        attach::skipped(self.probes.iter().flatten().chain(&self.shared))
    }

    /// How the root calls were recorded.
    pub fn calls(&self, seen: &Seen) -> WideCalls {
        let mut calls = WideCalls {
            cut: self.cut,
            ..WideCalls::default()
        };
        for (generation, count) in seen.generations() {
            if self.wide.contains(&generation) {
                calls.wide += count;
            } else {
                calls.narrowed += count;
            }
        }
        calls
    }

    /// So many root calls were open when their set went.
    pub fn add_cut(&mut self, calls: u64) {
        self.cut += calls;
    }
}

/// Waits until no root call of the side that is not armed is open, or it takes too long. Says how
/// many are still open; nothing if the trace has ended meanwhile.
pub fn drain(sets: &Mutex<Sets>) -> Result<Option<u64>, ObjectError> {
    let end = Instant::now() + DRAIN;
    loop {
        let all = lock(sets);
        if all.has_ended {
            return Ok(None);
        }
        let open = all.controls.open_calls_of(all.free())?;
        if open > 0 && Instant::now() < end {
            drop(all);
            thread::sleep(TICK);
            continue;
        }
        return Ok(Some(open));
    }
}

/// The sets for a moment.
pub fn lock(sets: &Mutex<Sets>) -> MutexGuard<'_, Sets> {
    // Nothing in it can be left half done.
    sets.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn place(side: Side) -> usize {
    match side {
        Side::Even => 0,
        Side::Odd => 1,
    }
}
