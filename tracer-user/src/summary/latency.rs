//! How long root calls take, as a histogram, as `perf ftrace latency` prints it.
//!
//! Buckets double from one to the next, so that a picture of twenty lines goes from a microsecond to a second. The quantiles are not of the
//! buckets: they come from a histogram with two significant digits (within 1 %).

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use hdrhistogram::Histogram;

use super::{Collect, table};
use crate::{
    graph::{FunctionId, Node, RootCall, Trees, tree::SleepTime},
    output::{escape, value},
    plan::FunctionTable,
};

/// Significant digits of quantiles.
const DIGITS: u8 = 2;

/// Characters of the longest bar.
const BAR: u64 = 40;

/// The calls of one root of which both ends were seen.
pub struct Root {
    /// How many.
    pub calls: u64,
    /// Time of all of them, ns.
    pub total: u64,
    /// Time of the longest, ns.
    pub longest: u64,
    /// How long they took, ns, within 1 %.
    pub times: Histogram<u64>,
    /// How many took less than 1 µs, less than 2, less than 4 and so on, see [`bucket`].
    buckets: BTreeMap<u32, u64>,
    /// How many returned which error.
    pub errors: BTreeMap<&'static str, u64>,
}

/// All roots.
pub struct Latency<'a> {
    functions: &'a FunctionTable,
    sleep: SleepTime,
    roots: BTreeMap<FunctionId, Root>,
}

impl<'a> Latency<'a> {
    /// Nothing is counted yet.
    pub fn new(functions: &'a FunctionTable, sleep: SleepTime) -> Self {
        Self {
            functions,
            sleep,
            roots: BTreeMap::new(),
        }
    }

    /// Each root that was called.
    pub fn roots(&self) -> impl Iterator<Item = (FunctionId, &Root)> {
        self.roots.iter().map(|(&function, root)| (function, root))
    }

    /// Writes a histogram for each root.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (&function, root) in &self.roots {
            let name = self.functions.name(function);
            writeln!(out, "{}: {}", escape::visible(&name), root.numbers())?;
            root.picture(out)?;
        }
        Ok(())
    }
}

impl Collect for Latency<'_> {
    fn wants(&self) -> Trees {
        Trees::Roots
    }

    fn add(&mut self, root: &RootCall) {
        let Some(Node::Call(call)) = root.nodes.first() else {
            return;
        };
        let Some(duration) = call.duration(self.sleep) else {
            return;
        };
        let returns = self.functions.returns(call.function);
        let register = call.closed.value();
        let error = register.and_then(|register| value::returned_error(returns, register));
        let root = self.roots.entry(call.function).or_insert_with(Root::new);
        root.add(duration.0, error);
    }
}

impl Root {
    fn new() -> Self {
        Self {
            calls: 0,
            total: 0,
            longest: 0,
            times: Histogram::new(DIGITS).expect("so few digits are possible"),
            buckets: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    fn add(&mut self, duration_ns: u64, error: Option<&'static str>) {
        self.calls += 1;
        self.total = self.total.saturating_add(duration_ns);
        self.longest = self.longest.max(duration_ns);
        // It grows with what it is given, so there is nothing that it does not take.
        let _ = self.times.record(duration_ns);
        *self.buckets.entry(bucket(duration_ns)).or_default() += 1;
        if let Some(error) = error {
            *self.errors.entry(error).or_default() += 1;
        }
    }

    /// The time that this part of the calls stays below, ns.
    #[must_use]
    pub fn quantile(&self, part: f64) -> u64 {
        // The histogram gives the end of a bucket.
        self.times.value_at_quantile(part).min(self.longest)
    }

    fn numbers(&self) -> String {
        let quantile = |part| table::microseconds(self.quantile(part));
        let errors = self.errors.iter();
        let errors: Vec<String> = errors
            .map(|(name, count)| format!(", {count} {name}"))
            .collect();
        format!(
            "{} calls, us: average {}, p50 {}, p90 {}, p99 {}, max {}{}",
            self.calls,
            table::average(self.total, self.calls),
            quantile(0.5),
            quantile(0.9),
            quantile(0.99),
            table::microseconds(self.longest),
            errors.concat(),
        )
    }

    /// From the first bucket that has something to the last.
    fn picture(&self, out: &mut impl Write) -> io::Result<()> {
        let Some((&first, &last)) = self.buckets.keys().next().zip(self.buckets.keys().last())
        else {
            return Ok(());
        };
        let most = self.buckets.values().max().copied().unwrap_or(1);
        writeln!(out, "#     DURATION      |      COUNT | GRAPH")?;
        for number in first..=last {
            let count = self.buckets.get(&number).copied().unwrap_or(0);
            let bar = "#".repeat(usize::try_from(count * BAR / most).unwrap_or(0));
            writeln!(
                out,
                "{} | {count:>10} |{}{bar}",
                bounds(number),
                if bar.is_empty() { "" } else { " " }
            )?;
        }
        Ok(())
    }
}

/// 0 for less than 1 µs, 1 for less than 2, and so on.
fn bucket(duration_ns: u64) -> u32 {
    (duration_ns / 1000)
        .checked_ilog2()
        .map_or(0, |log| log + 1)
}

/// From when to when a bucket goes, in the unit that makes the numbers short.
fn bounds(bucket: u32) -> String {
    let from = if bucket == 0 { 0 } else { 1 << (bucket - 1) };
    let to = 1_u64 << bucket;
    let (unit, size) = match to {
        0..=1024 => ("us", 1),
        1025..=1_048_576 => ("ms", 1024),
        _ => ("s ", 1_048_576),
    };
    format!("{:>6} - {:>6} {unit}", from / size, to / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_double() {
        let found = [0, 999, 1000, 1999, 2000, 3999, 4000].map(bucket);
        assert_eq!(found, [0, 0, 1, 1, 2, 2, 3]);
        assert_eq!(bounds(0), "     0 -      1 us");
        assert_eq!(bounds(3), "     4 -      8 us");
        assert_eq!(bounds(11), "     1 -      2 ms");
    }

    #[test]
    fn a_root_in_numbers() {
        let mut root = Root::new();
        for duration in [500, 1500, 1600, 9000] {
            root.add(duration, (duration == 9000).then_some("EAGAIN"));
        }
        assert_eq!(
            root.numbers(),
            "4 calls, us: average 3.150, p50 1.503, p90 9.000, p99 9.000, max 9.000, 1 EAGAIN"
        );
        let mut out = Vec::new();
        root.picture(&mut out).unwrap();
        let bar = "#".repeat(20);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "#     DURATION      |      COUNT | GRAPH\n     0 -      1 us |          1 | {bar}\n     1 -      2 us |          2 | {bar}{bar}\n     2 -      4 us |          0 |\n     4 -      8 us |          0 |\n     8 -     16 us |          1 | {bar}\n"
            )
        );
    }
}
