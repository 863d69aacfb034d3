//! What can be typed of a histogram: the names are those of `perf ftrace latency`, but for `-n`,
//! which ends a trace.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use tracer_common::count::{LINEAR_BUCKETS, Linear, Unit};

use super::{exit::Usage, values};
use crate::summary::{Arrangement, Empty, LatencyLayout};

/// Buckets of equal width that there are if no maximum is given, as perf has them.
const USUAL_BUCKETS: u64 = 20;

/// How a histogram looks
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct LayoutArgs {
    /// Nanoseconds instead of microseconds
    #[arg(long)]
    pub use_nsec: bool,
    /// Buckets of this width, in us or as --use-nsec says, instead of buckets that double
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub bucket_range: Option<u64>,
    /// Where the first such bucket begins; what took less is in one before it
    #[arg(long, value_name = "N", requires = "bucket_range")]
    pub min_latency: Option<u64>,
    /// Where the last such bucket ends; what took longer is in one after it
    #[arg(long, value_name = "N", requires = "bucket_range")]
    pub max_latency: Option<u64>,
    /// Skip buckets without a call
    #[arg(long)]
    pub hide_empty: bool,
    /// One histogram with a column for each root
    #[arg(long)]
    pub side_by_side: bool,
    /// Write what has been counted so far again and again after this time, such as 1s
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub interval: Option<Duration>,
}

impl LayoutArgs {
    /// What was typed, ready to use.
    pub fn layout(&self) -> Result<LatencyLayout> {
        if self.interval.is_some_and(|interval| interval.is_zero()) {
            bail!(Usage(
                "--interval 0 makes no sense: give a time, such as 1s".to_owned()
            ));
        }
        Ok(LatencyLayout {
            unit: if self.use_nsec {
                Unit::Nanoseconds
            } else {
                Unit::Microseconds
            },
            linear: self.linear()?,
            empty: if self.hide_empty {
                Empty::Hidden
            } else {
                Empty::Shown
            },
            roots: if self.side_by_side {
                Arrangement::SideBySide
            } else {
                Arrangement::Below
            },
            interval: self.interval,
        })
    }

    fn linear(&self) -> Result<Option<Linear>> {
        let Some(width) = self.bucket_range else {
            return Ok(None);
        };
        // One before them and one after them.
        let most = LINEAR_BUCKETS as u64 - 2;
        let min = self.min_latency.unwrap_or(0);
        let buckets = match self.max_latency {
            None => USUAL_BUCKETS,
            Some(max) if max > min => (max - min).div_ceil(width),
            Some(max) => bail!(Usage(format!(
                "--max-latency {max} is not above --min-latency {min}; give a larger one"
            ))),
        };
        if buckets > most {
            bail!(Usage(format!(
                "{buckets} buckets would be needed, and {most} are possible: give a --bucket-range of {} or more",
                (self.max_latency.unwrap_or(0) - min).div_ceil(most)
            )));
        }
        let ns = if self.use_nsec { 1 } else { 1000 };
        Ok(Some(Linear {
            from_ns: min.saturating_mul(ns),
            width_ns: width.saturating_mul(ns),
            last: buckets + 1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_buckets_go_from_the_minimum_to_the_maximum() {
        let args = |width, min, max| LayoutArgs {
            bucket_range: Some(width),
            min_latency: min,
            max_latency: max,
            ..LayoutArgs::default()
        };
        let linear = args(5, Some(10), Some(21)).linear().unwrap().unwrap();
        let expected = Linear {
            from_ns: 10_000,
            width_ns: 5_000,
            last: 4,
        };
        assert_eq!(linear, expected);
        let linear = args(7, None, None).linear().unwrap().unwrap();
        assert_eq!((linear.from_ns, linear.last), (0, 21));
        let error = |args: LayoutArgs| args.linear().unwrap_err().to_string();
        assert!(error(args(1, None, Some(100))).contains("--bucket-range of 4 or more"));
        assert!(error(args(1, Some(9), Some(9))).contains("is not above"));
        assert_eq!(LayoutArgs::default().linear().unwrap(), None);
    }
}
