//! Of how many root calls one is to be traced, so that tracing costs what it may.
//!
//! What tracing costs is one part that comes with each root call that is traced, and one that comes
//! anyway: programs that run and record nothing. If all of it were of the first kind, what is
//! measured over what is wanted would say at once how many times fewer are to be traced. With the
//! second the same step goes part of the way, and the next goes on from there; it comes to rest
//! where the sum is what is wanted, if it can be, and never jumps over it.
//!
//! It goes down by as much as the measurement says and up by a part of it: a host that rests for a
//! moment must not find tracing at full cost when it goes on.

use tracer_common::sample::MOST_ONE_IN;

/// What is aimed at, as a part of the budget.
const AIM: f64 = 0.95;
/// Nothing changes while the cost is between this part of the budget and all of it.
const ROOM: f64 = 0.88;
/// At a time at most so many times fewer root calls are traced.
const FEWER: f64 = 1000.0;
/// At a time at most so many times more are.
const MORE: f64 = 3.0;

/// What is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// One of so many root calls, at least 1.
    pub one_in: u64,
}

impl Sampled {
    /// Every root call.
    pub const ALL: Self = Self { one_in: 1 };

    /// What is to be traced from now on, after `cost` was measured where `budget` was wanted; both
    /// in the same unit, and the budget is more than 0.
    #[must_use]
    pub fn after(self, cost: f64, budget: f64) -> Self {
        if cost > budget * ROOM && cost <= budget {
            return self;
        }
        let times = (cost / (budget * AIM)).clamp(1.0 / MORE, FEWER);
        let one_in = whole(self.one_in, times);
        // One in 1 and one in 2 are far from each other, and so are their costs.
        let is_worth_it = cost > budget || expected(cost, self.one_in, one_in) <= budget;
        if is_worth_it { Self { one_in } } else { self }
    }
}

/// So many times as many, rounded up: rather fewer root calls than more.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most MOST_ONE_IN times FEWER"
)]
fn whole(one_in: u64, times: f64) -> u64 {
    let wanted = (one_in as f64 * times).ceil() as u64;
    wanted.clamp(1, MOST_ONE_IN)
}

/// The cost at another number, if all of it comes with the root calls that are traced.
#[allow(clippy::cast_precision_loss, reason = "at most MOST_ONE_IN")]
fn expected(cost: f64, before: u64, after: u64) -> f64 {
    cost * before as f64 / after as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What tracing costs: a part for each root call that is traced, and one that comes anyway.
    #[allow(clippy::cast_precision_loss)]
    fn cost(sampled: Sampled, anyway: f64, of_calls: f64) -> f64 {
        anyway + of_calls / sampled.one_in as f64
    }

    proptest! {
        /// After a while the cost is below the budget and not far from it, whatever was before.
        #[test]
        fn the_budget_is_met_and_used(
            before in prop_oneof![1_u64..100, 1_u64..MOST_ONE_IN],
            budget in 0.0001_f64..0.2,
            anyway in 0.0_f64..0.8,
            of_calls in 0.0_f64..1.0,
        ) {
            // What comes anyway is a part of the budget.
            let anyway = budget * anyway;
            let mut sampled = Sampled { one_in: before };
            for _ in 0..200 {
                sampled = sampled.after(cost(sampled, anyway, of_calls), budget);
            }
            let now = cost(sampled, anyway, of_calls);
            prop_assert!(now <= budget, "{now} of {budget}, {sampled:?}");
            if sampled.one_in > 1 {
                let more = Sampled { one_in: sampled.one_in - 1 };
                let would_be = expected(now, sampled.one_in, more.one_in);
                prop_assert!(now > budget * ROOM || would_be > budget * AIM, "{now} of {budget}, {sampled:?}");
            }
        }

        /// A cost that comes with root calls alone is right after one step down.
        #[test]
        fn what_is_too_much_is_less_at_once(budget in 0.001_f64..0.1, times in 1.01_f64..900.0) {
            let of_calls = budget * times;
            let sampled = Sampled::ALL.after(of_calls, budget);
            prop_assert!(cost(sampled, 0.0, of_calls) <= budget);
        }

        /// A pause of the host lets tracing go up, and not to all of it at once.
        #[test]
        fn a_pause_is_no_end(one_in in 1_u64..MOST_ONE_IN, budget in 0.001_f64..0.1) {
            let after = Sampled { one_in }.after(0.0, budget);
            prop_assert!(after.one_in >= one_in / 3);
            prop_assert!(after.one_in < one_in || one_in == 1);
        }
    }

    #[test]
    fn what_cannot_be_met_ends_at_the_most() {
        let mut sampled = Sampled::ALL;
        for _ in 0..100 {
            sampled = sampled.after(0.05, 0.01);
        }
        assert_eq!(sampled.one_in, MOST_ONE_IN);
    }
}
