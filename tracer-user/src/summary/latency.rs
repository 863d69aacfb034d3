//! How long root calls take, as a histogram, as `perf ftrace latency` prints it.
//!
//! Buckets double from one to the next, so that a picture of twenty lines goes from a microsecond
//! to a second, or are of equal width. The quantiles are not of these buckets: they come from a
//! [`Histogram`] whose buckets are 3 % wide. Calls are counted here, or were in the kernel
//! ([`Parts`]); what is written is the same.

mod by_value;
mod picture;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use tracer_common::count::{LINEAR_BUCKETS, Linear, Unit};

pub use by_value::{RowValue, write_by_value};

use super::{Collect, histogram::Histogram, table};
use crate::{
    model::{FunctionId, FunctionTable, RootCall, SleepTime, Trees, many},
    values::{self, escape},
};

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyLayout {
    /// What times are in, and where the buckets that double begin.
    pub unit: Unit,
    /// Buckets of equal width instead of those that double.
    pub linear: Option<Linear>,
    /// Buckets without a call.
    pub empty: Empty,
    /// Where several roots stand.
    pub roots: Arrangement,
    /// Written again and again after so much time, if calls are counted in the kernel.
    pub interval: Option<Duration>,
}

/// Buckets without a call, between others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Empty {
    /// They are shown.
    #[default]
    Shown,
    /// They are not.
    Hidden,
}

/// Where the histograms of several roots stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrangement {
    /// One below the other.
    #[default]
    Below,
    /// In the columns of one.
    SideBySide,
}

/// The calls of one root of which both ends were seen.
pub struct Root {
    /// How many.
    pub calls: u64,
    /// Time of all of them, ns.
    pub total: u64,
    /// Time of the shortest, ns.
    pub shortest: u64,
    /// Time of the longest, ns.
    pub longest: u64,
    /// How long they took.
    pub times: Histogram,
    /// How many returned which error.
    pub errors: BTreeMap<&'static str, u64>,
    /// How many returned an error that is not in `errors`, for want of room.
    pub other_errors: u64,
    linear: [u64; LINEAR_BUCKETS],
}

/// What was counted of a root elsewhere.
pub struct Parts {
    /// Time of all calls, ns.
    pub total: u64,
    /// Time of the shortest, ns; [`u64::MAX`] if there was none.
    pub shortest: u64,
    /// Time of the longest, ns.
    pub longest: u64,
    /// How long they took.
    pub times: Histogram,
    /// How often which error was returned, by its positive number.
    pub errors: BTreeMap<u64, u64>,
    /// Errors for whose number there was no room.
    pub other_errors: u64,
    /// Equal buckets, as far as there are any.
    pub linear: [u64; LINEAR_BUCKETS],
}

/// All roots.
pub struct Latency<'a> {
    functions: &'a FunctionTable,
    sleep: SleepTime,
    layout: LatencyLayout,
    roots: BTreeMap<FunctionId, Root>,
}

impl<'a> Latency<'a> {
    /// Nothing is counted yet.
    pub fn new(functions: &'a FunctionTable, sleep: SleepTime) -> Self {
        Self {
            functions,
            sleep,
            layout: LatencyLayout::default(),
            roots: BTreeMap::new(),
        }
    }

    /// To be written so.
    #[must_use]
    pub const fn with_layout(mut self, layout: LatencyLayout) -> Self {
        self.layout = layout;
        self
    }

    /// Each root that was called.
    pub fn roots(&self) -> impl Iterator<Item = (FunctionId, &Root)> {
        self.roots.iter().map(|(&function, root)| (function, root))
    }

    /// Writes a histogram for each root.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let named = self.roots();
        let named = named.map(|(function, root)| (self.functions.name(function), root));
        let named: Vec<_> = named.map(|(name, root)| (name.into(), root)).collect();
        write(&named, self.layout, out)
    }
}

