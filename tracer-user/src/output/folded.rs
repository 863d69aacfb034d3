//! Folded stacks: a line for each path of calls with the time that was spent at its end, in ns. It is what flame graph
//! tools read.
//!
//! Calls are merged while they come; the lines are written when the trace ends.

use std::io::{self, Write};

use super::Form;
use crate::{
    graph::{RootCall, tree::SleepTime},
    plan::FunctionTable,
    summary::{Merged, Path},
};

/// Writes stacks.
pub struct FoldedWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    merged: Merged,
}

impl<'a, W: Write> FoldedWriter<'a, W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W, functions: &'a FunctionTable, sleep: SleepTime) -> Self {
        Self {
            out,
            functions,
            merged: Merged::new(sleep),
        }
    }
}

impl<W: Write> Form for FoldedWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.merged.add(call);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        let mut lines: Vec<String> = Vec::new();
        self.merged.walk(&mut |path: &Path<'_>| {
            let time = path.sums.self_time.0;
            if time > 0 {
                let names = path.functions.iter().map(|&id| self.functions.name(id));
                let names: Vec<_> = names.collect();
                lines.push(format!("{} {time}\n", names.join(";")));
            }
        });
        // One order, whatever the order of the calls.
        lines.sort_unstable();
        for line in lines {
            self.out.write_all(line.as_bytes())?;
        }
        self.out.flush()
    }
}
