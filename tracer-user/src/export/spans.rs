//! A root call as the spans of a trace: one for each call, each the child of the call that made it.
//!
//! A span must have a beginning and an end. A call of which one end was not seen is a point in time
//! and says so (`tracer.missing`), since a made-up duration would look like a measured one. A place
//! where events were lost is a point, too, with their number. Marks are events of the span that
//! they happened in. The trace's identity is random, as samplers want it; within the trace the
//! spans are numbered on from a random beginning, so no two have the same. The times are those of
//! the host's clock of day.

use rustc_hash::FxHashMap;

use super::messages::{FAILED, INTERNAL, KeyValue, Span, SpanEvent, Status, attribute};
use crate::{
    model::{
        Call, Closed, FunctionId, FunctionInfo, Mark, Missing, Nanoseconds, Node, RootCall,
        SleepTime,
    },
    values::{FieldValue, MarkView, Typed, Values, View, words},
};

/// What spans need to know beside the root call.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    /// The functions that occur.
    pub functions: &'a FxHashMap<FunctionId, FunctionInfo>,
    /// How return values are written.
    pub values: Values,
}

/// The spans of one root call, one after the other in the order of entry.
pub struct Spans<'a> {
    root: &'a RootCall,
    knowledge: Knowledge<'a>,
    /// CLOCK_REALTIME less CLOCK_MONOTONIC, ns.
    offset_ns: u64,
    trace: [u8; 16],
    first: u64,
    next: usize,
    /// Spans so far.
    made: u64,
    /// The depth and the identity of the calls around, the innermost last.
    around: Vec<(u32, u64)>,
    /// The last point in time that is known.
    now: Nanoseconds,
    /// Whether anything happened besides calls.
    has_marks: bool,
}

impl<'a> Spans<'a> {
    /// The spans of a root call. `offset_ns` is CLOCK_REALTIME less CLOCK_MONOTONIC.
    pub fn new(root: &'a RootCall, knowledge: Knowledge<'a>, offset_ns: u64) -> Self {
        Self {
            root,
            knowledge,
            offset_ns,
            trace: fastrand::u128(1..).to_be_bytes(),
            // There are not so many calls that they would reach 0, which is no identity.
            first: fastrand::u64(1..u64::MAX >> 1),
            next: 0,
            made: 0,
            around: Vec::new(),
            now: Nanoseconds::default(),
            has_marks: root.nodes.iter().any(|node| matches!(node, Node::Mark(_))),
        }
    }

    /// What all spans have in common. `from` and `to` are the host's monotonic clock's.
    fn span(&mut self, depth: u32, from: Nanoseconds, to: Nanoseconds) -> Span {
        while self.around.last().is_some_and(|&(outer, _)| outer >= depth) {
            self.around.pop();
        }
        let parent = self.around.last().map(|&(_, identity)| identity);
        let identity = self.first + self.made;
        self.around.push((depth, identity));
        self.made += 1;
        self.now = from;
        let of_day = |time: Nanoseconds| time.0.saturating_add(self.offset_ns);
        Span {
            trace_id: self.trace.to_vec(),
            span_id: identity.to_be_bytes().to_vec(),
            parent_span_id: parent.map_or(Vec::new(), |it| it.to_be_bytes().to_vec()),
            kind: INTERNAL,
            start_time_unix_nano: of_day(from),
            end_time_unix_nano: of_day(to.max(from)),
            ..Span::default()
        }
    }

