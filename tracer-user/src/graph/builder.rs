//! One root call's events, in order, become its tree.
//!
//! An exit finds its entry by function and frame, not by position, so a lost entry or exit spoils
//! only itself:
//!
//! - an exit whose entry is not open becomes a node with an unknown beginning;
//! - a call that is still open when a call around it returns has an unknown end;
//! - events that are known to be lost become a [`Node::Gap`] at the depth where they were lost.
//!
//! What is kept of an event is for [`Growing`] to say: here it is known to which call it belongs.

use tracer_common::{Context, Event, EventKind};

use super::{
    depth::KernelDepth,
    details,
    growing::Growing,
    limits::MOST_DEPTH,
    marks::{self, LastMarks},
    open::{Identity, Kept, OpenCall, OpenCalls},
};
use crate::model::{
    Call, Closed, CommandName, CpuId, Details, End, FunctionId, Interrupts, Nanoseconds, Node,
    OffCpu, OpenRootCall, ProcessId, RootCall, TaskKey, Trees,
};

/// A tree in the making.
#[derive(Debug)]
pub struct Builder {
    interrupts: Interrupts,
    /// What the CPU was doing for when the root was entered: a root that an interrupt calls is not
    /// excluded as what interrupts the root call.
    root: Context,
    tree: Growing,
    open: OpenCalls,
    /// Calls in interrupts that are excluded and have not returned.
    skipped: Vec<Identity>,
    marks: LastMarks,
    off_since: Option<Nanoseconds>,
    off_total: Nanoseconds,
    depth: KernelDepth,
}

impl Builder {
    /// An empty tree.
    #[must_use]
    pub fn new(interrupts: Interrupts, trees: Trees) -> Self {
        Self {
            interrupts,
            root: Context::Task,
            tree: Growing::new(trees),
            open: OpenCalls::default(),
            skipped: Vec::new(),
            marks: LastMarks::default(),
            off_since: None,
            off_total: Nanoseconds(0),
            depth: KernelDepth::default(),
        }
    }

    /// Events that take room.
    #[must_use]
    pub const fn kept(&self) -> u64 {
        self.tree.kept()
    }

    /// The root call as far as it has come: which calls are open.
    #[must_use]
    pub fn open_now(&self, task: TaskKey, comm: [u8; 16]) -> OpenRootCall {
        let functions = self.open.iter().map(|open| {
            let entered = match self.tree.node(open.node) {
                Some(Node::Call(call)) => call.entered,
                _ => None,
            };
            (FunctionId(open.identity.function), entered)
        });
        let process = self.tree.process_name();
        OpenRootCall {
            task,
            comm,
            process: process.filter(|name| *name != CommandName::of(comm)),
            cpu: self.tree.cpu(),
            functions: functions.collect(),
        }
    }

    /// Marks that `lost` events are missing before the next one.
    pub fn gap(&mut self, lost: u64, cpu: CpuId) {
        self.depth.gap();
        self.tree.lose(lost, self.depth(), cpu);
    }

    /// Adds the next event; says how the record ended, if it did. Events with a damaged kind are
    /// counted as a gap.
    pub fn push(&mut self, event: &Event, cpu: CpuId) -> Option<End> {
        let (Some(kind), Some(context)) = (event.kind(), event.context()) else {
            self.gap(1, cpu);
            return None;
        };
        if kind == EventKind::Leaf {
            let [entry, exit] = event.ends();
            self.push(&entry, cpu);
            return self.push(&exit, cpu);
        }
        self.tree.count();
        match kind {
            EventKind::Entry => self.entry(event, context, cpu),
            EventKind::Exit => return self.exit(event, context, cpu),
            EventKind::Off => self.off_since = Some(Nanoseconds(event.time_ns)),
            EventKind::On => self.back_on_cpu(Nanoseconds(event.time_ns)),
            EventKind::Argument
            | EventKind::Caller
            | EventKind::String
            | EventKind::Field
            | EventKind::Frame
            | EventKind::UserFrame => self.detail(kind, event, cpu),
            EventKind::Mark => self.mark(event, context, cpu),
            EventKind::MarkPart => self.mark_part(event, context, cpu),
            EventKind::Died => return Some(End::Died),
            EventKind::Missed => return Some(End::Lost),
            EventKind::Leaf => {}
        }
        None
    }

    /// Whether the call that an exit belongs to is open, or may be.
    #[must_use]
    pub fn has_open(&self, exit: &Event) -> bool {
        let identity = identity(exit);
        self.skipped.contains(&identity)
            || self.open.are_too_deep()
            || self.open.find(identity).is_some()
    }

    /// The finished tree. Calls that are still open stay so.
    #[must_use]
    pub fn finish(
        mut self,
        process: ProcessId,
        task: TaskKey,
        comm: [u8; 16],
        end: End,
    ) -> RootCall {
        if end == End::Returned {
            self.close_unseen_from(0);
        }
        while let Some(call) = self.open.pop() {
            self.close(call, Closed::Open);
        }
        self.tree.finish(process, task, comm, end)
    }

