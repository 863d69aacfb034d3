//! Chrome's trace events, which chrome://tracing, ui.perfetto.dev and speedscope open: one track
//! for each task.
//!
//! The array form is written, because its readers do without the closing bracket: a trace that was
//! killed can still be opened. A call is a complete event (`X`). One of which an end is missing, or
//! a place where events were lost, is a mark (`i`), since a made-up duration would look like a
//! measured one. Times are µs, as the form demands, with the nanoseconds after the point.

use std::{
    borrow::Cow,
    collections::HashSet,
    io::{self, Write},
};

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::{
    model::{Call, FunctionTable, Mark, Nanoseconds, Node, RootCall, Sink, SleepTime, TaskKey},
    values::{MarkView, Typed, Values, View, escape, words},
};

/// All tasks are tracks of one process: the one that was traced is the kernel.
const PROCESS: u32 = 1;
/// Idle tasks have one number, but a track each: in a process of their own, by CPU, from 1 on.
const IDLE: u32 = 2;

/// Writes root calls as trace events.
pub struct ChromeWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    values: Values,
    named: HashSet<TaskKey>,
    is_first: bool,
}

impl<'a, W: Write> ChromeWriter<'a, W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W, functions: &'a FunctionTable, values: Values) -> Self {
        Self {
            out,
            functions,
            values,
            named: HashSet::new(),
            is_first: true,
        }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let between: &[u8] = if self.is_first { b"" } else { b",\n" };
        self.is_first = false;
        self.out.write_all(between)?;
        escape::json(&mut self.out, event)
    }

    fn name_track(&mut self, root: &RootCall) -> io::Result<()> {
        if !self.named.insert(root.task) {
            return Ok(());
        }
        let mut name = format!("{}-{}", root.comm(), root.task.id().0);
        if let Some(process) = root.other_process() {
            // JSON says what cannot be seen by itself.
            name = format!("{name} ({})", String::from_utf8_lossy(process.bytes()));
        }
        self.event(&Event {
            args: Annotations {
                name: Some(&name),
                ..Annotations::default()
            },
            ..Event::new("thread_name".into(), "M", Nanoseconds(0), root.task)
        })
    }

    fn call(&mut self, call: &Call, task: TaskKey) -> io::Result<()> {
        // The track is a clock's, so time off the CPU belongs to it.
        let duration = call.duration(SleepTime::Counted);
        let Some(at) = call.entered.or(call.closed.at()) else {
            return Ok(());
        };
        let view = View::new(self.functions, call, self.values);
        let value = view.value();
        let phase = if duration.is_some() { "X" } else { "i" };
        let event = Event {
            cat: Some(words::context(call.context).unwrap_or("task")),
            dur: duration.map(microseconds),
            s: duration.is_none().then_some("t"),
            args: Annotations {
                value,
                caller: view.caller(),
                arguments: view.arguments(),
                error: value.and_then(Typed::error_name),
                cpu: Some(call.cpu.0),
                times: Times(view.times().collect()),
                missing: words::unseen_end(call),
                ..Annotations::default()
            },
            ..Event::new(view.name(), phase, at, task)
        };
        self.event(&event)
    }
}

impl<W: Write> ChromeWriter<'_, W> {
    fn mark(&mut self, mark: &Mark, task: TaskKey) -> io::Result<()> {
        let view = MarkView::new(self.functions, mark);
        let event = Event {
            cat: Some("event"),
            s: Some("t"),
            args: Annotations {
                cpu: Some(mark.cpu.0),
                fields: view
                    .fields()
                    .map(|(name, value)| (name.to_owned(), json!(value)))
                    .collect(),
                ..Annotations::default()
            },
            ..Event::new(view.name(), "i", mark.at, task)
        };
        self.event(&event)
    }
}

impl<W: Write> Sink for ChromeWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(b"[\n")
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        self.name_track(root)?;
        let mut at = Nanoseconds(0);
        for node in &root.nodes {
            match node {
                Node::Call(call) => {
                    at = call.entered.unwrap_or(at);
                    self.call(call, root.task)?;
                }
                Node::Mark(mark) => {
                    at = mark.at;
                    self.mark(mark, root.task)?;
                }
                Node::Gap {
                    events,
                    missing,
                    cpu,
                    ..
                } => {
                    let event = Event {
                        s: Some("t"),
                        args: Annotations {
                            lost: Some(*events),
                            cpu: Some(cpu.0),
                            ..Annotations::default()
                        },
                        ..Event::new(words::missing(*missing).into(), "i", at, root.task)
                    };
                    self.event(&event)?;
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n]\n")?;
        self.out.flush()
    }
}

/// A trace event; the names of its fields are the form's.
#[derive(Serialize)]
struct Event<'a> {
    name: Cow<'a, str>,
    ph: &'static str,
    ts: f64,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    args: Annotations<'a>,
}

#[derive(Default, Serialize)]
struct Annotations<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Typed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<u32>,
    #[serde(flatten)]
    times: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    fields: serde_json::Map<String, serde_json::Value>,
}

/// Times of a call, as annotations of their own: in microseconds, as all times are here.
#[derive(Default)]
struct Times(Vec<(&'static str, Nanoseconds)>);

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let times = self.0.iter().map(|&(name, time)| {
            let name = name.strip_suffix("_ns").unwrap_or(name);
            (format!("{name}_us"), microseconds(time))
        });
        serializer.collect_map(times)
    }
}

impl<'a> Event<'a> {
    fn new(name: Cow<'a, str>, phase: &'static str, at: Nanoseconds, task: TaskKey) -> Self {
        let (pid, tid) = match task {
            TaskKey::Thread(number) => (PROCESS, number.0),
            TaskKey::Idle(cpu) => (IDLE, cpu.0.saturating_add(1)),
        };
        Self {
            name,
            ph: phase,
            ts: microseconds(at),
            pid,
            tid,
            cat: None,
            dur: None,
            s: None,
            args: Annotations::default(),
        }
    }
}

/// Exact for a hundred days of uptime.
#[allow(clippy::cast_precision_loss)]
fn microseconds(span: Nanoseconds) -> f64 {
    span.0 as f64 / 1000.0
}
