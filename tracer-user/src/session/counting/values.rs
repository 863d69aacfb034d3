//! What was counted of each value by which the calls of a root are told apart.

use std::io::{self, Write};

use super::Shown;
use crate::{
    attach::count::{Counted, Value},
    model::{ValueType, many},
    summary::{
        RowValue,
        latency::{Root, write_by_value},
    },
    values::{self, Style},
};

/// Writes each root that was called, and its values.
pub(super) fn write(shown: &Shown, counted: &[Counted], out: &mut impl Write) -> io::Result<()> {
    let Some(by) = &shown.by else { return Ok(()) };
    let roots = shown.names.iter().zip(counted).zip(&by.roots).enumerate();
    for (number, ((name, counted), (_, _, value))) in roots {
        let root = shown.root(counted);
        if root.calls > 0 {
            let rows = rows(shown, number, value);
            write_by_value((name, &root), &by.source, rows, shown.layout, out)?;
        }
    }
    Ok(())
}

fn rows(shown: &Shown, root: usize, kind: &ValueType) -> Vec<(RowValue, Root)> {
    let row = |(value, counted): (Value, Counted)| (read(value, kind), shown.root(&counted));
    shown.tables.by_value(root).into_iter().map(row).collect()
}

/// A value as its type says.
fn read(value: Value, kind: &ValueType) -> RowValue {
    match value {
        Value::Number(number) => {
            let shown = values::format_return(None, Some(kind), number, Style::Typed);
            RowValue::Known(shown.unwrap_or_else(|| number.to_string()))
        }
        Value::Other => RowValue::Others,
        Value::Unreadable => RowValue::Unreadable,
    }
}

/// Says how many calls are not told apart, and why.
pub(super) fn tell(shown: &Shown) {
    let Some(by) = &shown.by else { return };
    let (mut others, mut unreadable) = (0, 0);
    let roots = 0..shown.names.len();
    for (value, counted) in roots.flat_map(|root| shown.tables.by_value(root)) {
        let calls: u64 = counted.buckets.iter().sum();
        match value {
            Value::Number(_) => {}
            Value::Other => others += calls,
            Value::Unreadable => unreadable += calls,
        }
    }
    if others > 0 {
        eprintln!(
            "tracer: {} counted as others: there is room for about {} values of each root; count \
             by its upper bits, as in '{} & -256'",
            many(others, "call"),
            shown.tables.places_of_root(),
            by.source,
        );
    }
    if unreadable > 0 {
        eprintln!(
            "tracer: {} counted as {}: the value could not be read",
            many(unreadable, "call"),
            values::UNREADABLE
        );
    }
}
