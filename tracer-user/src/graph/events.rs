//! The way back: a root call as batches that make the same tree again.
//!
//! For calls that were kept as trees and go to a recording after all. Where the filter has taken
//! calls out of a tree they stay out. Frames are kept in the tree for this; numbers, times off the
//! CPU, CPUs and gaps fall into their places. A call whose exit was not seen, and of which the
//! filter has taken away what would show that, gets a gap of one event: its exit.

use std::iter::Peekable;

use tracer_common::{BATCH_CAPACITY, BatchHeader, Context, Event, EventKind};

use crate::{
    graph::{Batch, details},
    model::{Call, Closed, CommandName, CpuId, End, Mark, Nanoseconds, Node, OffCpu, RootCall},
};

/// The batches, in order.
#[must_use]
pub fn batches(root: &RootCall) -> Vec<Batch> {
    let mut unbuilder = Unbuilder::new(root);
    let mut open: Vec<&Call> = Vec::new();
    for node in &root.nodes {
        unbuilder.close(&mut open, node.depth());
        match node {
            Node::Gap { events, .. } => unbuilder.lose(*events),
            Node::Mark(mark) => {
                unbuilder.show_unseen();
                unbuilder.mark(mark);
            }
            Node::Call(call) => {
                unbuilder.show_unseen();
                if let Some(entered) = call.entered {
                    unbuilder.entry(call, entered);
                    open.push(call);
                } else {
                    unbuilder.exit(call);
                }
            }
        }
    }
    unbuilder.close(&mut open, 0);
    unbuilder.end(root.end)
}

struct Unbuilder<'a> {
    header: BatchHeader,
    events: Vec<Event>,
    batches: Vec<Batch>,
    off_cpu: Peekable<std::slice::Iter<'a, OffCpu>>,
    /// The name of the process, until the first call has it.
    process_name: Option<CommandName>,
    /// The kernel's depth of what stands outermost in the tree: 1 if the root's entry is missing.
    outermost: u32,
    after_gap: bool,
    /// A call has ended unseen, and nothing after it says so yet.
    unseen_before: bool,
}

impl<'a> Unbuilder<'a> {
    fn new(root: &'a RootCall) -> Self {
        let first = root.nodes.iter().find_map(|node| match node {
            Node::Call(call) => Some(call),
            Node::Gap { .. } | Node::Mark(_) => None,
        });
        let began = first.and_then(|call| call.entered.or(call.closed.at()));
        let outermost = root.nodes.iter().filter(|node| node.depth() == 0).count();
        let is_root = first.is_some_and(|call| call.entered.is_some()) && outermost == 1;
        Self {
            header: BatchHeader {
                root_time_ns: began.unwrap_or_default().0,
                tid: root.task.id().0,
                tgid: root.process.0,
                cpu: root.nodes.first().map_or(0, |node| node.cpu().0),
                comm: root.comm,
                ..BatchHeader::default()
            },
            events: Vec::new(),
            batches: Vec::new(),
            off_cpu: root.off_cpu.iter().peekable(),
            process_name: root.process_name,
            outermost: u32::from(!is_root),
            after_gap: false,
            unseen_before: false,
        }
    }

    /// Ends the calls that are over when something at `depth` follows.
    fn close(&mut self, open: &mut Vec<&Call>, depth: u32) {
        while let Some(call) = open.pop_if(|call| call.depth >= depth) {
            match call.closed {
                Closed::Returned { .. } => self.exit(call),
                Closed::Unseen => self.unseen_before = !self.after_gap,
                Closed::Open => {}
            }
        }
    }

