//! The order of what a function calls, and the column by which it goes. The largest comes first; a
//! name decides among equals.

use std::cmp::Ordering;

use super::numbers::Numbers;

/// What comes first among the calls of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The most time.
    #[default]
    Total,
    /// The most calls in a second.
    Rate,
    /// The longest time on average.
    Average,
    /// The longest time of 99 in 100 calls.
    P99,
    /// The most errors.
    Errors,
    /// By name.
    Name,
}

impl Sort {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Total => Self::Rate,
            Self::Rate => Self::Average,
            Self::Average => Self::P99,
            Self::P99 => Self::Errors,
            Self::Errors => Self::Name,
            Self::Name => Self::Total,
        }
    }

    pub(super) fn compare(self, one: &Numbers, other: &Numbers) -> Ordering {
        let order = match self {
            Self::Total => one.total.cmp(&other.total),
            Self::Rate => {
                let rate = |numbers: &Numbers| numbers.rate.unwrap_or(0.0);
                rate(one).total_cmp(&rate(other))
            }
            Self::Average => one.average().cmp(&other.average()),
            Self::P99 => one.p99().cmp(&other.p99()),
            Self::Errors => one.errors.cmp(&other.errors),
            Self::Name => Ordering::Equal,
        };
        order.reverse()
    }

    /// The head of the column by which it sorts.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Rate => "calls/s",
            Self::Average => "avg",
            Self::P99 => "p99",
            Self::Errors => "errors",
            Self::Name => "function",
        }
    }
}
