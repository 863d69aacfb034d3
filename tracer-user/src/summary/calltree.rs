//! All calls of one function as one tree: what it called, how often and how long, and who called
//! it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{Collect, Merged, Sums, merged::self_times, table};
use crate::{
    model::{FunctionId, FunctionTable, Node, RootCall, SleepTime},
    values::escape,
};

/// The calls of one function.
pub struct CallTree<'a> {
    functions: &'a FunctionTable,
    name: &'a str,
    sleep: SleepTime,
    merged: Merged,
    /// How often it was called by whom; by nobody where it is a root.
    callers: BTreeMap<Option<FunctionId>, u64>,
}

impl<'a> CallTree<'a> {
    /// Nothing is merged yet. `name` is the function's.
    pub fn new(functions: &'a FunctionTable, name: &'a str, sleep: SleepTime) -> Self {
        Self {
            functions,
            name,
            sleep,
            merged: Merged::new(sleep),
            callers: BTreeMap::new(),
        }
    }

    /// Whether the function was not called.
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    /// Writes who called it, then the tree.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut callers: Vec<_> = self.callers.iter().collect();
        callers.sort_by_key(|&(caller, calls)| (std::cmp::Reverse(calls), caller));
        for (caller, calls) in callers {
            match caller {
                Some(caller) => {
                    let caller = escape::visible_owned(self.functions.name(*caller));
                    writeln!(out, "# called by {caller}: {calls}")?;
                }
                None => writeln!(out, "# called as a root: {calls}")?,
            }
        }
        let mut rows = Vec::new();
        self.merged.walk(&mut |path| {
            let Some((&function, above)) = path.functions.split_last() else {
                return;
            };
            rows.push((above.len(), function, path.sums));
        });
        let head = ["calls", "total us", "self us", "avg us", "function"];
        table::write(out, &head, &rows, |(above, function, sums)| {
            let name = escape::visible_owned(self.functions.name(*function));
            cells(sums, format!("{}{name}", "  ".repeat(*above)))
        })
    }
}

impl Collect for CallTree<'_> {
    fn add(&mut self, root: &RootCall) {
        let times = self_times(root, self.sleep);
        let mut open: Vec<FunctionId> = Vec::new();
        // A call within a call of the same function belongs to that one's tree.
        let mut end = 0;
        for (index, node) in root.nodes.iter().enumerate() {
            let Node::Call(call) = node else { continue };
            open.truncate(call.depth as usize);
            if index >= end && self.functions.name(call.function) == self.name {
                *self.callers.entry(open.last().copied()).or_default() += 1;
                let rest = &root.nodes[index + 1..];
                let below = rest.iter().position(|node| node.depth() <= call.depth);
                end = below.map_or(root.nodes.len(), |below| index + 1 + below);
                let part = &root.nodes[index..end];
                self.merged.add_part(part, &times[index..end], call.depth);
            }
            open.push(call.function);
        }
    }
}

fn cells(sums: &Sums, label: String) -> Vec<String> {
    vec![
        sums.calls.to_string(),
        table::microseconds(sums.total.0),
        table::microseconds(sums.self_time.0),
        table::average(sums.total.0, sums.timed),
        label,
    ]
}
