//! The tree of a root call while it grows: what is kept of its events, and what becomes of each is
//! counted.
//!
//! It has a limit ([`MOST_EVENTS`]). When it is full nothing is added any more, and what is in it
//! goes on to be told: calls that are open then still get their ends, the root too. Every event is
//! counted as one of the tree's, as lost, or as not kept.

use tracer_common::{Event, EventKind};

use super::{details, limits::MOST_EVENTS, open::Kept};
use crate::model::{
    Closed, CommandName, CpuId, End, Mark, Missing, Nanoseconds, Node, OffCpu, ProcessId, RootCall,
    TaskKey, Trees,
};

/// The tree.
#[derive(Debug)]
pub struct Growing {
    trees: Trees,
    nodes: Vec<Node>,
    off_cpu: Vec<OffCpu>,
    process_name: Option<CommandName>,
    /// Nothing has gone into the tree since an event was not kept.
    is_cut: bool,
    /// Events that take room.
    kept: u64,
    events: u64,
    lost: u64,
    not_kept: u64,
    gaps: u64,
}

impl Growing {
    /// An empty one.
    pub const fn new(trees: Trees) -> Self {
        Self {
            trees,
            nodes: Vec::new(),
            off_cpu: Vec::new(),
            process_name: None,
            is_cut: false,
            kept: 0,
            events: 0,
            lost: 0,
            not_kept: 0,
            gaps: 0,
        }
    }

    /// The name of the process.
    pub const fn process_name(&self) -> Option<CommandName> {
        self.process_name
    }

    /// Takes a part of the name of the process.
    pub fn name_process(&mut self, part: u32, value: u64) {
        let name = self.process_name.get_or_insert_default();
        name.set_part(part, value);
    }

    /// Events that take room.
    pub const fn kept(&self) -> u64 {
        self.kept
    }

    /// A node that is kept.
    pub fn node(&self, node: Kept) -> Option<&Node> {
        match node {
            Kept::At(index) => self.nodes.get(index),
            Kept::Apart | Kept::NoRoom => None,
        }
    }

    /// The CPU of the last node.
    pub fn cpu(&self) -> CpuId {
        self.nodes.last().map_or(CpuId(0), Node::cpu)
    }

    /// Whether nothing is added any more.
    pub const fn is_full(&self) -> bool {
        self.kept >= MOST_EVENTS
    }

    /// An event came. It is one of the tree's unless [`Self::keep_out`] says otherwise.
    pub const fn count(&mut self) {
        self.events += 1;
    }

    /// Something is missing.
    pub const fn count_gap(&mut self) {
        self.gaps += 1;
    }

    /// So many events are missing.
    pub fn lose(&mut self, lost: u64, depth: u32, cpu: CpuId) {
        self.lost = self.lost.saturating_add(lost);
        self.gaps += 1;
        if !self.is_full() {
            self.gap(lost, Missing::Lost, depth, cpu);
        }
    }

    /// Puts a node at the end, if the tree is to have it.
    pub fn put(&mut self, node: Node) -> Kept {
        self.is_cut = false;
        if self.trees == Trees::Roots && node.depth() > 0 {
            return Kept::Apart;
        }
        self.kept += 1;
        self.nodes.push(node);
        Kept::At(self.nodes.len() - 1)
    }

    /// There is no room for the event that was counted last. Several in one place have one mark.
    pub fn keep_out(&mut self, depth: u32, cpu: CpuId) {
        self.events -= 1;
        self.not_kept += 1;
        if !self.is_cut {
            self.gaps += 1;
            self.gap(0, Missing::NotKept, depth, cpu);
            self.is_cut = true;
        }
        if let Some(Node::Gap {
            missing: Missing::NotKept,
            events,
            ..
        }) = self.nodes.last_mut()
        {
            *events += 1;
        }
    }

    /// Adds what an event says of a call beside its ends. Says whether there was room.
    pub fn detail(&mut self, node: Kept, kind: EventKind, event: &Event) -> bool {
        match node {
            Kept::Apart => true,
            Kept::NoRoom => false,
            Kept::At(_) if self.is_full() => false,
            Kept::At(index) => {
                if let Some(Node::Call(call)) = self.nodes.get_mut(index) {
                    self.kept += 1;
                    details::add(&mut call.details, kind, event);
                }
                true
            }
        }
    }

    /// Adds the next eight bytes of what was recorded of a mark. Says whether there was room.
    pub fn mark_part(&mut self, node: Kept, number: u8, value: u64) -> bool {
        match node {
            Kept::Apart => true,
            Kept::NoRoom => false,
            Kept::At(_) if self.is_full() => false,
            Kept::At(index) => {
                if let Some(Node::Mark(mark)) = self.nodes.get_mut(index) {
                    self.kept += 1;
                    // One that comes after a missing one is not known for what it is.
                    if mark.record.len() == usize::from(number) * size_of::<u64>() {
                        extend(mark, value);
                    }
                }
                true
            }
        }
    }

    /// A call has ended: how, and how long the task was off the CPU meanwhile. Says whether there
    /// was room.
    pub fn close(&mut self, node: Kept, closed: Closed, off_cpu: Nanoseconds) -> bool {
        if let Kept::At(index) = node
            && let Some(Node::Call(call)) = self.nodes.get_mut(index)
        {
            self.kept += u64::from(closed.at().is_some());
            call.closed = closed;
            call.off_cpu = off_cpu;
        }
        node != Kept::NoRoom
    }

    /// The task was off the CPU.
    pub fn off_cpu(&mut self, off_cpu: OffCpu) {
        if self.trees == Trees::Whole && !self.is_full() {
            self.kept += 1;
            self.off_cpu.push(off_cpu);
        }
    }

    /// The finished one.
    pub fn finish(self, process: ProcessId, task: TaskKey, comm: [u8; 16], end: End) -> RootCall {
        RootCall {
            task,
            process,
            comm,
            process_name: self.process_name,
            nodes: self.nodes,
            off_cpu: self.off_cpu,
            end,
            events: self.events,
            lost: self.lost,
            not_kept: self.not_kept,
            gaps: self.gaps,
        }
    }

    fn gap(&mut self, events: u64, missing: Missing, depth: u32, cpu: CpuId) {
        self.put(Node::Gap {
            depth,
            events,
            missing,
            cpu,
        });
    }
}

/// Adds eight bytes to what was recorded of a mark, or as many as it has.
pub fn extend(mark: &mut Mark, value: u64) {
    let left = usize::from(mark.bytes).saturating_sub(mark.record.len());
    let bytes = value.to_ne_bytes();
    mark.record.extend(&bytes[..left.min(bytes.len())]);
}
