//! Perfetto's own form, a stream of protobuf messages, which ui.perfetto.dev and its trace
//! processor read: one track for each task.
//!
//! Calls are slices that nest, by category for the task itself and for each kind of interrupt; a
//! time off the CPU is a slice within the call that slept. A call of which an end is missing, or a
//! place where events were lost, is an instant, since a made-up duration would look like a measured
//! one. Return values and arguments are annotations.
//!
//! What is written is written at once: memory holds one root call and the names that have occurred.
//! A trace that was cut can be read up to there.

mod annotations;
mod messages;
mod names;
mod tracks;

use std::{
    io::{self, Write},
    iter::Peekable,
    slice,
};

use prost::Message as _;

use self::{
    messages::{
        Annotated, CLOCK_MONOTONIC, Clock, ClockSnapshot, EventType, NEEDS_STATE, STATE_CLEARED,
        Trace, TracePacket, TracePacketDefaults, TrackEvent,
    },
    names::{Category, EVENTS_LOST, EVENTS_NOT_KEPT, EventName, Names, OFF_CPU, event},
    tracks::Tracks,
};
use crate::{
    model::{
        Call, FunctionTable, Mark, Missing, Nanoseconds, Node, OffCpu, RootCall, Sink, SleepTime,
    },
    values::{FieldValue, MarkView, Values, words},
};

/// All packets are of one sequence.
const SEQUENCE: u32 = 1;
/// Writes root calls as Perfetto's packets.
pub struct PerfettoWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    values: Values,
    names: Names<'a>,
    tracks: Tracks,
    has_clock: bool,
    buffer: Vec<u8>,
}

/// What becomes of one root call's nodes.
struct Nest<'r> {
    track: u64,
    /// When the calls that are open end, the innermost last; none for one that is an instant.
    open: Vec<Option<Nanoseconds>>,
    /// Those that are not written yet.
    off_cpu: Peekable<slice::Iter<'r, OffCpu>>,
    /// Of what was written last.
    now: Nanoseconds,
}

