//! Folded stacks: a line for each path of calls with the time that was spent at its end, in ns. It is what flame graph
//! tools read.
//!
//! Calls are merged while they come; the lines are written when the trace ends.

use std::io::{self, Write};

use super::escape;
use crate::{
    plan::FunctionTable,
    summary::{Merged, Path},
};

/// Writes the stacks of what was merged.
pub fn write(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    let mut lines: Vec<String> = Vec::new();
    merged.walk(&mut |path: &Path<'_>| {
        let time = path.sums.self_time.0;
        if time > 0 {
            let names: Vec<_> = path
                .functions
                .iter()
                .map(|&id| frame(&functions.name(id)))
                .collect();
            lines.push(format!("{} {time}\n", names.join(";")));
        }
    });
    // One order, whatever the order of the calls.
    lines.sort_unstable();
    lines
        .iter()
        .try_for_each(|line| out.write_all(line.as_bytes()))
}

/// A name as one frame of a stack: it is one line, and a semicolon in it begins no other frame.
fn frame(name: &str) -> String {
    escape::visible(name).replace(';', "\\x3b")
}
