//! The sums over the calls of a path, and how they read in a column.
//!
//! Quantiles come from a histogram with one significant digit (within 7 %): it takes about one KB,
//! and there is one for each path. Rates are those of a stretch of the last seconds; between its
//! ends the number stands still, so that it can be read.

use hdrhistogram::Histogram;

use crate::model::Nanoseconds;

/// Significant digits of quantiles.
const DIGITS: u8 = 1;

/// The sums over the calls of a path.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// Calls.
    pub calls: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Time from entry to return, of the calls of which both ends were seen.
    pub total: Nanoseconds,
    longest: u64,
    times: Histogram<u32>,
    /// Calls before the stretch that the next rate is of.
    before: u64,
    /// Calls in a second, once that is known.
    pub rate: Option<f64>,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            calls: 0,
            errors: 0,
            total: Nanoseconds(0),
            longest: 0,
            times: Histogram::new(DIGITS).expect("so few digits are possible"),
            before: 0,
            rate: None,
        }
    }
}

impl Numbers {
    /// One more call.
    pub fn add(&mut self, duration: Option<Nanoseconds>, failed: bool) {
        self.calls += 1;
        self.errors += u64::from(failed);
        if let Some(duration) = duration {
            self.total += duration;
            self.longest = self.longest.max(duration.0);
            // It grows with what it is given, so there is nothing that it does not take.
            let _ = self.times.record(duration.0);
        }
    }

    /// The average time; none where no call has one.
    pub fn average(&self) -> Option<Nanoseconds> {
        let average = self.total.0.checked_div(self.times.len());
        average.map(Nanoseconds)
    }

    /// The time that 99 of 100 calls stay below; none where no call has one.
    pub fn p99(&self) -> Option<Nanoseconds> {
        // The histogram gives the end of a bucket.
        let time = self.times.value_at_quantile(0.99).min(self.longest);
        (!self.times.is_empty()).then_some(Nanoseconds(time))
    }

    /// The rate over a stretch that began with [`Self::begin_stretch`].
    #[allow(clippy::cast_precision_loss, reason = "a rate for the eye")]
    pub fn set_rate(&mut self, stretch: Nanoseconds) {
        let calls = self.calls - self.before;
        let seconds = stretch.0 as f64 / 1e9;
        self.rate = (seconds > 0.0).then(|| calls as f64 / seconds);
    }

    /// The next rate is of the calls from here on.
    pub const fn begin_stretch(&mut self) {
        self.before = self.calls;
    }
}

/// A time with three digits: `24.1 ms`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn time(ns: Nanoseconds) -> String {
    let (unit, name) = match ns.0 {
        0..1_000 => return format!("{} ns", ns.0),
        1_000..1_000_000 => (1e3, "us"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {name}", digits(ns.0 as f64 / unit))
}

/// A number with three digits, and with a unit where it is large: `12.3M`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn count(number: u64) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..1_000_000 => format!("{}k", digits(number as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{}M", digits(number as f64 / 1e6)),
        _ => format!("{}G", digits(number as f64 / 1e9)),
    }
}

/// A rate; a dash where there is none.
pub fn rate(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate < 1e3 => digits(rate),
        Some(rate) if rate < 1e6 => format!("{}k", digits(rate / 1e3)),
        Some(rate) => format!("{}M", digits(rate / 1e6)),
    }
}

/// Three digits, more before the point if there have to be. Cut off, not rounded, as a listing has
/// it.
fn digits(number: f64) -> String {
    let places = match number {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    let power = 10_f64.powi(places);
    let places = usize::try_from(places).unwrap_or(0);
    format!("{:.places$}", (number * power).floor() / power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_three_digits() {
        let times = [
            0,
            999,
            1_000,
            53_951,
            24_253_410,
            999_999_999,
            61_500_000_000,
        ];
        let times = times.map(|ns| time(Nanoseconds(ns)));
        assert_eq!(
            times,
            [
                "0 ns", "999 ns", "1.00 us", "53.9 us", "24.2 ms", "999 ms", "61.5 s"
            ]
        );
        let counts = [0, 99_999, 123_456, 12_345_678, 7_000_000_000].map(count);
        assert_eq!(counts, ["0", "99999", "123k", "12.3M", "7.00G"]);
        let rates = [None, Some(0.0), Some(52.34), Some(1234.5)].map(rate);
        assert_eq!(rates, ["-", "0.00", "52.3", "1.23k"]);
    }

    #[test]
    fn a_path_in_numbers() {
        let mut numbers = Numbers::default();
        for duration in 1..=100 {
            numbers.add(Some(Nanoseconds(duration * 1000)), duration == 7);
        }
        numbers.add(None, false);
        assert_eq!((numbers.calls, numbers.errors), (101, 1));
        assert_eq!(numbers.average(), Some(Nanoseconds(50_500)));
        let p99 = numbers.p99().map_or(0, |time| time.0);
        assert!(p99.abs_diff(99_000) < 7_000, "{p99}");
        assert_eq!(Numbers::default().p99(), None);
    }

    #[test]
    fn a_rate_is_of_its_stretch() {
        let mut numbers = Numbers::default();
        numbers.add(None, false);
        numbers.begin_stretch();
        numbers.add(None, false);
        numbers.add(None, false);
        numbers.set_rate(Nanoseconds(500_000_000));
        assert_eq!(numbers.rate, Some(4.0));
    }
}
