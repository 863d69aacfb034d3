//! How long the sends take: the median of the last few thousand.
//!
//! A median is the same however often the sender happened to be interrupted, and the memory is
//! bounded however long the workload runs.

use std::time::Duration;

/// How many are remembered.
const REMEMBERED: usize = 4096;

/// The last times.
#[derive(Debug, Default)]
pub struct Times {
    last: Vec<Duration>,
    next: usize,
}

impl Times {
    /// One more.
    pub fn push(&mut self, time: Duration) {
        if self.last.len() < REMEMBERED {
            self.last.push(time);
        } else {
            self.last[self.next] = time;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    /// The median; zero without any.
    pub fn median(mut self) -> Duration {
        let middle = self.last.len() / 2;
        if self.last.is_empty() {
            return Duration::ZERO;
        }
        *self.last.select_nth_unstable(middle).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_times_are_forgotten() {
        let mut times = Times::default();
        for _ in 0..REMEMBERED {
            times.push(Duration::from_nanos(1));
        }
        for _ in 0..REMEMBERED {
            times.push(Duration::from_nanos(7));
        }
        assert_eq!(times.median(), Duration::from_nanos(7));
        assert_eq!(Times::default().median(), Duration::ZERO);
    }
}
