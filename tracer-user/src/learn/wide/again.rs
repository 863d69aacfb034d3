//! When a trace that was narrowed is wide again for a moment.
//!
//! A path that no root call took before the trace was narrowed may have functions without probes.
//! The wide moments find it, and slow the host down: so there are ever fewer of them, unless the
//! user says how often.

use std::time::Duration;

/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// The trace is wide for at most one part in so many of the time, the beginning aside.
const SHARE: u32 = 50;

/// How long the pauses are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// Half a minute, then twice as long each time up to half an hour, and so long that the trace
    /// is wide for one part in 50 of the time at most.
    #[default]
    LessAndLess,
    /// As long as the user says.
    Every(Duration),
}

impl Again {
    /// The pause after the trace was narrowed.
    pub(super) const fn first_pause(self) -> Duration {
        match self {
            Self::LessAndLess => FIRST_PAUSE,
            Self::Every(pause) => pause,
        }
    }

    /// The one after a pause, and a wide moment that took so long with its changes.
    pub(super) fn next_pause(self, pause: Duration, took: Duration) -> Duration {
        match self {
            Self::LessAndLess => (pause * 2).min(LONGEST_PAUSE).max(took * SHARE),
            Self::Every(pause) => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_moments_become_rare() {
        let again = Again::LessAndLess;
        let (mut pause, mut wide, mut narrow) = (again.first_pause(), 0, 0);
        for _ in 0..20 {
            narrow += pause.as_secs();
            wide += 2;
            pause = again.next_pause(pause, Duration::from_secs(2));
        }
        assert!(narrow >= 49 * wide, "{wide} s of {narrow} s");
        assert_eq!(pause, LONGEST_PAUSE);
        // What takes long comes seldom.
        let took = Duration::from_mins(1);
        assert_eq!(again.next_pause(pause, took), took * SHARE);
    }

    #[test]
    fn the_user_says_how_often() {
        let again = Again::Every(Duration::from_secs(1));
        let pause = again.first_pause();
        assert_eq!(again.next_pause(pause, Duration::from_secs(9)), pause);
    }
}
