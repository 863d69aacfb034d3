//! How a trace ends: what came of it, and what is said of that.
//!
//! Sums come from three sides: the root calls that the pipeline saw, what the kernel side counted,
//! and what the kernel skipped. A trace that shows nothing says why.

use std::sync::Mutex;

use anyhow::Result;

use super::{
    budget::Budget,
    prepared::Change,
    probes::Probes,
    profiling::{Profiled, Profiling},
    silent,
    streaming::Ended,
};
use crate::{
    attach::{Controls, Marks},
    kernel::{
        Kernel,
        switch::{self, SwitchedOff},
    },
    learn::wide::{Sets, sets::lock},
    model::{Skipped, Untraced, WideCalls},
    pipeline::{self, Finished, Outcome, Pipeline, Show},
    plan::Plan,
};

/// Why there is nothing to show of a trace that was stopped early.
pub const NOT_BEGUN: &str = "stopped before the trace began, so there is nothing to show";

/// What came of it, with what the kernel has dropped or counted for itself.
pub fn finish(
    pipeline: Pipeline<'_>,
    profiling: Option<Profiling<'_>>,
    controls: &Controls,
    skipped: [Skipped; 2],
) -> Result<(Finished, Option<Profiled>)> {
    let counters = controls.counters();
    let mut finished = pipeline.finish(counters.sum().unwrap_or_default(), skipped);
    finished.filtered_out += counters.dropped()?;
    let profiled = profiling.map(|profiling| profiling.finish(&mut finished));
    Ok((finished, profiled))
}

/// Hits that the kernel has skipped: of the roots, and of all others.
pub fn skipped(
    (probes, marks): (&Probes, &Marks),
    sets: &Mutex<Sets>,
    change: &Change,
) -> [Skipped; 2] {
    let [roots, below] = probes.skipped();
    let below = below + lock(sets).skipped() + change.skipped();
    [roots, below + marks.skipped()]
}

/// How it went, by the root calls that were seen and by what the kernel has skipped.
pub fn sums(show: &Show, finished: &Finished, wide: Option<WideCalls>) -> Outcome {
    let missed = finished.missed;
    Outcome {
        totals: finished.totals,
        filtered_out: show.filter.is_active().then_some(finished.filtered_out),
        unseen: missed.lost_whole,
        skipped_roots: missed.roots.into(),
        skipped_below: missed.below.into(),
        wide,
        ..Outcome::default()
    }
}

/// The sums with what the kernel side has counted.
pub fn counted(controls: &Controls, untraced: Option<Untraced>, sums: Outcome) -> Result<Outcome> {
    Ok(Outcome {
        counters: controls.counters().sum()?,
        turned_away: controls.counters().turned_away()?,
        untraced,
        ..sums
    })
}

/// How many root calls there were, or functions that were counted, and what is missing.
pub fn tell_sums(
    outcome: &Outcome,
    (profiled, budget): (Option<&Profiled>, Option<&Budget>),
    verbose: bool,
) -> Result<()> {
    match profiled {
        Some(profiled) => profiled.tell(outcome),
        None => pipeline::told::calls(outcome),
    }
    pipeline::told::losses(outcome, verbose);
    budget.map_or(Ok(()), Budget::tell)
}

/// Says why nothing is shown, if nothing is; what could not be written says so itself. The error is
/// for a trace that ends because probes were switched off.
pub fn explain(
    ended: Option<Ended>,
    outcome: &Outcome,
    is_written: bool,
    (kernel, plan, show): (&Kernel, &Plan, &Show),
) -> Option<anyhow::Error> {
    let Some(ended) = ended else {
        eprintln!("tracer: {NOT_BEGUN}");
        return None;
    };
    if ended == Ended::SwitchedOff || outcome.shows_nothing() && switch::check().is_err() {
        let early = "the trace has ended early, and what came before is written";
        return Some(anyhow::Error::new(SwitchedOff).context(early));
    }
    if is_written {
        silent::explain(kernel, plan, &show.filter, outcome);
    }
    None
}
