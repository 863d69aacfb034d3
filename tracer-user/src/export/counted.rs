//! What a scraper sees of calls that the kernel counts: the tables as they are when he asks.
//!
//! Names and labels are those of [`super::metrics`]; a histogram's buckets double from 250 ns on,
//! and each is exactly some of the table's. Nothing happens between two scrapes.

use std::{collections::HashMap, fmt};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, exemplar::Exemplar},
};

use super::labels::{Failed, RootLabel};
use crate::{summary::latency::Root, values::escape};

/// The end of the first bucket, ns.
const FIRST_BUCKET: u64 = 250;
/// Buckets that double from one to the next.
const BUCKETS: u32 = 26;

/// What has been counted up to now.
pub struct Counts {
    /// Each root, with its name.
    pub roots: Vec<(String, Root)>,
    /// Calls that did not meet a condition.
    pub filtered_out: u64,
    /// Calls that were sampled out: those that were counted stand for them, too.
    pub sampled_out: u64,
    /// Calls that the kernel skipped, or for which there was no room, at most.
    pub missing: u64,
}

/// Asks for what has been counted up to now.
pub type AskCounts = Box<dyn Fn() -> Counts + Send + Sync>;

/// Hands it to the scraper.
pub(super) struct CountedCalls(pub AskCounts);

impl fmt::Debug for CountedCalls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CountedCalls")
            .finish_non_exhaustive()
    }
}

impl Collector for CountedCalls {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = (self.0)();
        durations(&counts, &mut encoder)?;
        errors(&counts, &mut encoder)?;
        let calls = counts.roots.iter().map(|(_, root)| root.calls).sum();
        for (name, help, count) in [
            ("whole_calls", "Calls of roots that were counted", calls),
            (
                "filtered_out_calls",
                "Root calls that the filter kept back",
                counts.filtered_out,
            ),
            (
                "sampled_out_calls",
                "Calls of roots that were sampled out, for which others stand in all counts",
                counts.sampled_out,
            ),
            (
                "missing_calls",
                "Calls of roots that the kernel skipped, at most",
                counts.missing,
            ),
        ] {
            let counter = ConstCounter::new(count);
            let kind = counter.metric_type();
            counter.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        Ok(())
    }
}

fn durations(counts: &Counts, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "root_duration_seconds",
        "How long root calls took of which both ends were seen",
        None,
        MetricType::Histogram,
    )?;
    for (name, root) in &counts.roots {
        let label = RootLabel {
            root: escape::visible(name).into_owned(),
        };
        let none: Option<&HashMap<usize, Exemplar<NoLabelSet, f64>>> = None;
        let mut histogram = family.encode_family(&label)?;
        histogram.encode_histogram(seconds(root.total), root.calls, &buckets(root), none)?;
    }
    Ok(())
}

/// Each bucket's end, s, and what is in it alone.
fn buckets(root: &Root) -> Vec<(f64, u64)> {
    let mut before = 0;
    let mut buckets: Vec<(f64, u64)> = (0..BUCKETS)
        .map(|doubling| {
            let end = FIRST_BUCKET << doubling;
            let below = root.times.below(end);
            let own = below - before;
            before = below;
            (seconds(end), own)
        })
        .collect();
    // It stands for no end.
    buckets.push((f64::MAX, root.times.calls().saturating_sub(before)));
    buckets
}

fn errors(counts: &Counts, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "root_errors",
        "Root calls that returned an error",
        None,
        MetricType::Counter,
    )?;
    for (name, root) in &counts.roots {
        for (&error, &count) in &root.errors {
            let root = escape::visible(name).into_owned();
            let counter = ConstCounter::new(count);
            counter.encode(family.encode_family(&Failed { root, error })?)?;
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "53 bits are months")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