    fn call(&mut self, call: &Call) -> Span {
        let at = call.entered.or(call.closed.at()).unwrap_or(self.now);
        let duration = call.duration(SleepTime::Counted).unwrap_or_default();
        let span = self.span(call.depth, at, Nanoseconds(at.0.saturating_add(duration.0)));
        let info = self.knowledge.functions.get(&call.function);
        let view = View::without_places(info, call, self.knowledge.values);
        let value = view.value();
        let error = value.and_then(Typed::error_name);
        let mut attributes = vec![attribute("cpu.logical_number", call.cpu.0)];
        if call.depth == 0 {
            attributes.extend(of_root(self.root));
        }
        attributes.extend(of_call(call));
        let times = view.times();
        attributes.extend(times.map(|(name, time)| attribute(format!("tracer.{name}"), time.0)));
        attributes.extend(value.map(|value| attribute("tracer.return_value", value)));
        attributes.extend(error.map(|name| attribute("error.type", name)));
        for argument in view.typed_arguments() {
            let key = || format!("tracer.argument.{}", argument.name);
            attributes.extend(match (argument.text, argument.symbol) {
                (Some(text), _) => Some(attribute(key(), &*text)),
                (None, Some(symbol)) => Some(attribute(key(), symbol)),
                (None, None) => argument.value.map(|value| attribute(key(), value)),
            });
        }
        for field in view.typed_fields() {
            let key = |group| format!("tracer.{group}.{}", field.name);
            attributes.extend(field.value.map(|value| attribute(key("field"), value)));
            let exit = field.at_exit.flatten();
            attributes.extend(exit.map(|value| attribute(key("field_at_exit"), value)));
        }
        Span {
            name: view.name().into_owned(),
            attributes,
            status: error.map(|name| Status {
                message: name.to_owned(),
                code: FAILED,
            }),
            ..span
        }
    }

    /// What happened within a call itself. `nodes` are those after it.
    fn events(&self, call: &Call, nodes: &[Node]) -> Vec<SpanEvent> {
        if !self.has_marks {
            return Vec::new();
        }
        let below = nodes.iter().take_while(|node| node.depth() > call.depth);
        let marks = below.filter_map(|node| match node {
            Node::Mark(mark) if mark.depth == call.depth + 1 => Some(self.event(mark)),
            _ => None,
        });
        marks.collect()
    }

    fn event(&self, mark: &Mark) -> SpanEvent {
        let info = self.knowledge.functions.get(&mark.event);
        let view = MarkView::known(info, mark);
        SpanEvent {
            time_unix_nano: mark.at.0.saturating_add(self.offset_ns),
            name: view.name().into_owned(),
            attributes: view
                .fields()
                .map(|(name, value)| attribute(name, FieldValue::from(value)))
                .collect(),
        }
    }

    fn gap(&mut self, depth: u32, events: u64, missing: Missing) -> Span {
        let span = self.span(depth, self.now, self.now);
        let key = match missing {
            Missing::Lost => "tracer.lost_events",
            Missing::NotKept => "tracer.not_kept_events",
        };
        Span {
            name: words::missing(missing).to_owned(),
            attributes: vec![attribute(key, events)],
            ..span
        }
    }
}

impl Iterator for Spans<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let root = self.root;
        loop {
            let at = self.next;
            self.next += 1;
            match root.nodes.get(at)? {
                Node::Call(call) => {
                    let span = self.call(call);
                    let events = self.events(call, &root.nodes[self.next..]);
                    return Some(Span { events, ..span });
                }
                // It is an event of the span around it.
                Node::Mark(_) => {}
                Node::Gap {
                    depth,
                    events,
                    missing,
                    ..
                } => return Some(self.gap(*depth, *events, *missing)),
            }
        }
    }
}

/// What is true of the whole root call.
fn of_root(root: &RootCall) -> impl Iterator<Item = KeyValue> {
    let not_kept = (root.not_kept > 0).then(|| attribute("tracer.not_kept_events", root.not_kept));
    let always = [
        attribute("process.pid", root.process.0),
        attribute("thread.id", root.task.id().0),
        attribute("thread.name", root.comm().as_ref()),
        attribute("tracer.end", words::end(root.end)),
        attribute("tracer.events", root.events),
        attribute("tracer.lost_events", root.lost),
        attribute("tracer.gaps", root.gaps),
    ];
    always.into_iter().chain(not_kept)
}

/// What is not usual of a call.
fn of_call(call: &Call) -> impl Iterator<Item = KeyValue> {
    let context = words::context(call.context).map(|word| attribute("tracer.context", word));
    let missing = match (call.entered, call.closed) {
        (None, _) => Some("entry"),
        (_, Closed::Unseen) => Some("return"),
        (_, Closed::Open) => Some("return: it did not return"),
        _ => None,
    };
    let missing = missing.map(|end| attribute("tracer.missing", end));
    [context, missing].into_iter().flatten()
}