/// Writes roots with their names.
pub fn write(
    roots: &[(String, &Root)],
    layout: LatencyLayout,
    out: &mut impl Write,
) -> io::Result<()> {
    for (name, root) in roots {
        writeln!(
            out,
            "{}: {}",
            escape::visible(name),
            root.numbers(layout.unit)
        )?;
        if layout.roots == Arrangement::Below {
            picture::write(root, layout, out)?;
        }
    }
    if layout.roots == Arrangement::SideBySide {
        picture::write_side_by_side(roots, layout, out)?;
    }
    Ok(())
}

impl Collect for Latency<'_> {
    fn wants(&self) -> Trees {
        Trees::Roots
    }

    fn add(&mut self, root: &RootCall) {
        let Some(call) = root.root() else {
            return;
        };
        let Some(duration) = call.duration(self.sleep) else {
            return;
        };
        let returns = self.functions.returns(call.function);
        let register = call.closed.value();
        let error = register.and_then(|register| values::returned_error(returns, register));
        let layout = self.layout;
        let new = || Root::new(layout.unit);
        let root = self.roots.entry(call.function).or_insert_with(new);
        root.add(duration.0, error, layout.linear);
    }
}

impl Root {
    fn new(unit: Unit) -> Self {
        Self {
            calls: 0,
            total: 0,
            shortest: u64::MAX,
            longest: 0,
            times: Histogram::new(unit),
            errors: BTreeMap::new(),
            other_errors: 0,
            linear: [0; LINEAR_BUCKETS],
        }
    }

    /// What was counted elsewhere.
    #[must_use]
    pub fn of(parts: Parts) -> Self {
        let mut errors = BTreeMap::new();
        for (number, count) in parts.errors {
            // A number without a name is no error.
            if let Some(name) = values::name_of_error(number) {
                *errors.entry(name).or_default() += count;
            }
        }
        Self {
            calls: parts.times.calls(),
            total: parts.total,
            shortest: parts.shortest,
            longest: parts.longest,
            times: parts.times,
            errors,
            other_errors: parts.other_errors,
            linear: parts.linear,
        }
    }

    fn add(&mut self, duration_ns: u64, error: Option<&'static str>, linear: Option<Linear>) {
        self.calls += 1;
        self.total = self.total.saturating_add(duration_ns);
        self.shortest = self.shortest.min(duration_ns);
        self.longest = self.longest.max(duration_ns);
        self.times.record(duration_ns);
        if let Some(linear) = linear {
            let bucket = usize::try_from(linear.bucket_of(duration_ns)).ok();
            if let Some(count) = bucket.and_then(|bucket| self.linear.get_mut(bucket)) {
                *count += 1;
            }
        }
        if let Some(error) = error {
            *self.errors.entry(error).or_default() += 1;
        }
    }

    /// The time that this part of the calls stays below, ns.
    #[must_use]
    pub fn quantile(&self, part: f64) -> u64 {
        // The histogram gives the middle of a bucket.
        self.times
            .quantile(part)
            .max(self.shortest)
            .min(self.longest)
    }

    fn numbers(&self, unit: Unit) -> String {
        if self.calls == 0 {
            return "0 calls".to_owned();
        }
        let (unit, time) = unit_of(unit);
        let errors = self.errors.iter();
        let mut errors: Vec<String> = errors
            .map(|(name, count)| format!(", {count} {name}"))
            .collect();
        if self.other_errors > 0 {
            errors.push(format!(", {}", many(self.other_errors, "other error")));
        }
        format!(
            "{}, {unit}: average {}, min {}, p50 {}, p90 {}, p99 {}, max {}{}",
            many(self.calls, "call"),
            time(self.total / self.calls),
            time(self.shortest),
            time(self.quantile(0.5)),
            time(self.quantile(0.9)),
            time(self.quantile(0.99)),
            time(self.longest),
            errors.concat(),
        )
    }
}

/// How a unit is called, and how a time in ns reads in it.
fn unit_of(unit: Unit) -> (&'static str, fn(u64) -> String) {
    match unit {
        Unit::Microseconds => ("us", table::microseconds),
        Unit::Nanoseconds => ("ns", |ns| ns.to_string()),
    }
}

#[cfg(test)]
mod tests;
