//! Time, as events have it.

use std::{ops::AddAssign, time::Duration};

use nix::time::ClockId;

/// A point in time or a time span, ns of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nanoseconds(pub u64);

impl Nanoseconds {
    /// Now, by the clock of events (`bpf_ktime_get_ns`).
    #[must_use]
    pub fn now() -> Self {
        Self::of(ClockId::CLOCK_MONOTONIC)
    }

    /// What another clock of the host shows; 0 if there is no such clock.
    #[must_use]
    pub fn of(clock: ClockId) -> Self {
        let time = clock.now().map(Duration::from);
        Self(time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The span from `earlier` to here, zero if the clock says otherwise.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

/// Damaged times may be of any length: a sum of them stays at the most that there is.
impl AddAssign for Nanoseconds {
    fn add_assign(&mut self, span: Self) {
        self.0 = self.0.saturating_add(span.0);
    }
}
