//! What is to be traced, so that tracing costs what it may: of how many root calls one, how deep.
//!
//! What tracing costs is one part that comes with each root call that is traced, and one that comes
//! anyway: programs that run and record nothing. If all of it were of the first kind, what is
//! measured over what is wanted would say at once how many times fewer are to be traced. With the
//! second the same step goes part of the way, and the next goes on from there; it comes to rest
//! where the sum is what is wanted, if it can be, and never jumps over it.
//!
//! Some of the second part is of probes below the roots. Where one in [`MOST_WITH_ALL`] root calls
//! is still too much, the roots alone are traced, of which more fit. Nobody knows what the rest
//! will cost until it is tried: that is done when there is much room, and after a time that doubles
//! when it was in vain.
//!
//! What comes anyway may be more than the budget by itself. Then no number of root calls is low
//! enough, and some a second are traced all the same: they cost next to nothing.
//!
//! It goes down by as much as the measurement says and up by a part of it: a host that rests for a
//! moment must not find tracing at full cost when it goes on.

use std::time::Duration;

use tracer_common::sample::MOST_ONE_IN;

/// What is aimed at, as a part of the budget.
const AIM: f64 = 0.95;
/// Nothing changes while the cost is between this part of the budget and all of it.
const ROOM: f64 = 0.88;
/// At a time at most so many times fewer root calls are traced.
const FEWER: f64 = 1000.0;
/// At a time at most so many times more are.
const MORE: f64 = 3.0;
/// With all that is below them at least one in so many root calls is traced.
const MOST_WITH_ALL: u64 = 8;
/// What is below the roots is traced again when the roots take less than this part of the budget.
const MUCH_ROOM: f64 = 0.5;
/// After this time at the earliest.
const FIRST_TRY: Duration = Duration::from_secs(30);
/// And after this time at the latest.
const LAST_TRY: Duration = Duration::from_mins(30);

/// At least so many root calls are traced in a second, if there are as many: they cost next to
/// nothing, and in a minute they are enough for a table.
const FEWEST: f64 = 20.0;

/// How deep root calls are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// With all that is known to run below.
    All,
    /// The roots alone.
    Roots,
}

/// What is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traced {
    /// One of so many root calls, at least 1.
    pub one_in: u64,
    /// How deep.
    pub depth: Depth,
}

impl Traced {
    /// Whether it costs something else altogether: at least twice as much or half, or another
    /// depth.
    pub fn is_far_from(self, other: Self) -> bool {
        let (fewer, more) = (self.one_in.min(other.one_in), self.one_in.max(other.one_in));
        self.depth != other.depth || more / 2 >= fewer
    }
}

/// Decides what is traced.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    traced: Traced,
    may_lower: bool,
    /// When the depth was changed.
    changed: Duration,
    /// How long it stays lowered at least.
    patience: Duration,
}

impl Controller {
    /// All is traced, and the depth may be lowered or not.
    pub const fn new(may_lower: bool) -> Self {
        Self {
            traced: Traced {
                one_in: 1,
                depth: Depth::All,
            },
            may_lower,
            changed: Duration::ZERO,
            patience: FIRST_TRY,
        }
    }

    /// What is traced now.
    pub const fn traced(&self) -> Traced {
        self.traced
    }

    /// What is to be traced from now on, after `cost` was measured where `budget` was wanted; both
    /// in the same unit, and the budget is more than 0. `calls` are the root calls that begin in a
    /// second, `at` is the time since the trace began.
    pub fn decide(&mut self, cost: f64, budget: f64, calls: f64, at: Duration) -> Traced {
        let before = self.traced;
        let one_in = sampled(before.one_in, cost, budget);
        let since = at.saturating_sub(self.changed);
        let most = most(calls).max(whole(before.one_in, 1.0 / MORE));
        match before.depth {
            Depth::All if self.may_lower && cost > budget && one_in > MOST_WITH_ALL => {
                // In vain: it has just been raised.
                let is_again = !self.changed.is_zero() && since < self.patience;
                self.patience = if is_again {
                    (self.patience * 2).min(LAST_TRY)
                } else {
                    FIRST_TRY
                };
                self.change(before.one_in, Depth::Roots, at);
            }
            Depth::Roots if one_in == 1 && cost < budget * MUCH_ROOM && since >= self.patience => {
                self.change(MOST_WITH_ALL, Depth::All, at);
            }
            Depth::All | Depth::Roots => self.traced.one_in = one_in.min(most),
        }
        self.traced
    }

    const fn change(&mut self, one_in: u64, depth: Depth, at: Duration) {
        self.traced = Traced { one_in, depth };
        self.changed = at;
    }
}

/// Of how many root calls one is to be traced, after it was one in so many.
fn sampled(before: u64, cost: f64, budget: f64) -> u64 {
    if cost > budget * ROOM && cost <= budget {
        return before;
    }
    let times = (cost / (budget * AIM)).clamp(1.0 / MORE, FEWER);
    let one_in = whole(before, times);
    // One in 1 and one in 2 are far from each other, and so are their costs.
    let is_worth_it = cost > budget || expected(cost, before, one_in) <= budget;
    if is_worth_it { one_in } else { before }
}

