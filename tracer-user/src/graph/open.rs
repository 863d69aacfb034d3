//! The calls of a root call that have not returned, outermost first.
//!
//! An exit finds its entry here, by function and frame. There are [`MOST_DEPTH`] at most, so
//! neither memory nor the search goes with what a recording claims: of calls beyond, only the
//! number is known.

use super::limits::MOST_DEPTH;
use crate::model::Nanoseconds;

/// What is the same in all events of a call, and different in all that are open at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// See [`tracer_common::Event::function`].
    pub function: u32,
    /// See [`tracer_common::Event::frame`].
    pub frame: u16,
}

/// Where a call's node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In this place of the tree.
    At(usize),
    /// The tree is not to have it.
    Apart,
    /// There was no room for it.
    NoRoom,
}

/// A call that is open.
#[derive(Clone, Copy, Debug)]
pub struct OpenCall {
    /// By what its exit is known.
    pub identity: Identity,
    /// Its node.
    pub node: Kept,
    /// Time that the task had been off the CPU when it was entered.
    pub off_cpu: Nanoseconds,
}

/// The open calls.
#[derive(Debug, Default)]
pub struct OpenCalls {
    calls: Vec<OpenCall>,
    /// Calls that are open within the innermost of these.
    too_deep: u64,
}

impl OpenCalls {
    /// How many there are, less those that are too deep.
    pub const fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether some are open that are not here.
    pub const fn are_too_deep(&self) -> bool {
        self.too_deep > 0
    }

    /// Whether another call has room. If not, it is counted.
    pub const fn has_room(&mut self) -> bool {
        let has_room = self.calls.len() < MOST_DEPTH;
        if !has_room {
            self.too_deep += 1;
        }
        has_room
    }

    /// Opens a call that has room.
    pub fn push(&mut self, call: OpenCall) {
        self.calls.push(call);
    }

    /// All that are here, outermost first.
    pub fn iter(&self) -> impl Iterator<Item = &OpenCall> {
        self.calls.iter()
    }

    /// Closes the innermost call.
    pub fn pop(&mut self) -> Option<OpenCall> {
        self.too_deep = 0;
        self.calls.pop()
    }

    /// Closes one that is too deep.
    pub const fn leave_deep(&mut self) {
        self.too_deep = self.too_deep.saturating_sub(1);
    }

    /// The innermost call that has this identity, and how many are around it.
    pub fn find(&self, identity: Identity) -> Option<(usize, OpenCall)> {
        let place = self
            .calls
            .iter()
            .rposition(|call| call.identity == identity)?;
        Some((place, self.calls[place]))
    }
}
