//! What the user is told on stderr: the plan before, the sums after.

use std::fmt::Display;

use crate::{
    attach::Marks,
    learn::{before::Origin, wide::Compared},
    model::many,
    pipeline::Shown,
    plan::{self, Plan},
    summary::LatencyLayout,
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
        0 => "functions of modules that are not loaded yet".to_owned(),
        all if all > plan::MOST_NAMED => format!("every outermost function, {all} in all"),
        all if all > told => format!("{} and {} more", shown.join(", "), all - told),
        _ => shown.join(", "),
    }
}

/// Why nothing was marked, if something was to be and nothing was.
pub fn unmarked(marks: &Marks, counts: [u64; 2]) {
    if let Some(reason) = marks.silence(counts) {
        eprintln!("tracer: {reason}");
    }
}

/// A module whose functions were asked for is not loaded yet.
pub fn awaited(module: &str, typed: &str) {
    eprintln!("tracer: module {module} is not loaded; once it is, {typed} is traced");
}

/// Root calls begin to be traced. systemd is told, too, if it waits for that (`Type=notify`).
pub fn tracing(plan: &Plan, (functions, later): (usize, usize), cost: Option<Compared>) {
    let cost = cost.map_or_else(String::new, |cost| format!("; {cost}"));
    let later = match later {
        0 => String::new(),
        later => format!(", and {later} more as they get their probes"),
    };
    eprintln!(
        "tracer: tracing {}, {} below{later}{cost}",
        names(plan),
        many(functions, "function")
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
            "tracer: {remark}: tracing what the text of {} calls, {}",
            names(plan),
            many(plan.callees.len(), "function")
        ),
        Origin::RootsOnly | Origin::Given => {}
        Origin::Watched(calls) => eprintln!(
            "tracer: learned {} from {}; {skipped} cannot be attached{colon}",
            many(all, "function"),
            many(*calls, "call")
        ),
        Origin::Before => eprintln!(
            "tracer: {all} functions are known from before; {skipped} cannot be attached{colon}"
        ),
    }
    if verbose {
        for left in &plan.skipped {
            eprintln!("tracer: skipped {}: {}", left.name, left.reason);
        }
    }
}

/// What a wide trace does not attach.
pub fn excluded(plan: &Plan, verbose: bool) {
    if verbose {
        for excluded in &plan.skipped {
            eprintln!("tracer: skipped {}: {}", excluded.name, excluded.reason);
        }
    }
}

/// WideCalls are not counted in the kernel.
pub fn streamed(reason: &dyn Display, layout: LatencyLayout) {
    eprintln!("tracer: each call is streamed to tracer and counted there: {reason}");
    if layout.interval.is_some() {
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