    fn depth(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    /// Whether what runs for an interrupt on top of the root call is not wanted, and this does.
    fn is_excluded(&self, context: Context) -> bool {
        let on_top = context >= Context::HardIrq && context > self.root;
        on_top && self.interrupts == Interrupts::Excluded
    }

    fn keep_out(&mut self, cpu: CpuId) {
        self.tree.keep_out(self.depth(), cpu);
    }

    fn back_on_cpu(&mut self, to: Nanoseconds) {
        if let Some(from) = self.off_since.take() {
            self.off_total += to.since(from);
            self.tree.off_cpu(OffCpu { from, to });
        }
    }

    fn entry(&mut self, event: &Event, context: Context, cpu: CpuId) {
        if event.depth == 0 {
            self.root = context;
        }
        if self.is_excluded(context) {
            // What is deeper shows an exit alone, which is excluded, too.
            if self.skipped.len() < MOST_DEPTH {
                self.skipped.push(identity(event));
            }
            return;
        }
        self.resume_at_depth_of(event);
        if !self.open.has_room() {
            return self.keep_out(cpu);
        }
        let node = if self.tree.is_full() {
            self.keep_out(cpu);
            Kept::NoRoom
        } else {
            let entered = Some(Nanoseconds(event.time_ns));
            let call = self.call(event, context, cpu);
            self.tree.put(Node::Call(Call { entered, ..call }))
        };
        self.open.push(OpenCall {
            identity: identity(event),
            node,
            off_cpu: self.off_total,
        });
    }

    /// A call that is known by one event alone.
    fn call(&self, event: &Event, context: Context, cpu: CpuId) -> Call {
        Call {
            function: FunctionId(event.function),
            depth: self.depth(),
            entered: None,
            cpu,
            context,
            off_cpu: Nanoseconds(0),
            closed: Closed::Open,
            details: Details::default(),
            folded: None,
            frame: event.frame,
        }
    }

    /// What is known of a call beside its ends. It belongs to the open call with its frame.
    fn detail(&mut self, kind: EventKind, event: &Event, cpu: CpuId) {
        if let Some((part, value)) = details::process_name(kind, event) {
            return self.tree.name_process(part, value);
        }
        let identity = Identity {
            function: details::function(kind, event),
            frame: event.frame,
        };
        let has_room = match self.open.find(identity) {
            Some((_, call)) => self.tree.detail(call.node, kind, event),
            None => !self.open.are_too_deep(),
        };
        if !has_room {
            self.keep_out(cpu);
        }
    }

    /// Something happened in the innermost open call.
    fn mark(&mut self, event: &Event, context: Context, cpu: CpuId) {
        self.marks.forget(context);
        if self.is_excluded(context) {
            return;
        }
        self.resume_at_depth_of(event);
        let node = if self.tree.is_full() {
            self.keep_out(cpu);
            Kept::NoRoom
        } else {
            let mark = marks::begun_by(event, self.depth(), context, cpu);
            self.tree.put(Node::Mark(mark))
        };
        self.marks.remember(event, context, node);
    }

    /// More of what was recorded of the last mark of its context.
    fn mark_part(&mut self, event: &Event, context: Context, cpu: CpuId) {
        if let Some(node) = self.marks.last_of(event, context)
            && !self.tree.mark_part(node, event.depth, event.value)
        {
            self.keep_out(cpu);
        }
    }

    fn exit(&mut self, event: &Event, context: Context, cpu: CpuId) -> Option<End> {
        let identity = identity(event);
        if let Some(place) = self.skipped.iter().rposition(|&call| call == identity) {
            self.skipped.truncate(place);
            return None;
        }
        let closed = Closed::Returned {
            at: Nanoseconds(event.time_ns),
            value: event.value,
            cpu,
        };
        let Some((place, _)) = self.open.find(identity) else {
            if !self.is_excluded(context) {
                self.exit_without_entry(event, context, cpu, closed);
            }
            return ended(event);
        };
        self.close_unseen_from(place + 1);
        let call = self.open.pop()?;
        if !self.close(call, closed) {
            self.keep_out(cpu);
        }
        self.settle_depth(event);
        ended(event)
    }

    fn exit_without_entry(&mut self, event: &Event, context: Context, cpu: CpuId, closed: Closed) {
        if self.open.are_too_deep() {
            self.open.leave_deep();
            return self.keep_out(cpu);
        }
        if self.tree.is_full() {
            return self.keep_out(cpu);
        }
        let call = self.call(event, context, cpu);
        self.tree.put(Node::Call(Call { closed, ..call }));
        self.tree.count_gap();
        self.settle_depth(event);
    }

    /// After a gap, calls that the kernel no longer counts as open have returned in it.
    fn resume_at_depth_of(&mut self, event: &Event) {
        if let Some(depth) = self.depth.after_gap(event.depth, self.depth()) {
            self.close_unseen_from(depth);
            self.settle_depth(event);
        }
    }

    fn settle_depth(&mut self, event: &Event) {
        self.depth.settle(event.depth, self.depth());
    }

    /// The calls from this depth on have ended, and that was not seen.
    fn close_unseen_from(&mut self, depth: usize) {
        while self.open.len() > depth
            && let Some(call) = self.open.pop()
        {
            self.close(call, Closed::Unseen);
            self.tree.count_gap();
        }
    }

    fn close(&mut self, call: OpenCall, closed: Closed) -> bool {
        let off_cpu = self.off_total.since(call.off_cpu);
        self.tree.close(call.node, closed, off_cpu)
    }
}

const fn identity(event: &Event) -> Identity {
    Identity {
        function: event.function,
        frame: event.frame,
    }
}

/// Only the root's exit has depth 0.
fn ended(exit: &Event) -> Option<End> {
    (exit.depth == 0).then_some(End::Returned)
}
