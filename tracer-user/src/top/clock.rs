//! The times of `tracer top`: how long it has gone on, and of what time a rate is.
//!
//! Rates are of the last whole stretch, so that they neither jump nor lag for long; the first one
//! comes earlier. Of a trace that goes on time is the machine's, of a recording it goes with the
//! calls, and there is one stretch: all of it.

use crate::model::Nanoseconds;

/// The time that a rate is of.
const STRETCH: Nanoseconds = Nanoseconds(2_000_000_000);
/// The time after which there is a first rate.
const FIRST: Nanoseconds = Nanoseconds(200_000_000);

/// Times, ns of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    began: Option<Nanoseconds>,
    now: Nanoseconds,
    stretch: Option<Nanoseconds>,
    /// Calls before the stretch.
    before: u64,
    has_had_stretch: bool,
}

impl Clock {
    /// What time it is.
    pub const fn now(&self) -> Nanoseconds {
        self.now
    }

    /// How much time it is about.
    pub fn elapsed(&self) -> Nanoseconds {
        self.now.since(self.began.unwrap_or(self.now))
    }

    /// Time goes on.
    pub fn advance(&mut self, now: Nanoseconds) {
        self.began.get_or_insert(now);
        self.now = now;
    }

    /// Something was recorded between these times.
    pub fn recorded(&mut self, first: Nanoseconds, last: Nanoseconds) {
        self.began = Some(self.began.unwrap_or(first).min(first));
        self.now = self.now.max(last);
    }

    /// How long the stretch has been, if that is long enough for a rate.
    pub fn stretch(&self, is_live: bool) -> Option<Nanoseconds> {
        let stretch = self.now.since(self.stretch.or(self.began)?);
        let least = match is_live {
            true if self.has_had_stretch => STRETCH,
            true => FIRST,
            false => Nanoseconds(1),
        };
        (stretch >= least).then_some(stretch)
    }

    /// Calls in a second of the stretch, by how many there have been in all.
    #[allow(clippy::cast_precision_loss, reason = "a rate for the eye")]
    pub fn rate(&self, calls: u64, stretch: Nanoseconds) -> f64 {
        (calls - self.before) as f64 * 1e9 / stretch.0.max(1) as f64
    }

    /// Whether a stretch of that time is at its end.
    pub fn ends_stretch(&mut self, stretch: Nanoseconds) -> bool {
        let is_whole = stretch >= STRETCH;
        self.has_had_stretch |= is_whole;
        is_whole
    }

    /// The next stretch begins; so many calls were before it.
    pub const fn begin_stretch(&mut self, calls: u64) {
        self.stretch = Some(self.now);
        self.before = calls;
    }
}
