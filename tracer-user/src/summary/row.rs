//! A row of a report: the sums of some calls of one function.
//!
//! Quantiles come from histograms with two significant digits (within 1 %).

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::table;

/// Significant digits of quantiles.
const DIGITS: u8 = 2;

/// The heads of the columns.
pub(super) const HEAD: [&str; 10] = [
    "calls", "total us", "self us", "avg us", "p50 us", "p90 us", "p99 us", "max us", "errors",
    "function",
];

/// What the rows are sorted by; the largest comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SortBy {
    /// Time from entry to return
    #[default]
    Total,
    /// The same without the time of the calls below
    #[value(name = "self")]
    Own,
    /// Number of calls
    #[value(alias = "count")]
    Calls,
    /// Average time
    #[value(alias = "avg")]
    Average,
    /// The time that half of the calls stay below
    P50,
    /// The time that 90 of 100 calls stay below
    P90,
    /// The time that 99 of 100 calls stay below
    P99,
    /// The longest time
    Max,
    /// Number of calls that returned an error
    Errors,
    /// The function's name
    Name,
}

/// The sums of a row.
pub struct Row {
    /// Calls.
    pub calls: u64,
    /// Time from entry to return, ns.
    pub total: u64,
    /// The same without the time of the calls below.
    pub own: u64,
    /// The longest time, ns.
    pub longest: u64,
    pub(super) times: Histogram<u64>,
    /// Calls that returned an error, by its name.
    pub errors: BTreeMap<&'static str, u64>,
}

impl Row {
    /// Nothing is counted yet.
    pub(super) fn new() -> Self {
        let times = Histogram::new(DIGITS).expect("so few digits are possible");
        Self {
            calls: 0,
            total: 0,
            own: 0,
            longest: 0,
            times,
            errors: BTreeMap::new(),
        }
    }

    /// Calls that returned an error.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Calls of which both ends were seen; the times are theirs.
    #[must_use]
    pub fn timed(&self) -> u64 {
        self.times.len()
    }

    /// The time that this part of the calls stays below, ns.
    #[must_use]
    pub fn quantile(&self, part: f64) -> u64 {
        // The histogram gives the end of a bucket.
        self.times.value_at_quantile(part).min(self.longest)
    }

    /// What the row has of that.
    pub(super) fn key(&self, by: SortBy) -> u64 {
        match by {
            SortBy::Total => self.total,
            SortBy::Own => self.own,
            SortBy::Calls => self.calls,
            SortBy::Average => self.total / self.times.len().max(1),
            SortBy::P50 => self.quantile(0.5),
            SortBy::P90 => self.quantile(0.9),
            SortBy::P99 => self.quantile(0.99),
            SortBy::Max => self.longest,
            SortBy::Errors => self.failed(),
            SortBy::Name => 0,
        }
    }
}

/// The row as it is written, under [`HEAD`].
pub(super) fn cells(label: &str, row: &Row) -> Vec<String> {
    let time = |ns| {
        if row.times.is_empty() {
            "-".to_owned()
        } else {
            table::microseconds(ns)
        }
    };
    let errors = row.errors.iter();
    let errors: Vec<String> = errors
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let label = if errors.is_empty() {
        label.to_owned()
    } else {
        format!("{label} ({})", errors.join(", "))
    };
    vec![
        row.calls.to_string(),
        table::microseconds(row.total),
        table::microseconds(row.own),
        table::average(row.total, row.times.len()),
        time(row.quantile(0.5)),
        time(row.quantile(0.9)),
        time(row.quantile(0.99)),
        time(row.longest),
        row.failed().to_string(),
        label,
    ]
}
