//! From events back to calls.
//!
//! Batches of one task may arrive out of order (it migrated: two rings) or not at all (a ring was
//! full). [`Rebuilder`] puts them in order by their sequence numbers and feeds each root call's
//! events to a [`builder::Builder`], which pairs entries with exits. What is missing becomes a mark
//! in the tree where it happened; what follows is never shifted. [`events`] is the way back.
//!
//! Rings and files may bring anything. Nothing here recurses over what they bring, and all that is
//! kept of it has a limit ([`limits`], [`waiting`]).

pub mod builder;
mod cut;
pub mod events;
mod growing;
pub mod identity;
pub mod joined;
pub mod limits;
mod open;
pub mod rebuild;
pub mod text;
mod totals;
pub mod tree;
mod waiting;

use std::{ops::AddAssign, time::Duration};

use nix::time::ClockId;

pub use identity::{RootCallId, TaskId, TaskKey};
pub use joined::Joined;
pub use rebuild::Rebuilder;
pub use text::Text;
pub use totals::Totals;
pub use tree::{Call, Closed, End, Missing, Node, RootCall, Trees};

/// A function, as events name it: the low half of its address. In a recording that is counted from
/// somewhere else, so that it does not tell where the kernel lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// A process, as the kernel numbers it in the initial PID namespace (`tgid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

/// A CPU's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuId(pub u32);

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
