//! What a scraper sees: sums over all root calls since the trace began.
//!
//! The thread that reads the rings adds to them, another reads them. Adding is an addition to a
//! number that both know, or, for a histogram, under a lock that is held for as long as its few
//! dozen numbers are copied. There are as many time series as there are roots (64 names of a glob
//! at most) and kinds of errors, whatever happens on the host.
//!
//! A root's histogram has the calls of which both ends were seen, like `tracer latency`. What a
//! filter keeps back is counted, and no more.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};
use rustc_hash::FxHashMap;
use tracer_common::CpuCounters;

use super::{
    counted::{AskCounts, CountedCalls},
    labels::{Failed, RootLabel},
};
use crate::{
    model::{FunctionId, FunctionTable, RootCall, SleepTime},
    recording::{Head, Missed},
    values::{self, escape},
};

/// The end of the first bucket, s.
const FIRST_BUCKET: f64 = 250e-9;
/// Buckets that double from one to the next: the last one ends at 8.4 s.
const BUCKETS: u16 = 26;
/// What is in front of every name.
const PREFIX: &str = "tracer";

/// What the kernel side has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// Its counters.
    pub counters: CpuCounters,
    /// Root calls that were sampled out.
    pub sampled_out: u64,
}

/// Asks the kernel side for what it has counted.
pub type AskKernel = Box<dyn Fn() -> Option<KernelCounts> + Send + Sync>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Skipped {
    /// What was hit: a root, or a callee.
    function: &'static str,
    /// Which end of it.
    end: &'static str,
}

/// What became of the root calls that were to go to a collector.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Root calls that were to go.
    pub(super) given: Counter,
    /// Root calls that the collector has taken.
    pub(super) calls: Counter,
    /// Their spans.
    pub(super) spans: Counter,
    /// Root calls that it does not have, or not whole.
    pub(super) dropped: Counter,
    /// Spans that it said it did not want, of calls that it has taken.
    pub(super) rejected: Counter,
}

/// All that is counted.
pub struct Metrics {
    registry: Registry,
    kernel: AskKernel,
    durations: Family<RootLabel, Histogram, fn() -> Histogram>,
    errors: Family<Failed, Counter>,
    whole: Counter,
    partial: Counter,
    filtered_out: Counter,
    events: Counter,
    gaps: Counter,
    lost_events: Counter,
    lost_roots: Counter,
    sampled_out: Counter,
    lost_whole: Counter,
    skipped: Family<Skipped, Counter>,
}

impl Metrics {
    /// Nothing has happened yet. The roots are there from the beginning, so that one that is never
    /// called is seen to be.
    pub fn new(head: &Head, sent: Option<&Sent>, kernel: AskKernel) -> Self {
        let mut metrics = Self::empty(head, kernel);
        metrics.register(sent);
        for root in &head.roots {
            let root = escape::visible(&root.name).into_owned();
            drop(metrics.durations.get_or_create(&RootLabel { root }));
        }
        metrics
    }

    /// What the kernel counts, asked for at each scrape.
    pub fn counted(head: &Head, counts: AskCounts) -> Self {
        let mut metrics = Self::empty(head, Box::new(|| None));
        let collector = Box::new(CountedCalls(counts));
        metrics.registry.register_collector(collector);
        metrics
    }

