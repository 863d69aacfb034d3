//! Which root calls are to be explained.
//!
//! By what was asked for: slower than a time, failed, returned such a value. Where nothing was, the
//! slow ones are: the durations are cut in two where the halves differ most, on a logarithmic axis,
//! as Otsu cuts the brightness of pictures ("A threshold selection method from gray-level
//! histograms", 1979). That needs the durations first ([`Durations`]), so a recording is read
//! twice.

use std::collections::BTreeMap;

use crate::{
    filter::{Failure, Failures, Filter, Returns},
    model::{Call, FunctionTable, Nanoseconds, RootCall, SleepTime, Trees},
    summary::Collect,
};

/// What marks a root call. All that is there must hold.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// It took longer than this.
    pub slower_than: Option<Nanoseconds>,
    /// It failed so.
    pub failed: Option<Failures>,
    /// It returned this.
    pub returns: Option<Returns>,
}

impl Condition {
    /// Takes the conditions out of a filter: the calls that do not meet them are needed, too.
    pub fn take(filter: &mut Filter) -> Self {
        Self {
            slower_than: filter.slower_than.take(),
            failed: filter.failed.take(),
            returns: filter.returns.take(),
        }
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.slower_than.is_none() && self.failed.is_none() && self.returns.is_none()
    }

    /// How a root failed, if that counts.
    pub(super) fn failure(&self, root: &Call, functions: &FunctionTable) -> Option<Failure> {
        let returns = functions.returns(root.function);
        self.failed.as_ref()?.find(returns, root.closed.value()?)
    }

    /// Whether a root call is marked.
    pub(super) fn marks(&self, root: &Call, functions: &FunctionTable) -> bool {
        let returns = functions.returns(root.function);
        let is_slow = self.slower_than.is_none_or(|limit| {
            let duration = root.duration(SleepTime::Counted);
            duration.is_some_and(|duration| duration > limit)
        });
        let has_failed = self.failed.is_none() || self.failure(root, functions).is_some();
        let has_value = self.returns.is_none_or(|wanted| {
            let value = root.closed.value();
            value.is_some_and(|value| wanted.matches(returns, value))
        });
        is_slow && has_failed && has_value
    }
}

/// Steps of the logarithmic axis for a factor of two.
const STEPS: f64 = 16.0;

/// How many times longer slow calls take, by the average logarithm.
const MUCH: f64 = 1.5;

/// A place to part the durations.
struct Cut {
    /// How much the halves differ: what Otsu calls the variance between them.
    between: f64,
    /// The steps between their averages.
    distance: f64,
    /// The longest of the lower half.
    longest: Nanoseconds,
}

/// How long root calls took, on a logarithmic axis.
#[derive(Clone, Debug, Default)]
pub struct Durations {
    /// Calls, and the longest of them in ns, by step.
    steps: BTreeMap<u32, (u64, u64)>,
}

impl Durations {
    /// The time that parts the slow calls from the others: the longest of the others. None where
    /// none is much slower than another.
    #[must_use]
    pub fn threshold(&self) -> Option<Nanoseconds> {
        let weight = |range: &mut dyn Iterator<Item = (&u32, &(u64, u64))>| {
            range.fold((0.0, 0.0), |(calls, sum), (step, (count, _))| {
                let count = float(*count);
                (calls + count, sum + count * f64::from(*step))
            })
        };
        let (all, sum) = weight(&mut self.steps.iter());
        let (mut calls, mut below) = (0.0, 0.0);
        let mut best: Option<Cut> = None;
        let last = self.steps.keys().next_back()?;
        for (step, (count, longest)) in &self.steps {
            if step == last {
                break;
            }
            calls += float(*count);
            below += float(*count) * f64::from(*step);
            let distance = below / calls - (sum - below) / (all - calls);
            let between = calls * (all - calls) * distance * distance;
            if best.as_ref().is_none_or(|best| between > best.between) {
                best = Some(Cut {
                    between,
                    distance: -distance,
                    longest: Nanoseconds(*longest),
                });
            }
        }
        best.filter(|best| best.distance >= f64::log2(MUCH) * STEPS)
            .map(|best| best.longest)
    }

    fn count(&mut self, ns: u64) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 1024"
        )]
        let step = (float(ns.max(1)).log2() * STEPS) as u32;
        let (calls, longest) = self.steps.entry(step).or_default();
        *calls += 1;
        *longest = ns.max(*longest);
    }
}

#[allow(clippy::cast_precision_loss)]
const fn float(number: u64) -> f64 {
    number as f64
}

impl Collect for Durations {
    fn wants(&self) -> Trees {
        Trees::Roots
    }

    fn add(&mut self, call: &RootCall) {
        if let Some(time) = call
            .root()
            .and_then(|root| root.duration(SleepTime::Counted))
        {
            self.count(time.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(all: &[(u64, u64)]) -> Option<u64> {
        let mut durations = Durations::default();
        for &(ns, calls) in all {
            (0..calls).for_each(|_| durations.count(ns));
        }
        durations.threshold().map(|time| time.0)
    }

    #[test]
    fn slow_calls_are_parted_from_the_others_where_they_differ_most() {
        assert_eq!(
            threshold(&[(1_000, 90), (1_100, 80), (9_000, 3)]),
            Some(1_100)
        );
        // Half of them, or most, may be slow.
        assert_eq!(
            threshold(&[(1_000, 5), (50_000, 80), (60_000, 3)]),
            Some(1_000)
        );
        assert_eq!(threshold(&[(1_000, 90)]), None);
        assert_eq!(threshold(&[(1_000, 90), (1_300, 4)]), None);
        assert_eq!(threshold(&[]), None);
    }
}
