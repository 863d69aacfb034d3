//! JSON lines: one object for each root call. Its schema is docs/json.schema.json, described in docs/formats.md.
//!
//! A line is a root call as a whole, so whoever reads line by line never has half of one. Fields that would say nothing are
//! not there: a call has a `context` if it was made in an interrupt, an `off_cpu_ns` if it slept. Times are whole
//! nanoseconds; what may not fit a double without loss, a register in hex, is a string.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::Serialize;
use tracer_common::Context;

use super::{
    Form,
    value::{self, Typed, TypedArgument, Values},
};
use crate::{
    graph::{Call, Closed, End, Node, RootCall, tree::SleepTime},
    plan::FunctionTable,
};

/// Writes root calls as JSON lines.
pub struct JsonWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    values: Values,
    sleep: SleepTime,
    buffer: Vec<u8>,
}

impl<'a, W: Write> JsonWriter<'a, W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W, functions: &'a FunctionTable, values: Values, sleep: SleepTime) -> Self {
        Self {
            out,
            functions,
            values,
            sleep,
            buffer: Vec::new(),
        }
    }

    fn node(&self, node: &Node) -> Item<'a> {
        match node {
            Node::Call(call) => Item::Call(self.call(call)),
            Node::Gap { depth, lost, cpu } => Item::Gap {
                gap: *lost,
                depth: *depth,
                cpu: cpu.0,
            },
        }
    }

    fn call(&self, call: &Call) -> One<'a> {
        // Looked up once: this is what a replay spends its time on.
        let info = self.functions.get(call.function);
        let value = call.closed.value().and_then(|register| {
            let returns = info.and_then(|info| info.returns.as_ref());
            value::typed(returns, register, self.values)
        });
        One {
            function: match info {
                Some(info) => Cow::Borrowed(&info.name),
                None => self.functions.name(call.function),
            },
            depth: call.depth,
            cpu: call.cpu.0,
            context: context(call.context),
            entered_ns: call.entered.map(|at| at.0),
            returned_ns: call
                .closed
                .at()
                .filter(|_| call.entered.is_none())
                .map(|at| at.0),
            duration_ns: call.duration(self.sleep).map(|span| span.0),
            off_cpu_ns: Some(call.off_cpu.0).filter(|&span| span > 0),
            returned_cpu: match call.closed {
                Closed::Returned { cpu, .. } if cpu != call.cpu => Some(cpu.0),
                _ => None,
            },
            value,
            error: value.and_then(Typed::error_name),
            arguments: info.map_or_else(Vec::new, |info| {
                value::typed_arguments(&info.parameters, &call.arguments)
            }),
            end: match call.closed {
                Closed::Returned { .. } => None,
                Closed::Unseen => Some("not_seen"),
                Closed::Open => Some("did_not_return"),
            },
        }
    }
}

impl<W: Write> Form for JsonWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        let line = Line {
            task: root.task.0,
            comm: root.comm(),
            end: end(root.end),
            events: root.events,
            lost: root.lost,
            gaps: root.gaps,
            calls: Calls { writer: self, root },
        };
        // Serialised in full before it is written: `self` is borrowed by it.
        let written = serde_json::to_writer(&mut bytes, &line);
        bytes.push(b'\n');
        let written = written
            .map_err(io::Error::from)
            .and_then(|()| self.out.write_all(&bytes));
        self.buffer = bytes;
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A root call.
#[derive(Serialize)]
struct Line<'a, W> {
    task: u32,
    comm: Cow<'a, str>,
    end: &'static str,
    events: u64,
    lost: u64,
    gaps: u64,
    #[serde(bound(serialize = "W: Write"))]
    calls: Calls<'a, W>,
}

struct Calls<'a, W> {
    writer: &'a JsonWriter<'a, W>,
    root: &'a RootCall,
}

impl<W: Write> Serialize for Calls<'_, W> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.root.nodes.iter().map(|node| self.writer.node(node)))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Call(One<'a>),
    Gap { gap: u64, depth: u32, cpu: u32 },
}

#[derive(Serialize)]
struct One<'a> {
    function: Cow<'a, str>,
    depth: u32,
    cpu: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entered_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    off_cpu_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned_cpu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Typed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<TypedArgument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'static str>,
}

/// How a root call's record ended, in a word.
pub(super) const fn end(end: End) -> &'static str {
    match end {
        End::Returned => "returned",
        End::Died => "died",
        End::Lost => "lost",
        End::Cut => "cut",
    }
}

/// What the CPU ran for, in a word; none for the task itself.
pub(super) const fn context(context: Context) -> Option<&'static str> {
    match context {
        Context::Task => None,
        Context::SoftIrq => Some("softirq"),
        Context::HardIrq => Some("hardirq"),
        Context::Nmi => Some("nmi"),
    }
}
