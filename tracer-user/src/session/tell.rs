//! What the user is told on stderr: the plan before, the sums after.

use std::{
    fmt::{Display, Write as _},
    io,
};

use anyhow::{Context as _, Result};

use super::{Outcome, Shown, profiling::Profiled};
use crate::{
    graph::limits::{MOST_DEPTH, MOST_EVENTS, MOST_EVENTS_IN_ALL},
    learn::{
        before::Origin,
        wide::{Calls, Compared},
    },
    model::{Skipped, Untraced},
    plan::{self, Plan},
    recording::{End, Ending, Readable},
    summary::Look,
    watch::Delivered,
};

/// Roots that are named on stderr.
const NAMED: usize = 4;

/// The roots' names.
pub fn names(plan: &Plan) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for root in &plan.roots {
        match counts.iter().position(|(name, _)| *name == root.name) {
            Some(place) => counts[place].1 += 1,
            None if counts.len() == NAMED => break,
            None => counts.push((&root.name, 1)),
        }
    }
    let shown: Vec<String> = counts
        .iter()
        .map(|(name, count)| match count {
            1 => (*name).to_owned(),
            count => format!("{name} ({count} functions)"),
        })
        .collect();
    let told: usize = counts.iter().map(|(_, count)| count).sum();
    match plan.roots.len() {
        all if all > plan::MOST_NAMED => format!("every outermost function, {all} in all"),
        all if all > told => format!("{} and {} more", shown.join(", "), all - told),
        _ => shown.join(", "),
    }
}

/// Root calls begin to be traced. systemd is told, too, if it waits for that (`Type=notify`).
pub fn tracing(plan: &Plan, (functions, later): (usize, usize), cost: Option<Compared>) {
    let cost = cost.map_or_else(String::new, |cost| format!("; {cost}"));
    let later = match later {
        0 => String::new(),
        later => format!(", and {later} more as they get their probes"),
    };
    eprintln!(
        "tracer: tracing {}, {functions} functions below{later}{cost}",
        names(plan)
    );
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        log::warn!("systemd cannot be told: {error}");
    }
}

/// What was found to run under the roots.
pub fn planned(plan: &Plan, origin: &Origin, verbose: bool) {
    let all = plan.callees.len() + plan.skipped.len();
    let skipped = plan.skipped.len();
    let colon = if verbose { ":" } else { " (-v names them)" };
    match origin {
        Origin::Text { remark, .. } => eprintln!(
            "tracer: {remark}: tracing what the text of {} calls, {} functions",
            names(plan),
            plan.callees.len()
        ),
        Origin::RootsOnly | Origin::Given => {}
        Origin::Watched(calls) => eprintln!(
            "tracer: learned {all} functions from {calls} calls; {skipped} cannot be \
            attached{colon}"
        ),
        Origin::Before => eprintln!(
            "tracer: {all} functions are known from before; {skipped} cannot be attached{colon}"
        ),
    }
    if verbose {
        for left in &plan.skipped {
            eprintln!("tracer: left out {}: {}", left.name, left.reason);
        }
    }
}

/// What a wide trace does not attach.
pub fn excluded(plan: &Plan, verbose: bool) {
    if verbose {
        for excluded in &plan.skipped {
            eprintln!("tracer: left out {}: {}", excluded.name, excluded.reason);
        }
    }
}

/// How much of each root call a trace that was wide at first can have missed.
fn how_recorded(calls: Calls) -> String {
    let Calls {
        wide,
        narrowed,
        cut,
    } = calls;
    let mut text = format!("{wide} root calls were recorded with probes on all functions");
    if narrowed > 0 {
        let _ = write!(
            text,
            ", {narrowed} with probes on those that were known to run"
        );
    }
    if cut > 0 {
        let _ = write!(
            text,
            "; {cut} were open when the set of probes changed, and exits in them may be missing"
        );
    }
    text
}

/// What of a recording could not be read.
pub fn readable(readable: &Readable) {
    if readable.damaged_places > 1 {
        eprintln!(
            "tracer: {} bytes of the recording in {} places are damaged; all else was read",
            readable.damaged_bytes, readable.damaged_places
        );
    }
    match readable.end {
        None => eprintln!(
            "tracer: the recording has no end: tracer was killed or the disk was full, and what \
            came last is missing"
        ),
        Some(End {
            ending: Ending::Full,
            ..
        }) => eprintln!("tracer: the recording ends where it was as large as it may be"),
        Some(_) => {}
    }
}