    /// What traces, and what is traced.
    fn empty(head: &Head, kernel: AskKernel) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            kernel,
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(FIRST_BUCKET, 2.0, BUCKETS))
            }),
            errors: Family::default(),
            whole: Counter::default(),
            partial: Counter::default(),
            filtered_out: Counter::default(),
            events: Counter::default(),
            gaps: Counter::default(),
            lost_events: Counter::default(),
            lost_roots: Counter::default(),
            sampled_out: Counter::default(),
            lost_whole: Counter::default(),
            skipped: Family::default(),
        };
        let about = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("kernel", head.kernel.clone()),
        ];
        let about = Info::new(about);
        let help = "What traces, and what is traced";
        metrics.registry.register("build", help, about);
        metrics
    }

    fn register(&mut self, sent: Option<&Sent>) {
        let registry = &mut self.registry;
        registry.register(
            "root_duration_seconds",
            "How long root calls took of which both ends were seen",
            self.durations.clone(),
        );
        registry.register(
            "root_errors",
            "Root calls that returned an error",
            self.errors.clone(),
        );
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        counter(
            "whole_calls",
            "Root calls of which nothing is missing",
            &self.whole,
        );
        counter(
            "partial_calls",
            "Root calls of which something is missing",
            &self.partial,
        );
        counter(
            "filtered_out_calls",
            "Root calls that the filter kept back",
            &self.filtered_out,
        );
        counter("events", "Events that root calls are made of", &self.events);
        counter("gaps", "Places where something is missing", &self.gaps);
        counter(
            "lost_events",
            "Events that were lost because a ring was full",
            &self.lost_events,
        );
        counter(
            "lost_root_calls",
            "Root calls that were not traced because too many tasks were inside a root",
            &self.lost_roots,
        );
        counter(
            "sampled_out_calls",
            "Root calls that were not traced because of the budget",
            &self.sampled_out,
        );
        counter(
            "lost_whole_calls",
            "Root calls of which nothing came because a ring was full, at most",
            &self.lost_whole,
        );
        registry.register(
            "skipped_hits",
            "Hits of probes that the kernel skipped in the middle of another probe",
            self.skipped.clone(),
        );
        if let Some(sent) = sent {
            let mut counter = |name: &str, help: &str, counter: &Counter| {
                registry.register(name, help, counter.clone());
            };
            counter(
                "otlp_sent_calls",
                "Root calls that the collector has taken",
                &sent.calls,
            );
            counter(
                "otlp_sent_spans",
                "Spans that the collector has taken",
                &sent.spans,
            );
            counter(
                "otlp_dropped_calls",
                "Root calls that the collector does not have because it was slow, away or refused \
                them",
                &sent.dropped,
            );
            counter(
                "otlp_rejected_spans",
                "Spans that the collector did not want, of root calls that it has taken",
                &sent.rejected,
            );
        }
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> Result<String, fmt::Error> {
        if let Some(KernelCounts {
            counters,
            sampled_out,
        }) = (self.kernel)()
        {
            let store = |counter: &Counter, to| counter.inner().store(to, Ordering::Relaxed);
            store(&self.lost_events, counters.lost_events);
            store(&self.lost_roots, counters.lost_roots);
            store(&self.sampled_out, sampled_out);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// What is in no root call, up to now. What was taken for lost and came after all stays
    /// counted: a counter never goes back.
    fn missed(&self, missed: Missed) {
        let raise = |counter: &Counter, to: u64| {
            counter.inner().fetch_max(to, Ordering::Relaxed);
        };
        raise(&self.lost_whole, missed.lost_whole);
        for (function, hits) in [("root", missed.roots), ("callee", missed.below)] {
            for (end, hits) in [("entry", hits.entries), ("exit", hits.exits)] {
                raise(
                    &self.skipped.get_or_create(&Skipped { function, end }),
                    hits,
                );
            }
        }
    }

    /// A root call was kept back.
    pub fn filtered_out(&self) {
        self.filtered_out.inc();
    }
}

/// Adds root calls to the metrics. What a root is called is looked up once.
pub struct Adder {
    metrics: std::sync::Arc<Metrics>,
    roots: FxHashMap<FunctionId, (String, Histogram)>,
    sleep: SleepTime,
}

impl Adder {
    /// `sleep` says what a duration is.
    pub fn new(metrics: std::sync::Arc<Metrics>, sleep: SleepTime) -> Self {
        Self {
            metrics,
            roots: FxHashMap::default(),
            sleep,
        }
    }

    /// Takes one.
    pub fn add(&mut self, call: &RootCall, functions: &FunctionTable) {
        let metrics = &self.metrics;
        if call.is_whole() {
            metrics.whole.inc();
        } else {
            metrics.partial.inc();
        }
        metrics.events.inc_by(call.events);
        metrics.gaps.inc_by(call.gaps);
        let Some(root) = call.root() else {
            return;
        };
        let (name, durations) = self.roots.entry(root.function).or_insert_with(|| {
            let name = escape::visible_owned(functions.name(root.function)).into_owned();
            let root = name.clone();
            let durations = metrics.durations.get_or_create_owned(&RootLabel { root });
            (name, durations)
        });
        if let Some(duration) = root.duration(self.sleep) {
            durations.observe(std::time::Duration::from_nanos(duration.0).as_secs_f64());
        }
        let returns = functions.returns(root.function);
        let register = root.closed.value();
        if let Some(error) = register.and_then(|it| values::returned_error(returns, it)) {
            let root = name.clone();
            metrics.errors.get_or_create(&Failed { root, error }).inc();
        }
    }

    /// What is in no root call, up to now.
    pub fn missed(&self, missed: Missed) {
        self.metrics.missed(missed);
    }

    /// The filter has kept one back.
    pub fn filtered_out(&self) {
        self.metrics.filtered_out();
    }
}