impl<'a, W: Write> PerfettoWriter<'a, W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W, functions: &'a FunctionTable, values: Values) -> Self {
        Self {
            out,
            functions,
            values,
            names: Names::new(),
            tracks: Tracks::default(),
            has_clock: false,
            buffer: Vec::new(),
        }
    }

    fn packet(&mut self, packet: TracePacket) -> io::Result<()> {
        let packet = TracePacket {
            trusted_packet_sequence_id: SEQUENCE,
            interned_data: self.names.take_new(),
            ..packet
        };
        // Messages of the same kind one after the other are one message, so a trace is written
        // packet by packet.
        let trace = Trace {
            packet: vec![packet],
        };
        self.buffer.clear();
        trace.encode(&mut self.buffer)?;
        self.out.write_all(&self.buffer)
    }

    fn event(&mut self, at: Nanoseconds, track_event: TrackEvent) -> io::Result<()> {
        self.packet(TracePacket {
            timestamp: Some(at.0),
            sequence_flags: NEEDS_STATE,
            track_event: Some(track_event),
            ..TracePacket::default()
        })
    }

    /// Says before the first event which clock the times are of.
    fn begin_clock(&mut self, first: Nanoseconds) -> io::Result<()> {
        if std::mem::replace(&mut self.has_clock, true) {
            return Ok(());
        }
        let clock_id = CLOCK_MONOTONIC;
        let timestamp = first.0;
        self.packet(TracePacket {
            sequence_flags: STATE_CLEARED,
            clock_snapshot: Some(ClockSnapshot {
                clocks: vec![Clock {
                    clock_id,
                    timestamp,
                }],
                primary_trace_clock: clock_id,
            }),
            defaults: Some(TracePacketDefaults {
                timestamp_clock_id: clock_id,
            }),
            ..TracePacket::default()
        })
    }

    /// The track of a task, which is described when it is new.
    fn track(&mut self, root: &RootCall) -> io::Result<u64> {
        let (uuid, new) = self.tracks.of(root);
        for track_descriptor in new {
            self.packet(TracePacket {
                track_descriptor: Some(track_descriptor),
                ..TracePacket::default()
            })?;
        }
        Ok(uuid)
    }

    fn call(&mut self, call: &Call, nest: &mut Nest<'_>) -> io::Result<()> {
        let Some(at) = call.entered.or(call.closed.at()) else {
            return Ok(());
        };
        self.close(nest, call.depth as usize)?;
        self.off_cpu(nest, at)?;
        nest.now = at;
        let (name, info) = self.names.function(call.function, self.functions);
        let mut debug_annotations = self.annotations(call, info);
        // The track is a clock's, so time off the CPU belongs to it.
        let duration = call.duration(SleepTime::Counted);
        nest.open
            .push(duration.map(|span| Nanoseconds(at.0 + span.0)));
        let kind = if duration.is_some() {
            EventType::SliceBegin
        } else {
            let end = words::unseen_end(call).unwrap_or_default();
            debug_annotations.push(self.annotation("missing", Annotated::Text(end.to_owned())));
            EventType::Instant
        };
        let event = event(nest.track, kind, call.context.into(), name);
        self.event(
            at,
            TrackEvent {
                debug_annotations,
                ..event
            },
        )
    }

    fn mark(&mut self, mark: &Mark, nest: &mut Nest<'_>) -> io::Result<()> {
        self.close(nest, mark.depth as usize)?;
        self.off_cpu(nest, mark.at)?;
        nest.now = mark.at;
        let (name, info) = self.names.function(mark.event, self.functions);
        let mut debug_annotations =
            vec![self.annotation("cpu", Annotated::Unsigned(mark.cpu.0.into()))];
        for (name, value) in MarkView::known(info, mark).fields() {
            debug_annotations.push(self.annotation(name, FieldValue::from(value).into()));
        }
        let event = event(nest.track, EventType::Instant, Category::Event, name);
        self.event(
            mark.at,
            TrackEvent {
                debug_annotations,
                ..event
            },
        )
    }

    fn missing(
        &mut self,
        events: u64,
        missing: Missing,
        depth: u32,
        nest: &mut Nest<'_>,
    ) -> io::Result<()> {
        self.close(nest, depth as usize)?;
        let events = self.annotation("events", Annotated::Unsigned(events));
        let name = EventName::Known(match missing {
            Missing::Lost => EVENTS_LOST,
            Missing::NotKept => EVENTS_NOT_KEPT,
        });
        let event = event(nest.track, EventType::Instant, Category::Lost, name);
        self.event(
            nest.now,
            TrackEvent {
                debug_annotations: vec![events],
                ..event
            },
        )
    }

    /// Ends the slices from this depth on, the innermost first.
    fn close(&mut self, nest: &mut Nest<'_>, depth: usize) -> io::Result<()> {
        while nest.open.len() > depth {
            if let Some(Some(end)) = nest.open.pop() {
                self.off_cpu(nest, end)?;
                self.end_slice(nest, end)?;
            }
        }
        Ok(())
    }

    /// The times off the CPU before that.
    fn off_cpu(&mut self, nest: &mut Nest<'_>, before: Nanoseconds) -> io::Result<()> {
        while let Some(off) = nest.off_cpu.next_if(|off| off.from < before) {
            let name = EventName::Known(OFF_CPU);
            let begin = event(nest.track, EventType::SliceBegin, Category::OffCpu, name);
            self.event(off.from, begin)?;
            self.end_slice(nest, off.to)?;
        }
        Ok(())
    }

    fn end_slice(&mut self, nest: &mut Nest<'_>, at: Nanoseconds) -> io::Result<()> {
        nest.now = at;
        let event = TrackEvent {
            r#type: EventType::SliceEnd.into(),
            track_uuid: nest.track,
            ..TrackEvent::default()
        };
        self.event(at, event)
    }
}

impl<W: Write> Sink for PerfettoWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        let now = root.nodes.iter().find_map(|node| match node {
            Node::Call(call) => call.entered.or(call.closed.at()),
            Node::Mark(_) | Node::Gap { .. } => None,
        });
        let Some(now) = now else {
            return Ok(());
        };
        self.begin_clock(now)?;
        let mut nest = Nest {
            track: self.track(root)?,
            open: Vec::new(),
            off_cpu: root.off_cpu.iter().peekable(),
            now,
        };
        for node in &root.nodes {
            match node {
                Node::Call(call) => self.call(call, &mut nest)?,
                Node::Mark(mark) => self.mark(mark, &mut nest)?,
                Node::Gap {
                    events,
                    missing,
                    depth,
                    ..
                } => self.missing(*events, *missing, *depth, &mut nest)?,
            }
        }
        self.close(&mut nest, 0)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