/// Whether the output took all. A reader that has gone is no failure.
pub fn written(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the listing cannot be written; what was written before is whole")
        }
        _ => Ok(()),
    }
}

/// What the collector has, if there is one.
pub fn delivered(delivered: Option<&Delivered>) {
    let Some(Delivered {
        to,
        calls,
        spans,
        dropped,
        rejected,
    }) = delivered
    else {
        return;
    };
    let rejected = match rejected {
        0 => String::new(),
        spans => format!("; {spans} spans of them it did not want"),
    };
    eprintln!(
        "tracer: sent {calls} root calls as {spans} spans to {to}, dropped {dropped}{rejected}"
    );
}

/// Calls are not counted in the kernel.
pub fn streamed(reason: &dyn Display, look: Look) {
    eprintln!("tracer: each call is streamed to tracer and counted there: {reason}");
    if look.interval.is_some() {
        eprintln!("tracer: --interval shows nothing then; the histogram is written at the end");
    }
}

/// Functions are not counted in the kernel.
pub fn streamed_profile(reason: &dyn Display, shown: Shown) {
    eprintln!("tracer: each call is streamed to tracer and counted there: {reason}");
    if matches!(
        shown,
        Shown::Profile {
            interval: Some(_),
            ..
        }
    ) {
        eprintln!("tracer: --interval shows nothing then; the table is written at the end");
    }
}

/// Something that only those want to know who asked for more.
pub fn more(verbose: bool, words: &str) {
    if verbose {
        eprintln!("tracer: {words}");
    }
}

/// The sums over the trace.
pub fn totals(outcome: &Outcome, profiled: Option<&Profiled>, verbose: bool) {
    match profiled {
        Some(profiled) => profiled.tell(outcome),
        None => streamed_calls(outcome),
    }
    let Outcome {
        totals,
        filtered_out: _,
        counters,
        unseen,
        skipped_roots,
        skipped_below,
        wide,
        untraced,
        turned_away: _,
    } = outcome;
    if totals.not_kept > 0 {
        eprintln!(
            "tracer: {} events were not kept: at most {MOST_EVENTS} are of one root call, \
             {MOST_EVENTS_IN_ALL} of all that are open, {MOST_DEPTH} calls lie within each other",
            totals.not_kept
        );
    }
    let elsewhere = counters.lost_events.saturating_sub(totals.lost);
    if elsewhere > 0 {
        eprintln!("tracer: {elsewhere} events were lost in calls that are not shown");
    }
    if verbose {
        eprintln!(
            "tracer: in the kernel {} batches, {} events lost, {} hits of the tracer's own making, \
            {} skipped in the \
             middle of a probe",
            counters.batches,
            counters.lost_events,
            counters.own_hits,
            (*skipped_roots + *skipped_below).all()
        );
    }
    if *unseen > 0 {
        eprintln!("tracer: {unseen} root calls were lost whole: a ring was full");
    }
    skipped(*skipped_roots, *skipped_below);
    if let Some(calls) = wide {
        eprintln!("tracer: {}", how_recorded(*calls));
    }
    match untraced {
        None => {}
        Some(Untraced { root_calls: 0, .. }) => eprintln!(
            "tracer: no root call was sampled, so it is not known what else ran below them"
        ),
        Some(untraced) => {
            eprintln!("tracer: {untraced}; the next trace knows what can be attached");
        }
    }
    if counters.lost_roots > 0 {
        eprintln!(
            "tracer: {} root calls were not traced: too many tasks were inside a root",
            counters.lost_roots
        );
    }
}

fn streamed_calls(
    Outcome {
        totals,
        filtered_out,
        ..
    }: &Outcome,
) {
    let filtered_out = filtered_out
        .map(|calls| format!("; {calls} calls filtered out"))
        .unwrap_or_default();
    eprintln!(
        "tracer: {} whole calls, {} partial, {} events, {} events lost, {} gaps{filtered_out}",
        totals.whole_calls, totals.partial_calls, totals.events, totals.lost, totals.gaps
    );
}

/// What the kernel kept from the probes.
fn skipped(roots: Skipped, below: Skipped) {
    if roots.all() > 0 {
        eprintln!(
            "tracer: the kernel skipped {} entries and {} exits of roots, which came in the middle \
            of a probe: \
             these calls were not traced, or their ends not seen",
            roots.entries, roots.exits
        );
    }
    if below.all() > 0 {
        eprintln!(
            "tracer: the kernel skipped {} hits below the roots, which came in the middle of a \
            probe, most of \
             them of tracer's own making",
            below.all()
        );
    }
}
