//! The slowest root calls of late.
//!
//! A call that is slower than one of those that are kept takes its place, and one that has become
//! old leaves its place to the next one: what the first second of a trace brought does not
//! stand there forever. Time is that of the calls, so a recording keeps what the trace would have
//! kept. Memory: so many calls, each of a bounded size ([`super::exemplar`]).

use std::sync::Arc;

use super::{Collect, Exemplar};
use crate::model::{Nanoseconds, RootCall, SleepTime};

/// How many are kept.
pub const MOST: usize = 32;
/// How long: a minute.
const OLD: Nanoseconds = Nanoseconds(60_000_000_000);

/// The slowest root calls of the last minute.
pub struct Recent {
    sleep: SleepTime,
    seen: u64,
    /// The end of the latest call.
    now: Nanoseconds,
    /// With their ends, the slowest first.
    calls: Vec<(Nanoseconds, Arc<Exemplar>)>,
}

impl Recent {
    /// Nothing is kept yet.
    #[must_use]
    pub const fn new(sleep: SleepTime) -> Self {
        Self {
            sleep,
            seen: 0,
            now: Nanoseconds(0),
            calls: Vec::new(),
        }
    }

    /// The slowest first.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = &Arc<Exemplar>> {
        self.calls.iter().map(|(_, call)| call)
    }

    /// How long before the end of the latest call each of [`Self::calls`] ended.
    pub fn ages(&self) -> impl Iterator<Item = Nanoseconds> + '_ {
        self.calls.iter().map(|(end, _)| self.now.since(*end))
    }
}

impl Collect for Recent {
    fn add(&mut self, root: &RootCall) {
        self.seen += 1;
        let Some(call) = root.root() else {
            return;
        };
        let (Some(duration), Some(end)) = (call.duration(self.sleep), call.closed.at()) else {
            return;
        };
        self.now = self.now.max(end);
        let now = self.now;
        self.calls.retain(|(end, _)| now.since(*end) <= OLD);
        // Among equals the first stays.
        let place = self
            .calls
            .partition_point(|(_, exemplar)| exemplar.duration >= Some(duration));
        if place < MOST {
            self.calls.truncate(MOST - 1);
            let exemplar = Exemplar::of(self.seen, Some(duration), root, self.sleep);
            self.calls.insert(place, (end, Arc::new(exemplar)));
        }
    }
}
