//! How much is kept of root calls that are open.
//!
//! What comes out of a ring or a file has no end by itself: a root may never return, and a made-up
//! recording may say anything. So there are limits, far from what a usual trace has. Beyond them
//! events are counted ([`crate::model::RootCall::not_kept`]), the tree has a mark where they would
//! be ([`crate::model::Missing::NotKept`]), and the call is partial.
//!
//! They are numbers of events, not of bytes, so that a replay cuts what the trace has cut. Memory:
//! some 75 to 150 bytes an event.

/// Events that are kept of one root call.
pub const MOST_EVENTS: u64 = 1 << 20;
/// Events that are kept of all root calls that are open. One event more, and the call with the most
/// of them is given out as it is.
pub const MOST_EVENTS_IN_ALL: u64 = 1 << 21;
/// Root calls that are open. One more, and the one that has been silent for the longest is
/// given out as it is. The kernel side has about as many
/// ([`crate::attach::loading::USUAL_SLEEPERS`]); others are calls whose end was lost.
pub const MOST_OPEN: usize = 1 << 16;
/// Events that may wait for one before them, in all: see [`super::waiting`]. A live trace comes
/// near only if a task's batch is missing while all rings are full.
pub const MOST_WAITING: usize = 1 << 21;
/// Calls that are open in a root call. A kernel stack has 16 KiB, and a call with a probe takes
/// more than a hundred bytes of it.
pub const MOST_DEPTH: usize = 1 << 10;

/// What a rebuilder keeps of all root calls together. The fuzzer has one with less room, so that an
/// input of some bytes fills it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Root calls that are open.
    pub open: usize,
    /// Events of them.
    pub events: u64,
    /// Events that wait for one before them.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: MOST_OPEN,
            events: MOST_EVENTS_IN_ALL,
            waiting: MOST_WAITING,
        }
    }
}
