//! Numbers in columns, with what they are about at the end of the line.

use std::io::{self, Write};

/// Writes a head and rows: all columns to the right, the last one to the left. Rows have as many
/// cells as the head; `cells` makes them, twice for each row, so that those of many rows are not in
/// memory together.
pub fn write<R>(
    out: &mut impl Write,
    head: &[&str],
    rows: &[R],
    cells: impl Fn(&R) -> Vec<String>,
) -> io::Result<()> {
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut widths = vec![0; head.len()];
    let all = || std::iter::once(head.clone()).chain(rows.iter().map(&cells));
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in all() {
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if index + 1 == row.len() {
                writeln!(out, "{cell}")?;
            } else {
                write!(out, "{cell:>width$}  ")?;
            }
        }
    }
    Ok(())
}

/// Nanoseconds as µs with three decimals.
#[must_use]
pub fn microseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

/// The average of `calls` that took `total` ns together, as µs; a dash if there were none.
#[must_use]
pub fn average(total: u64, calls: u64) -> String {
    total
        .checked_div(calls)
        .map_or("-".to_owned(), microseconds)
}
