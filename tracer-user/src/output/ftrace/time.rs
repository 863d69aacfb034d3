//! Times as function_graph writes them, and as a reader likes them in a remark.

use std::time::{Duration, SystemTime};

use nix::time::ClockId;

use crate::model::Nanoseconds;

pub use crate::values::span;

/// `trace_find_mark` (kernel/trace/trace_output.c).
pub const fn mark(ns: u64) -> u8 {
    match ns {
        1_000_000_001.. => b'$',
        100_000_001.. => b'@',
        10_000_001.. => b'*',
        1_000_001.. => b'#',
        100_001.. => b'!',
        10_001.. => b'+',
        _ => b' ',
    }
}

/// `trace_print_graph_duration`: seven significant places at most, three of them decimals where
/// there is room.
pub fn microseconds(out: &mut Vec<u8>, ns: u64) {
    let mut digits = itoa::Buffer::new();
    let whole = digits.format(ns / 1000);
    out.extend_from_slice(whole.as_bytes());
    if whole.len() >= 7 {
        return;
    }
    // A leading one keeps the zeros.
    let mut digits = itoa::Buffer::new();
    let decimals = digits.format(1000 + ns % 1000);
    // `snprintf` into `8 - len` bytes keeps one less.
    let room = (8 - whole.len() - 1).min(3);
    out.push(b'.');
    out.extend_from_slice(&decimals.as_bytes()[1..=room]);
}

/// `print_graph_abs_time`: seconds and microseconds, 12 places.
pub fn point(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    format!("{seconds:>5}.{:06}", ns % 1_000_000_000 / 1000)
}

/// Room for what [`WallClock::show`] writes.
pub const WALL_WIDTH: usize = 27;

/// The wall clock beside the clock of events: where it stood when that stood at 0, ns since 1970.
/// A step of the wall clock while a trace goes on is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallClock(u64);

impl WallClock {
    /// Of two points that are the same on both clocks; none if the wall clock is not known.
    pub fn of(realtime_ns: u64, monotonic: Nanoseconds) -> Option<Self> {
        (realtime_ns > 0).then(|| Self(realtime_ns.saturating_sub(monotonic.0)))
    }

    /// Of the host's clocks now.
    pub fn now() -> Option<Self> {
        let realtime = Nanoseconds::of(ClockId::CLOCK_REALTIME);
        Self::of(realtime.0, Nanoseconds::now())
    }

    /// A point in time in UTC with microseconds, as RFC 3339 has it; nothing for one that it has no
    /// form for.
    pub fn show(self, at: Nanoseconds) -> String {
        use std::fmt::Write as _;
        let since = Duration::from_nanos(self.0.saturating_add(at.0));
        let mut text = String::with_capacity(WALL_WIDTH);
        let shown = SystemTime::UNIX_EPOCH
            .checked_add(since)
            .map(|time| write!(text, "{}", humantime::format_rfc3339_micros(time)));
        match shown {
            Some(Ok(())) => text,
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_as_far_from_the_beginning_on_both_clocks() {
        let clock = WallClock::of(1_796_020_000_000_000_000, Nanoseconds(5_000_000_000)).unwrap();
        let shown = clock.show(Nanoseconds(6_500_001_999));
        assert_eq!(shown, "2026-11-30T06:26:41.500001Z");
        assert_eq!(shown.len(), WALL_WIDTH);
        assert_eq!(WallClock::of(0, Nanoseconds(1)), None);
        // A made-up recording may say anything.
        let last = WallClock::of(u64::MAX, Nanoseconds(0)).unwrap();
        assert!(last.show(Nanoseconds(u64::MAX)).len() <= WALL_WIDTH);
    }

    #[test]
    fn durations_look_like_the_kernels() {
        let text = |ns| {
            let mut out = Vec::new();
            microseconds(&mut out, ns);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(0), "0.000");
        assert_eq!(text(333), "0.333");
        assert_eq!(text(168_034), "168.034");
        assert_eq!(text(12_345_678), "12345.67");
        assert_eq!(text(999_999_999), "999999.9");
        assert_eq!(text(1_234_567_890), "1234567");
    }

    #[test]
    fn marks_begin_above_their_limits() {
        assert_eq!(mark(10_000), b' ');
        assert_eq!(mark(10_001), b'+');
        assert_eq!(mark(172_112), b'!');
        assert_eq!(mark(2_000_000_000), b'$');
    }

    #[test]
    fn points_in_time_are_in_columns() {
        assert_eq!(point(12_345_678_901), "   12.345678");
        assert_eq!(point(123_456_000_000_999), "123456.000000");
    }
}
