//! The histogram in lines: a bucket in each, from the first that has something to the last.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    ops::RangeInclusive,
};

use tracer_common::count::{Linear, Unit};

use super::{Empty, LatencyLayout, Root};
use crate::values::escape;

/// Characters of the longest bar.
const BAR: u64 = 40;

/// Writes that of one root.
pub(super) fn write(root: &Root, layout: LatencyLayout, out: &mut impl Write) -> io::Result<()> {
    let buckets = buckets(root, layout);
    let Some(range) = range([&buckets]) else {
        return Ok(());
    };
    let most = buckets.values().max().copied().unwrap_or(1);
    writeln!(out, "#     DURATION      |      COUNT | GRAPH")?;
    for number in range {
        let count = buckets.get(&number).copied().unwrap_or(0);
        if count == 0 && layout.empty == Empty::Hidden {
            continue;
        }
        let bar = u128::from(count) * u128::from(BAR) / u128::from(most.max(1));
        let bar = "#".repeat(usize::try_from(bar).unwrap_or(0));
        let space = if bar.is_empty() { "" } else { " " };
        writeln!(
            out,
            "{} | {count:>10} |{space}{bar}",
            bounds(number, layout)
        )?;
    }
    Ok(())
}

/// Writes those of all roots, each in a column below its name.
pub(super) fn write_side_by_side(
    roots: &[(String, &Root)],
    layout: LatencyLayout,
    out: &mut impl Write,
) -> io::Result<()> {
    let all: Vec<_> = roots
        .iter()
        .map(|(_, root)| buckets(root, layout))
        .collect();
    let Some(range) = range(&all) else {
        return Ok(());
    };
    write!(out, "#     DURATION     ")?;
    let mut widths = Vec::new();
    for (name, _) in roots {
        let name = escape::visible(name).to_string();
        let width = name.chars().count().max(10);
        write!(out, " | {name:>width$}")?;
        widths.push(width);
    }
    writeln!(out)?;
    for number in range {
        let counts: Vec<u64> = all
            .iter()
            .map(|buckets| buckets.get(&number).copied().unwrap_or(0))
            .collect();
        if layout.empty == Empty::Hidden && counts.iter().all(|&count| count == 0) {
            continue;
        }
        write!(out, "{}", bounds(number, layout))?;
        for (count, width) in counts.into_iter().zip(&widths) {
            write!(out, " | {count:>width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The buckets of the picture that have something.
fn buckets(root: &Root, layout: LatencyLayout) -> BTreeMap<u32, u64> {
    match layout.linear {
        None => root.times.doublings(),
        Some(_) => (0..)
            .zip(root.linear)
            .filter(|(_, count)| *count > 0)
            .collect(),
    }
}

fn range<'a>(all: impl IntoIterator<Item = &'a BTreeMap<u32, u64>>) -> Option<RangeInclusive<u32>> {
    let numbers = all.into_iter().flat_map(BTreeMap::keys).copied();
    let (first, last) = numbers.fold(None, |ends, number| match ends {
        None => Some((number, number)),
        Some((first, last)) => Some((number.min(first), number.max(last))),
    })?;
    Some(first..=last)
}

/// From when to when a bucket goes.
fn bounds(bucket: u32, layout: LatencyLayout) -> String {
    match layout.linear {
        Some(linear) => linear_bounds(u64::from(bucket), linear, layout.unit),
        None => doubling_bounds(bucket, layout.unit),
    }
}

/// In the unit that makes the numbers short.
fn doubling_bounds(bucket: u32, unit: Unit) -> String {
    let from = match bucket {
        0 => 0,
        _ => 1_u128 << (bucket - 1),
    };
    let to = 1_u128 << bucket;
    let units: [&str; 4] = match unit {
        Unit::Microseconds => ["us", "ms", "s ", "ks"],
        Unit::Nanoseconds => ["ns", "us", "ms", "s "],
    };
    let step = (bucket.saturating_sub(1) / 10).min(3);
    let size = 1_u128 << (10 * step);
    format!(
        "{:>6} - {:>6} {}",
        from / size,
        to / size,
        units[step as usize]
    )
}

fn linear_bounds(bucket: u64, linear: Linear, unit: Unit) -> String {
    let (name, size) = match unit {
        Unit::Microseconds => ("us", 1000),
        Unit::Nanoseconds => ("ns", 1),
    };
    let begin = |bucket: u64| match bucket.checked_sub(1) {
        None => 0,
        Some(above) => (linear.from_ns + above * linear.width_ns) / size,
    };
    let to = if bucket >= linear.last {
        "...".to_owned()
    } else {
        begin(bucket + 1).to_string()
    };
    format!("{:>6} - {to:>6} {name}", begin(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_short() {
        let bounds = |bucket| doubling_bounds(bucket, Unit::Microseconds);
        assert_eq!(bounds(0), "     0 -      1 us");
        assert_eq!(bounds(3), "     4 -      8 us");
        assert_eq!(bounds(10), "   512 -   1024 us");
        assert_eq!(bounds(11), "     1 -      2 ms");
        assert_eq!(bounds(20), "   512 -   1024 ms");
        assert_eq!(bounds(21), "     1 -      2 s ");
        assert_eq!(doubling_bounds(11, Unit::Nanoseconds), "     1 -      2 us");
    }

    #[test]
    fn equal_buckets_have_an_end_at_both_sides() {
        let linear = Linear {
            from_ns: 10_000,
            width_ns: 5_000,
            last: 3,
        };
        let bounds = |bucket| linear_bounds(bucket, linear, Unit::Microseconds);
        assert_eq!(bounds(0), "     0 -     10 us");
        assert_eq!(bounds(1), "    10 -     15 us");
        assert_eq!(bounds(2), "    15 -     20 us");
        assert_eq!(bounds(3), "    20 -    ... us");
    }
}
