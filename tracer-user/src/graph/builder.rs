//! One root call's events, in order, become its tree.
//!
//! An exit finds its entry by function and frame, not by position, so a lost entry or exit spoils only itself:
//!
//! - an exit whose entry is not open becomes a node with an unknown beginning;
//! - a call that is still open when a call around it returns has an unknown end;
//! - events that are known to be lost become a [`Node::Gap`] at the depth where they were lost.

use tracer_common::{Context, Event, EventKind, TextPlace};

use super::{
    CpuId, FunctionId, Nanoseconds, ProcessId, TaskId,
    text::Text,
    tree::{Call, Closed, End, Interrupts, Node, OffCpu, RootCall},
};

/// A tree in the making.
#[derive(Debug)]
pub struct Builder {
    interrupts: Interrupts,
    nodes: Vec<Node>,
    /// Nodes that are open, outermost first.
    open: Vec<usize>,
    /// Calls in interrupts that are left out and have not returned.
    left_out: Vec<(u32, u16)>,
    off_since: Option<Nanoseconds>,
    off_total: Nanoseconds,
    off_cpu: Vec<OffCpu>,
    /// How far the kernel's depth is from ours; changes only where something is missing.
    depth_drift: i64,
    after_gap: bool,
    events: u64,
    lost: u64,
    gaps: u64,
}

impl Builder {
    /// An empty tree.
    #[must_use]
    pub fn new(interrupts: Interrupts) -> Self {
        Self {
            interrupts,
            nodes: Vec::new(),
            open: Vec::new(),
            left_out: Vec::new(),
            off_since: None,
            off_total: Nanoseconds(0),
            off_cpu: Vec::new(),
            depth_drift: 0,
            after_gap: false,
            events: 0,
            lost: 0,
            gaps: 0,
        }
    }

    /// Marks that `lost` events are missing before the next one.
    pub fn gap(&mut self, lost: u64, cpu: CpuId) {
        let depth = self.depth();
        self.nodes.push(Node::Gap { depth, lost, cpu });
        self.lost = self.lost.saturating_add(lost);
        self.gaps += 1;
        self.after_gap = true;
    }

    /// Adds the next event; says how the record ended, if it did. Events with a damaged kind are counted as a gap.
    pub fn push(&mut self, event: &Event, cpu: CpuId) -> Option<End> {
        let (Some(kind), Some(context)) = (event.kind(), event.context()) else {
            self.gap(1, cpu);
            return None;
        };
        self.events += 1;
        match kind {
            EventKind::Entry => self.entry(event, context, cpu),
            EventKind::Exit => return self.exit(event, context, cpu),
            EventKind::Off => self.off_since = Some(Nanoseconds(event.time_ns)),
            EventKind::On => self.back_on_cpu(Nanoseconds(event.time_ns)),
            EventKind::Argument => self.argument(event),
            EventKind::Caller => self.caller(event),
            EventKind::Text => self.text(event),
            EventKind::Died => return Some(End::Died),
        }
        None
    }

    fn back_on_cpu(&mut self, to: Nanoseconds) {
        if let Some(from) = self.off_since.take() {
            self.off_total += to.since(from);
            self.off_cpu.push(OffCpu { from, to });
        }
    }

    /// Whether the call that an exit belongs to is open.
    #[must_use]
    pub fn has_open(&self, exit: &Event) -> bool {
        let identity = (exit.function, exit.frame);
        self.left_out.contains(&identity) || self.place_of(identity).is_some()
    }

    fn place_of(&self, identity: (u32, u16)) -> Option<usize> {
        self.open
            .iter()
            .rposition(|&index| match &self.nodes[index] {
                Node::Call(call) => (call.function.0, call.frame) == identity,
                Node::Gap { .. } => false,
            })
    }

    /// The finished tree. Calls that are still open stay so.
    #[must_use]
    pub fn finish(
        mut self,
        process: ProcessId,
        task: TaskId,
        comm: [u8; 16],
        end: End,
    ) -> RootCall {
        if end == End::Returned {
            while let Some(index) = self.open.pop() {
                self.close_unseen(index);
            }
        }
        RootCall {
            task,
            process,
            comm,
            nodes: self.nodes,
            off_cpu: self.off_cpu,
            end,
            events: self.events,
            lost: self.lost,
            gaps: self.gaps,
        }
    }

