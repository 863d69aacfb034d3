//! The calls of a root told apart by a value: a row of numbers for each, instead of a picture.

use std::{
    cmp::Reverse,
    io::{self, Write},
};

use tracer_common::count::Unit;

use super::{LatencyLayout, Root, unit_of};
use crate::{
    summary::table,
    values::{UNREADABLE, escape},
};

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowValue {
    /// A value, as it reads.
    Known(String),
    /// All values for which there was no room.
    Others,
    /// The value could not be read.
    Unreadable,
}

impl RowValue {
    fn shown(&self) -> String {
        match self {
            Self::Known(value) => escape::visible(value).into_owned(),
            Self::Others => "others".to_owned(),
            Self::Unreadable => UNREADABLE.to_owned(),
        }
    }

    /// Values come first.
    const fn rank(&self) -> u8 {
        match self {
            Self::Known(_) => 0,
            Self::Others => 1,
            Self::Unreadable => 2,
        }
    }
}

/// Writes a root with its name and the numbers of all its calls, and then those of each value, the
/// one that took the longest in total first. `by` is what was typed.
pub fn write_by_value(
    (name, root): (&str, &Root),
    by: &str,
    mut rows: Vec<(RowValue, Root)>,
    layout: LatencyLayout,
    out: &mut impl Write,
) -> io::Result<()> {
    let numbers = root.numbers(layout.unit);
    writeln!(out, "{}: {numbers}", escape::visible(name))?;
    rows.retain(|(_, row)| row.calls > 0);
    rows.sort_by_cached_key(|(value, row)| (value.rank(), Reverse(row.total), value.shown()));
    let (_, time) = unit_of(layout.unit);
    let total = match layout.unit {
        Unit::Microseconds => "total us",
        Unit::Nanoseconds => "total ns",
    };
    let head = ["calls", total, "average", "min", "p50", "p90", "p99", "max"];
    let by = escape::visible(by);
    let head: Vec<&str> = head.into_iter().chain([&*by]).collect();
    table::write(out, &head, &rows, |(value, row)| {
        let times = [
            row.total,
            row.total / row.calls.max(1),
            row.shortest,
            row.quantile(0.5),
            row.quantile(0.9),
            row.quantile(0.99),
            row.longest,
        ];
        let mut cells = vec![row.calls.to_string()];
        cells.extend(times.map(time));
        cells.push(value.shown());
        cells
    })
}