/// The highest number of root calls of which one is traced, where so many begin in a second.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "more than there are stays at the most"
)]
fn most(calls: f64) -> u64 {
    ((calls / FEWEST) as u64).clamp(1, MOST_ONE_IN)
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
    fn cost(one_in: u64, anyway: f64, of_calls: f64) -> f64 {
        anyway + of_calls / one_in as f64
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
            let mut one_in = before;
            for _ in 0..200 {
                one_in = sampled(one_in, cost(one_in, anyway, of_calls), budget);
            }
            let now = cost(one_in, anyway, of_calls);
            prop_assert!(now <= budget, "{now} of {budget}, one in {one_in}");
            if one_in > 1 {
                let would_be = expected(now, one_in, one_in - 1);
                prop_assert!(
                    now > budget * ROOM || would_be > budget * AIM,
                    "{now} of {budget}, one in {one_in}"
                );
            }
        }

        /// A cost that comes with root calls alone is right after one step down.
        #[test]
        fn what_is_too_much_is_less_at_once(budget in 0.001_f64..0.1, times in 1.01_f64..900.0) {
            let of_calls = budget * times;
            let one_in = sampled(1, of_calls, budget);
            prop_assert!(cost(one_in, 0.0, of_calls) <= budget);
        }

        /// A pause of the host lets tracing go up, and not to all of it at once.
        #[test]
        fn a_pause_is_no_end(one_in in 1_u64..MOST_ONE_IN, budget in 0.001_f64..0.1) {
            let after = sampled(one_in, 0.0, budget);
            prop_assert!(after >= one_in / 3);
            prop_assert!(after < one_in || one_in == 1);
        }

        /// Whatever each depth costs, the roots alone of which are within the budget: it is met
        /// nearly all of the time, and the depth is tried again less and less often.
        #[test]
        fn with_a_depth_the_budget_is_met(
            budget in 0.001_f64..0.1,
            below in 0.0_f64..50.0,
            of_calls in 0.0_f64..500.0,
            roots in 0.0_f64..0.8,
            of_roots in 0.0_f64..100.0,
        ) {
            let mut controller = Controller::new(true);
            let (mut above, mut raised) = (0, 0);
            for second in 0..3600 {
                let Traced { one_in, depth } = controller.traced();
                let cost = match depth {
                    Depth::All => cost(one_in, below * budget, of_calls * budget),
                    Depth::Roots => cost(one_in, roots * budget, of_roots * budget),
                };
                above += u32::from(cost > budget);
                let at = Duration::from_secs(second);
                let next = controller.decide(cost, budget, f64::INFINITY, at);
                raised += u32::from(depth == Depth::Roots && next.depth == Depth::All);
            }
            prop_assert!(above < 200, "{above}");
            prop_assert!(raised < 10, "{raised}");
        }
    }

    #[test]
    fn what_cannot_be_met_ends_at_the_most() {
        let mut controller = Controller::new(false);
        for second in 0..100 {
            controller.decide(0.05, 0.01, f64::INFINITY, Duration::from_secs(second));
        }
        assert_eq!(controller.traced().one_in, MOST_ONE_IN);
        assert_eq!(controller.traced().depth, Depth::All);
    }

    #[test]
    fn some_root_calls_are_traced_whatever_the_rest_costs() {
        let mut controller = Controller::new(false);
        for second in 0..100 {
            controller.decide(0.05, 0.01, 500.0, Duration::from_secs(second));
        }
        assert_eq!(controller.traced().one_in, 25);
        let idle = controller.decide(0.05, 0.01, 0.0, Duration::from_secs(100));
        assert_eq!(idle.one_in, 9);
    }

    #[test]
    fn a_number_is_far_from_half_of_it() {
        let traced = |one_in, depth| Traced { one_in, depth };
        let is_far = |a, b| {
            let (a, b) = (traced(a, Depth::All), traced(b, Depth::All));
            assert_eq!(a.is_far_from(b), b.is_far_from(a));
            a.is_far_from(b)
        };
        assert!(is_far(1, 2) && is_far(100, 250) && is_far(8, 4));
        assert!(!is_far(7, 7) && !is_far(2, 3) && !is_far(12_000, 11_000));
        assert!(traced(5, Depth::All).is_far_from(traced(5, Depth::Roots)));
    }

    #[test]
    fn the_depth_comes_back_when_there_is_room() {
        let mut controller = Controller::new(true);
        let first = controller.decide(0.5, 0.01, 1e6, Duration::from_secs(1));
        assert_eq!((first.one_in, first.depth), (1, Depth::Roots));
        let soon = controller.decide(0.001, 0.01, 1e6, Duration::from_secs(2));
        assert_eq!(soon.depth, Depth::Roots);
        let later = controller.decide(0.001, 0.01, 1e6, Duration::from_secs(40));
        assert_eq!((later.one_in, later.depth), (MOST_WITH_ALL, Depth::All));
    }
}
