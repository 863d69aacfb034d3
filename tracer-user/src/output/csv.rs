//! Comma-separated values: one row for each call, for spreadsheets and data bases.
//!
//! Rows stand in the order of entry, and `root_call` numbers the root calls in the order of the
//! listing, so the tree is in `root_call`, the order and `depth`. Cells are empty where there is
//! nothing to say. Where events were lost, a row without a function says how many. A spreadsheet
//! takes no name for a formula ([`escape::cell`]).

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::Serialize;

use crate::{
    model::{Call, FunctionTable, Mark, Missing, Node, RootCall, Sink, SleepTime},
    values::{MarkView, Typed, Values, View, escape, words},
};

/// Writes calls as rows.
pub struct CsvWriter<'a, W: Write> {
    out: csv::Writer<W>,
    functions: &'a FunctionTable,
    values: Values,
    sleep: SleepTime,
    root_calls: u64,
}

impl<'a, W: Write> CsvWriter<'a, W> {
    /// Writes to `out`.
    pub fn new(out: W, functions: &'a FunctionTable, values: Values, sleep: SleepTime) -> Self {
        let out = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(out);
        Self {
            out,
            functions,
            values,
            sleep,
            root_calls: 0,
        }
    }

    fn call<'r>(&self, call: &Call, row: Row<'r>) -> Row<'r>
    where
        'a: 'r,
    {
        let view = View::new(self.functions, call, self.values);
        let value = view.value();
        Row {
            depth: call.depth,
            function: escape::cell(view.name()),
            cpu: call.cpu.0,
            context: words::context(call.context).unwrap_or("task"),
            entered_ns: call.entered.map(|at| at.0),
            returned_ns: call.closed.at().map(|at| at.0),
            duration_ns: call.duration(self.sleep).map(|span| span.0),
            off_cpu_ns: Some(call.off_cpu.0),
            cpu_ns: call.cpu_time().map(|span| span.0),
            value,
            error: value.and_then(Typed::error_name),
            end: words::closed(call.closed),
            caller: view.caller().map(escape::cell),
            arguments: view.arguments().map(|text| escape::cell(text.into())),
            ..row
        }
    }
}

impl<'a, W: Write> CsvWriter<'a, W> {
    fn mark<'r>(&self, mark: &Mark, row: Row<'r>) -> Row<'r>
    where
        'a: 'r,
    {
        let view = MarkView::new(self.functions, mark);
        Row {
            function: escape::cell(view.name()),
            context: words::context(mark.context).unwrap_or("task"),
            entered_ns: Some(mark.at.0),
            arguments: Some(escape::cell(view.text().into())),
            ..row
        }
    }
}

/// The head, and the order of the cells.
const COLUMNS: [&str; 20] = [
    "root_call",
    "task",
    "comm",
    "depth",
    "function",
    "cpu",
    "context",
    "entered_ns",
    "returned_ns",
    "duration_ns",
    "off_cpu_ns",
    "value",
    "error",
    "end",
    "lost",
    "caller",
    "arguments",
    "kind",
    "cpu_ns",
    "process",
];

impl<W: Write> Sink for CsvWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_record(COLUMNS)?;
        self.out.flush()
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        self.root_calls += 1;
        let process = escape::other_process(root).map(|name| escape::cell(name.into()));
        for node in &root.nodes {
            let row = Row {
                root_call: self.root_calls,
                task: root.task.id().0,
                comm: escape::cell(escape::comm(root)),
                depth: node.depth(),
                cpu: node.cpu().0,
                kind: kind(node),
                process: process.clone(),
                ..Row::default()
            };
            let row = match node {
                Node::Call(call) => self.call(call, row),
                Node::Mark(mark) => self.mark(mark, row),
                Node::Gap {
                    events, missing, ..
                } => Row {
                    lost: Some(*events),
                    end: end_of_gap(*missing).unwrap_or(""),
                    ..row
                },
            };
            self.out.serialize(row)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What a row is of.
pub(super) const fn kind(node: &Node) -> &'static str {
    match node {
        Node::Call(_) => "call",
        Node::Mark(_) => "event",
        Node::Gap { .. } => "gap",
    }
}

/// What the row of missing events has as its end: nothing if they were lost.
pub(super) const fn end_of_gap(missing: Missing) -> Option<&'static str> {
    match missing {
        Missing::Lost => None,
        Missing::NotKept => Some("not_kept"),
    }
}

#[derive(Default, Serialize)]
struct Row<'a> {
    root_call: u64,
    task: u32,
    comm: Cow<'a, str>,
    depth: u32,
    function: Cow<'a, str>,
    cpu: u32,
    context: &'static str,
    entered_ns: Option<u64>,
    returned_ns: Option<u64>,
    duration_ns: Option<u64>,
    off_cpu_ns: Option<u64>,
    value: Option<Typed>,
    error: Option<&'static str>,
    end: &'static str,
    lost: Option<u64>,
    caller: Option<Cow<'a, str>>,
    arguments: Option<Cow<'a, str>>,
    kind: &'static str,
    cpu_ns: Option<u64>,
    process: Option<Cow<'a, str>>,
}
