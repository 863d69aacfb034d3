//! What the user is told on stderr of how it went, live or from a recording.

use std::{fmt::Write as _, io};

use anyhow::{Context as _, Result};

use super::{Outcome, Show};
use crate::{
    export::Delivered,
    filter::Filter,
    graph::limits::{MOST_DEPTH, MOST_EVENTS, MOST_EVENTS_IN_ALL},
    model::{Skipped, Untraced, WideCalls, many, many_were},
    recording::{End, Ending, Readable},
};

/// The sums over the trace.
pub fn totals(outcome: &Outcome, verbose: bool) {
    calls(outcome);
    losses(outcome, verbose);
}

/// How many root calls there were.
pub fn calls(outcome: &Outcome) {
    let totals = &outcome.totals;
    let filtered_out = outcome
        .filtered_out
        .map(|calls| format!("; {} filtered out", many(calls, "call")))
        .unwrap_or_default();
    eprintln!(
        "tracer: {}, {} partial, {}, {} lost, {}{filtered_out}",
        many(totals.whole_calls, "whole call"),
        totals.partial_calls,
        many(totals.events, "event"),
        many(totals.lost, "event"),
        many(totals.gaps, "gap")
    );
}

/// What is missing of them, and why.
pub fn losses(outcome: &Outcome, verbose: bool) {
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
        not_recorded: _,
    } = outcome;
    if totals.not_kept > 0 {
        eprintln!(
            "tracer: {} not kept: at most {MOST_EVENTS} are of one root call, \
             {MOST_EVENTS_IN_ALL} of all that are open, {MOST_DEPTH} calls lie within each other",
            many_were(totals.not_kept, "event")
        );
    }
    let elsewhere = counters.lost_events.saturating_sub(totals.lost);
    if elsewhere > 0 {
        let lost = many_were(elsewhere, "event");
        eprintln!("tracer: {lost} lost in calls that are not shown");
    }
    if verbose {
        eprintln!(
            "tracer: in the kernel {}, {} lost, {} of the tracer's own making, \
            {} skipped in the \
             middle of a probe",
            many(counters.batches, "batch"),
            many(counters.lost_events, "event"),
            many(counters.self_recursions, "hit"),
            (*skipped_roots + *skipped_below).all()
        );
    }
    if *unseen > 0 {
        let lost = many_were(*unseen, "root call");
        eprintln!("tracer: {lost} lost whole: a ring was full");
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
            "tracer: {} not traced: too many tasks were inside a root",
            many_were(counters.lost_roots, "root call")
        );
    }
}

/// What the kernel kept from the probes.
fn skipped(roots: Skipped, below: Skipped) {
    if roots.all() > 0 {
        eprintln!(
            "tracer: the kernel skipped {} and {} of roots, which came in the middle \
            of a probe: \
             these calls were not traced, or their ends not seen",
            many(roots.entries, "entry"),
            many(roots.exits, "exit")
        );
    }
    if below.all() > 0 {
        eprintln!(
            "tracer: the kernel skipped {} below the roots, which came in the middle of a \
            probe, most of \
             them of tracer's own making",
            many(below.all(), "hit")
        );
    }
}

/// How much of each root call a trace that was wide at first can have missed.
fn how_recorded(calls: WideCalls) -> String {
    let WideCalls {
        wide,
        narrowed,
        cut,
    } = calls;
    let mut text = many_were(wide, "root call") + " recorded with probes on all functions";
    if narrowed > 0 {
        let _ = write!(
            text,
            ", {narrowed} with probes on those that were known to run"
        );
    }
    if cut > 0 {
        let _ = write!(
            text,
            "; {cut} {} open when the set of probes changed, and exits in them may be missing",
            if cut == 1 { "was" } else { "were" }
        );
    }
    text
}

/// What of a recording could not be read.
pub fn readable(readable: &Readable) {
    if readable.damaged_places > 1 {
        eprintln!(
            "tracer: {} of the recording in {} places are damaged; all else was read",
            many(readable.damaged_bytes, "byte"),
            readable.damaged_places
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
        spans => format!("; {} of them it did not want", many(*spans, "span")),
    };
    eprintln!(
        "tracer: sent {} as {} to {to}, dropped {dropped}{rejected}",
        many(*calls, "root call"),
        many(*spans, "span")
    );
}

/// Says why nothing of a recording is shown, if it is so.
pub fn nothing_shown(show: &Show, outcome: &Outcome) {
    if !outcome.shows_nothing() {
        return;
    }
    match outcome.filtered_out {
        Some(calls) if calls > 0 => {
            let options = show.selection.options();
            eprintln!("tracer: {}", kept_back(calls, &show.filter, options));
        }
        _ => eprintln!(
            "tracer: the recording has no root call; tracer said why when it was made, and says so \
            again where the \
             same is traced"
        ),
    }
}

/// What the filter kept back, and which options ask for that.
pub fn kept_back(calls: u64, filter: &Filter, mut given: Vec<&str>) -> String {
    let options = [
        (filter.slower_than.is_some(), "--slower-than"),
        (filter.failed.is_some(), "--failed"),
        (filter.returns.is_some(), "--returns"),
        (filter.entered.is_some(), "--where"),
        (filter.returned.is_some(), "--where-exit"),
        (!filter.through.is_empty(), "--through"),
        (filter.contains.is_some(), "--contains"),
        (filter.threshold.is_some(), "--graph-opts thresh"),
    ];
    let of_filter = options.iter().filter(|(is_given, _)| *is_given);
    given.extend(of_filter.map(|(_, option)| *option));
    let (were, all) = match calls {
        1 => ("was", "it was"),
        _ => ("were", "all were"),
    };
    let (calls, options) = (many(calls, "root call"), given.join(" and "));
    format!("there {were} {calls}, and {all} filtered out by {options}")
}
