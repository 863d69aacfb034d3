//! All that a page shows of a recording, collected in one pass: trees, functions, root calls in
//! numbers, and the calls that are worth reading.
//!
//! Each part is bounded by itself, so memory does not go with the length of the recording.

use super::{Collect, Exemplars, Latency, Report, Side};
use crate::model::{FunctionTable, RootCall, SleepTime, Totals};

/// The parts.
pub struct Overview<'a> {
    /// What the functions are.
    pub functions: &'a FunctionTable,
    /// Sums over the root calls.
    pub totals: Totals,
    /// The trees, laid over each other.
    pub side: Side<'a>,
    /// Each function in numbers.
    pub report: Report<'a>,
    /// How long root calls take.
    pub latency: Latency<'a>,
    /// The slowest root calls, and those that failed.
    pub exemplars: Exemplars<'a>,
}

impl<'a> Overview<'a> {
    /// Nothing is collected yet.
    pub fn new(functions: &'a FunctionTable, sleep: SleepTime) -> Self {
        Self {
            functions,
            totals: Totals::default(),
            side: Side::new(functions, sleep),
            report: Report::new(functions, sleep, None),
            latency: Latency::new(functions, sleep),
            exemplars: Exemplars::new(functions, sleep),
        }
    }
}

impl Collect for Overview<'_> {
    fn add(&mut self, call: &RootCall) {
        self.totals.add(call);
        self.side.add(call);
        self.report.add(call);
        self.latency.add(call);
        self.exemplars.add(call);
    }
}