    /// A call has ended unseen: what comes next has to tell.
    fn show_unseen(&mut self) {
        if self.unseen_before {
            self.lose(1);
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let first = Event {
            time_ns: mark.at.0,
            function: mark.event.0,
            frame: mark.bytes,
            depth: self.wire_depth(mark.depth),
            kind_and_context: Event::pack(EventKind::Mark, mark.context as u8),
            ..Event::default()
        };
        let parts = mark.record.chunks(size_of::<u64>()).map(|part| {
            let mut word = [0; size_of::<u64>()];
            word[..part.len()].copy_from_slice(part);
            u64::from_ne_bytes(word)
        });
        let mut parts = parts.zip(0..);
        let value = parts.next().map_or(0, |(value, _)| value);
        self.push(Event { value, ..first }, mark.cpu);
        for (value, depth) in parts {
            let part = Event {
                value,
                depth,
                kind_and_context: Event::pack(EventKind::MarkPart, mark.context as u8),
                ..first
            };
            self.push(part, mark.cpu);
        }
    }

    fn entry(&mut self, call: &Call, entered: Nanoseconds) {
        let entry = Event {
            time_ns: entered.0,
            function: call.function.0,
            frame: call.frame,
            depth: self.depth_of(call),
            kind_and_context: Event::pack(EventKind::Entry, call.context as u8),
            ..Event::default()
        };
        self.push(entry, call.cpu);
        if let Some(name) = self.process_name.take() {
            for event in details::process_events(name, &entry) {
                self.push(event, call.cpu);
            }
        }
        let of_entry = call.details.iter().filter(|one| !details::is_of_exit(one));
        for event in of_entry.flat_map(|detail| details::events(detail, &entry)) {
            self.push(event, call.cpu);
        }
    }

    fn exit(&mut self, call: &Call) {
        let Closed::Returned { at, value, cpu } = call.closed else {
            return;
        };
        let exit = Event {
            time_ns: at.0,
            value,
            function: call.function.0,
            frame: call.frame,
            // The end says which one is the root's.
            depth: self.depth_of(call).max(1),
            kind_and_context: Event::pack(EventKind::Exit, call.context as u8),
        };
        let of_exit = call.details.iter().filter(|one| details::is_of_exit(one));
        for event in of_exit.flat_map(|detail| details::events(detail, &exit)) {
            // What is read at an exit that has no entry belongs to no call.
            if call.entered.is_some() {
                self.push(event, cpu);
            }
        }
        self.push(exit, cpu);
    }

    fn depth_of(&self, call: &Call) -> u8 {
        self.wire_depth(call.depth)
    }

    fn wire_depth(&self, depth: u32) -> u8 {
        u8::try_from(depth + self.outermost).unwrap_or(u8::MAX)
    }

    fn push(&mut self, event: Event, cpu: CpuId) {
        while let Some(span) = self.off_cpu.next_if(|span| span.to.0 <= event.time_ns) {
            for (kind, time) in [(EventKind::Off, span.from), (EventKind::On, span.to)] {
                self.put(Event {
                    time_ns: time.0,
                    kind_and_context: Event::pack(kind, Context::Task as u8),
                    ..Event::default()
                });
            }
        }
        if self.header.cpu != cpu.0 {
            self.hand_over();
            self.header.cpu = cpu.0;
        }
        self.put(event);
        self.after_gap = false;
        self.unseen_before = false;
    }

    fn put(&mut self, event: Event) {
        if self.events.len() == BATCH_CAPACITY {
            self.hand_over();
        }
        self.events.push(event);
    }

    fn lose(&mut self, events: u64) {
        self.hand_over();
        self.header.sequence = self.header.sequence.saturating_add(events);
        self.after_gap = true;
        self.unseen_before = false;
    }

    fn hand_over(&mut self) {
        let Ok(count) = u16::try_from(self.events.len()) else {
            return;
        };
        if count == 0 {
            return;
        }
        let header = BatchHeader {
            count,
            ..self.header
        };
        self.batches.extend(Batch::of(&header, &self.events).ok());
        self.header.sequence = self.header.sequence.saturating_add(count.into());
        self.events.clear();
    }

    fn end(mut self, end: End) -> Vec<Batch> {
        match end {
            End::Returned => {
                if let Some(exit) = self.events.last_mut() {
                    exit.depth = 0;
                }
            }
            End::Died => self.put(Event {
                kind_and_context: Event::pack(EventKind::Died, Context::Task as u8),
                ..Event::default()
            }),
            End::Lost | End::Cut | End::NoRoom => {}
        }
        self.hand_over();
        self.batches
    }
}