    fn depth(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    fn entry(&mut self, event: &Event, context: Context, cpu: CpuId) {
        if self.interrupts == Interrupts::LeftOut && context >= Context::HardIrq {
            self.left_out.push((event.function, event.frame));
            return;
        }
        self.resume_at_depth_of(event);
        let call = Call {
            function: FunctionId(event.function),
            depth: self.depth(),
            entered: Some(Nanoseconds(event.time_ns)),
            cpu,
            context,
            off_cpu: self.off_total,
            closed: Closed::Open,
            arguments: Vec::new(),
            texts: Vec::new(),
            caller: None,
            frame: event.frame,
        };
        self.open.push(self.nodes.len());
        self.nodes.push(Node::Call(call));
    }

    fn open_call(&mut self, identity: (u32, u16)) -> Option<&mut Call> {
        let place = self.place_of(identity)?;
        match &mut self.nodes[self.open[place]] {
            Node::Call(call) => Some(call),
            Node::Gap { .. } => None,
        }
    }

    /// An argument belongs to the open call with its frame. One that comes behind a missing one is not known for what it is.
    fn argument(&mut self, event: &Event) {
        if let Some(call) = self.open_call((event.function, event.frame))
            && call.arguments.len() == usize::from(event.depth)
        {
            call.arguments.push(event.value);
        }
    }

    fn text(&mut self, event: &Event) {
        let Some(call) = self.open_call((event.function, event.frame)) else {
            return;
        };
        let TextPlace { argument, part } = TextPlace::unpack(event.depth);
        if call
            .texts
            .last()
            .is_none_or(|text| text.argument != argument)
        {
            call.texts.push(Text::new(argument));
        }
        if let Some(text) = call.texts.last_mut() {
            text.push(part, event.value);
        }
    }

    fn caller(&mut self, event: &Event) {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a function's number has 32 bits"
        )]
        let called = event.value as u32;
        if let Some(call) = self.open_call((called, event.frame)) {
            call.caller = Some(FunctionId(event.function));
        }
    }

    fn exit(&mut self, event: &Event, context: Context, cpu: CpuId) -> Option<End> {
        let identity = (event.function, event.frame);
        if let Some(place) = self.left_out.iter().rposition(|&call| call == identity) {
            self.left_out.truncate(place);
            return None;
        }
        let closed = Closed::Returned {
            at: Nanoseconds(event.time_ns),
            value: event.value,
            cpu,
        };
        let Some(place) = self.place_of(identity) else {
            if !(self.interrupts == Interrupts::LeftOut && context >= Context::HardIrq) {
                self.exit_without_entry(event, context, cpu, closed);
            }
            return ended(event);
        };
        while self.open.len() > place + 1 {
            if let Some(index) = self.open.pop() {
                self.close_unseen(index);
            }
        }
        let index = self.open.pop()?;
        let off_total = self.off_total;
        if let Node::Call(call) = &mut self.nodes[index] {
            call.closed = closed;
            call.off_cpu = off_total.since(call.off_cpu);
        }
        self.settle_depth(event);
        ended(event)
    }

    fn exit_without_entry(&mut self, event: &Event, context: Context, cpu: CpuId, closed: Closed) {
        self.nodes.push(Node::Call(Call {
            function: FunctionId(event.function),
            depth: self.depth(),
            entered: None,
            cpu,
            context,
            off_cpu: Nanoseconds(0),
            closed,
            arguments: Vec::new(),
            texts: Vec::new(),
            caller: None,
            frame: event.frame,
        }));
        self.gaps += 1;
        self.settle_depth(event);
    }

    /// After a gap, calls that the kernel no longer counts as open have returned in it.
    fn resume_at_depth_of(&mut self, event: &Event) {
        let ours = i64::from(self.depth());
        if !self.after_gap || event.depth == u8::MAX {
            self.depth_drift = i64::from(event.depth) - ours;
            return;
        }
        let depth = (i64::from(event.depth) - self.depth_drift).max(1);
        while i64::from(self.depth()) > depth {
            if let Some(index) = self.open.pop() {
                self.close_unseen(index);
            }
        }
        self.settle_depth(event);
    }

    fn settle_depth(&mut self, event: &Event) {
        self.after_gap = false;
        self.depth_drift = i64::from(event.depth) - i64::from(self.depth());
    }

    fn close_unseen(&mut self, index: usize) {
        let off_total = self.off_total;
        if let Node::Call(call) = &mut self.nodes[index] {
            call.closed = Closed::Unseen;
            call.off_cpu = off_total.since(call.off_cpu);
            self.gaps += 1;
        }
    }
}

/// Only the root's exit has depth 0.
fn ended(exit: &Event) -> Option<End> {
    (exit.depth == 0).then_some(End::Returned)
}
