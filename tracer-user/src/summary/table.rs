//! Numbers in columns, with what they are about at the end of the line.

use std::io::{self, Write};

/// Writes a head and rows: all columns to the right, the last one to the left. Rows have as many cells as the head.
pub fn write(out: &mut impl Write, head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let cells = cells.map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max()
    };
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
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
