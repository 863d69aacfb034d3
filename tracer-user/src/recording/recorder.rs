//! The stream goes to a recording while it is rebuilt and printed.
//!
//! Batches are collected into frames. A frame is written when it is large or a second old, so what
//! a crash can take is a second's worth, and memory stays bounded. Writing waits for the disk; what
//! the rings cannot hold meanwhile is lost and counted like everything that a ring cannot hold.
//! When the files ([`super::target`]) take no more, the trace ends.

use std::{
    io,
    time::{Duration, Instant},
};

use tracer_common::CpuCounters;

use super::{
    End, Ending, Frame, Head, Missed,
    columns::Collector,
    flight::Flight,
    target::{Files, Room, Target},
};
use crate::{
    graph::{AttachedLate, Batch},
    model::FunctionTable,
};

/// Events that make a frame.
const MANY_EVENTS: usize = 1 << 16;
/// Batches and passes that make a frame.
const MANY_STEPS: usize = 1 << 14;
/// How old a frame becomes.
const OLD: Duration = Duration::from_secs(1);

/// Records a trace.
pub struct Recorder<'a> {
    sink: Sink,
    functions: &'a FunctionTable,
    attached_late: AttachedLate,
    collector: Collector,
    /// When the first batch of the frame came.
    since: Option<Instant>,
    is_full: bool,
    written: io::Result<()>,
}

/// Where frames go.
enum Sink {
    Files(Files),
    Flight(Flight),
}

/// The last frames.
fn last(ending: Ending, counters: CpuCounters, missed: Missed) -> [Frame; 2] {
    let counters = counters.into();
    [Frame::Missed(missed), Frame::End(End { ending, counters })]
}

impl<'a> Recorder<'a> {
    /// Begins a recording.
    pub fn begin(
        target: Target,
        head: Head,
        functions: &'a FunctionTable,
        attached_late: AttachedLate,
    ) -> io::Result<Self> {
        let sink = match target {
            Target::File { file, limit } => Sink::Files(Files::begin(file, limit, head)?),
            Target::Memory { path, bytes, keep } => {
                Sink::Flight(Flight::begin(path, bytes, keep, head)?)
            }
        };
        Ok(Self {
            sink,
            functions,
            attached_late,
            collector: Collector::counting_from(functions.base()),
            since: None,
            is_full: false,
            written: Ok(()),
        })
    }

    /// A batch came.
    pub fn batch(&mut self, batch: &Batch) {
        self.collector.batch(batch);
        let since = *self.since.get_or_insert_with(Instant::now);
        let is_large =
            self.collector.events() >= MANY_EVENTS || self.collector.steps() >= MANY_STEPS;
        if is_large || since.elapsed() >= OLD {
            self.write();
        }
    }

    /// Every ring has been read once more, and some batch waited for that.
    pub fn pass(&mut self) {
        self.collector.pass();
        if self.collector.steps() >= MANY_STEPS {
            self.write();
        }
    }

    /// Time goes by, whether anything comes or not.
    pub fn tick(&mut self) {
        if self.since.is_some_and(|since| since.elapsed() >= OLD) {
            self.write();
        }
    }

    /// Writes what is kept in memory. A file that cannot be written now may be written later, so
    /// the trace goes on.
    pub fn save(&mut self, counters: CpuCounters, missed: Missed) {
        self.write();
        if let Sink::Flight(flight) = &self.sink {
            match flight.save(&last(Ending::Stopped, counters, missed)) {
                Ok(()) => eprintln!("tracer: the recording was written"),
                Err(error) => eprintln!("tracer: the recording cannot be written now: {error}"),
            }
        }
    }

    /// Whether the file takes no more, or is to take no more.
    pub const fn is_done(&self) -> bool {
        self.is_full || self.written.is_err()
    }

    /// Writes the rest, and how it ended.
    pub fn finish(
        mut self,
        ending: Ending,
        counters: CpuCounters,
        missed: Missed,
    ) -> io::Result<()> {
        self.write();
        let ending = if self.is_full { Ending::Full } else { ending };
        let last = last(ending, counters, missed);
        match self.sink {
            Sink::Files(files) => files.end(&last, self.written),
            Sink::Flight(flight) => self.written.and_then(|()| flight.save(&last)),
        }
    }

    fn write(&mut self) {
        self.since = None;
        if self.collector.steps() == 0 || self.is_done() {
            return;
        }
        let data = self.collector.take(self.functions, &self.attached_late);
        let frame = Frame::of_data(data);
        let written = match &mut self.sink {
            Sink::Files(files) => files.write(&frame),
            Sink::Flight(flight) => flight.write(&frame).map(|()| Room::Written),
        };
        match written {
            Ok(room) => self.is_full = room == Room::Full,
            Err(error) => self.written = Err(error),
        }
    }
}
