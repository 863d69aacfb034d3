//! Folded stacks: a line for each path of calls with the time that was spent at its end, in ns. It
//! is what flame graph tools read.
//!
//! Calls are merged while they come; the lines are written when the trace ends.

use std::io::{self, Write};

use crate::{
    model::FunctionTable,
    summary::{Merged, Place},
    values::escape,
};

/// Writes the stacks of what was merged, in one order, whatever the order of the calls: a path
/// before those below it, and what is below by name.
pub fn write(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    let sorted = |place| {
        let below = merged.below(place);
        let mut below: Vec<_> = below
            .map(|(id, place)| (functions.name(id), place))
            .collect();
        below.sort_by(|one, other| other.0.cmp(&one.0));
        below
    };
    let mut path = String::new();
    // What is still to be written at each level, the first one last, and how long the path above
    // is.
    let mut open = vec![(sorted(Place::TOP), 0)];
    loop {
        let is_root = open.len() == 1;
        let Some((siblings, above)) = open.last_mut() else {
            return Ok(());
        };
        path.truncate(*above);
        let Some((name, place)) = siblings.pop() else {
            open.pop();
            continue;
        };
        if !is_root {
            path.push(';');
        }
        path.push_str(&frame(&name));
        let time = merged.sums(place).self_time.0;
        if time > 0 {
            writeln!(out, "{path} {time}")?;
        }
        open.push((sorted(place), path.len()));
    }
}

/// A name as one frame of a stack: it is one line, and a semicolon in it begins no other frame.
fn frame(name: &str) -> String {
    escape::visible(name).replace(';', "\\x3b")
}
