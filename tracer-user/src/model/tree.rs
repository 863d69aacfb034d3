//! A root call as a tree.
//!
//! The tree is a list in the order of entry, each node with its depth: that is how it is printed,
//! and it needs one allocation for many nodes.

use tracer_common::Context;

use super::{CommandName, CpuId, Details, FunctionId, Nanoseconds, ProcessId, TaskKey};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It returned.
    Returned {
        /// When.
        at: Nanoseconds,
        /// The return register.
        value: u64,
        /// Where.
        cpu: CpuId,
    },
    /// The exit was not seen, though something around it returned.
    Unseen,
    /// It had not returned when the root call's record ended.
    Open,
}

impl Closed {
    /// When it returned, if that was seen.
    #[must_use]
    pub const fn at(self) -> Option<Nanoseconds> {
        match self {
            Self::Returned { at, .. } => Some(at),
            Self::Unseen | Self::Open => None,
        }
    }

    /// The return register, if the return was seen.
    #[must_use]
    pub const fn value(self) -> Option<u64> {
        match self {
            Self::Returned { value, .. } => Some(value),
            Self::Unseen | Self::Open => None,
        }
    }
}

/// A call in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub function: FunctionId,
    /// Calls around it under the root; the root has 0.
    pub depth: u32,
    /// When it was entered; none if the entry was not seen.
    pub entered: Option<Nanoseconds>,
    /// The CPU of the first event that was seen of it.
    pub cpu: CpuId,
    /// What the CPU ran for when the call was made.
    pub context: Context,
    /// Time of the call that the task was not running, ns.
    pub off_cpu: Nanoseconds,
    /// How it ended.
    pub closed: Closed,
    /// What else was recorded of it.
    pub details: Details,
    /// Calls below it that are not shown, where that is counted.
    pub folded: Option<u32>,
    pub(crate) frame: u16,
}

/// Whether the time that a task was off the CPU counts as time of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SleepTime {
    /// As the clock goes.
    #[default]
    Counted,
    /// Only time on the CPU, as function_graph's `nosleep-time`.
    Excluded,
}

impl Call {
    /// How long it took, if both ends were seen.
    #[must_use]
    pub fn duration(&self, sleep: SleepTime) -> Option<Nanoseconds> {
        let (Some(entered), Closed::Returned { at, .. }) = (self.entered, self.closed) else {
            return None;
        };
        let whole = at.since(entered);
        Some(match sleep {
            SleepTime::Counted => whole,
            SleepTime::Excluded => whole.since(self.off_cpu),
        })
    }

    /// How long of that the task was on the CPU, interrupts included.
    #[must_use]
    pub fn cpu_time(&self) -> Option<Nanoseconds> {
        self.duration(SleepTime::Excluded)
    }

    /// Whether it returned on another CPU than it was entered on.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        matches!(self.closed, Closed::Returned { cpu, .. } if cpu != self.cpu)
    }
}

/// Why events are missing in a place of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// They never came: a ring was full.
    Lost,
    /// They came, and there was no room for them: see [`crate::graph::limits`].
    NotKept,
}

/// Something that happened within a call, such as an event of a tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What happened, by its number in the table of functions.
    pub event: FunctionId,
    /// Calls around it under the root.
    pub depth: u32,
    /// When.
    pub at: Nanoseconds,
    /// Where.
    pub cpu: CpuId,
    /// What the CPU ran for.
    pub context: Context,
    /// Bytes that it recorded.
    pub bytes: u16,
    /// Those of them that came.
    pub record: Vec<u8>,
}

/// An element of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A call.
    Call(Call),
    /// Something happened here. Who shows calls alone may ignore it.
    Mark(Mark),
    /// Events are missing here.
    Gap {
        /// Calls around it under the root, as far as known.
        depth: u32,
        /// How many events.
        events: u64,
        /// Why.
        missing: Missing,
        /// The CPU of the next event.
        cpu: CpuId,
    },
}

impl Node {
    /// Calls around it under the root.
    #[must_use]
    pub const fn depth(&self) -> u32 {
        match self {
            Self::Call(call) => call.depth,
            Self::Mark(mark) => mark.depth,
            Self::Gap { depth, .. } => *depth,
        }
    }

    /// The CPU on which it begins.
    #[must_use]
    pub const fn cpu(&self) -> CpuId {
        match self {
            Self::Call(call) => call.cpu,
            Self::Mark(mark) => mark.cpu,
            Self::Gap { cpu, .. } => *cpu,
        }
    }
}

/// Why a root call's record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The root returned.
    Returned,
    /// The task died inside.
    Died,
    /// The root's exit was lost: the task went on to another root call.
    Lost,
    /// Tracing ended first.
    Cut,
    /// Too much was open, and this root call had most of it, or had been silent for the longest:
    /// see [`crate::graph::limits`].
    NoRoom,
}

/// A time that the task was not running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffCpu {
    /// When it was switched out.
    pub from: Nanoseconds,
    /// When it was switched in again.
    pub to: Nanoseconds,
}

/// A root call with all that ran under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCall {
    /// Who.
    pub task: TaskKey,
    /// Of which process.
    pub process: ProcessId,
    /// Who, by name: as it was when the last batch was handed over.
    pub comm: [u8; 16],
    /// The name of the process, which is that of its first thread, as it was when the root was
    /// entered. None where the task is that thread, or nothing said it.
    pub process_name: Option<CommandName>,
    /// The calls in the order of entry.
    pub nodes: Vec<Node>,
    /// When the task was off the CPU, in order.
    pub off_cpu: Vec<OffCpu>,
    /// Why the record ended.
    pub end: End,
    /// Events that the tree was made from.
    pub events: u64,
    /// Events that are known to be lost.
    pub lost: u64,
    /// Events that came and are not in the tree, because it would be too large: see
    /// [`crate::graph::limits`].
    pub not_kept: u64,
    /// Places in the tree where something is missing.
    pub gaps: u64,
}

impl RootCall {
    /// The task's command name.
    #[must_use]
    pub fn comm(&self) -> std::borrow::Cow<'_, str> {
        let end = self.comm.iter().position(|&byte| byte == 0);
        String::from_utf8_lossy(&self.comm[..end.unwrap_or(self.comm.len())])
    }

    /// The name of the process where it is known and another than the task's.
    #[must_use]
    pub fn other_process(&self) -> Option<CommandName> {
        self.process_name
            .filter(|name| *name != CommandName::of(self.comm))
    }

    /// The name of the process, if it is known.
    #[must_use]
    pub fn process_name(&self) -> Option<CommandName> {
        let leads = self.process.0 == self.task.id().0;
        self.process_name
            .or_else(|| leads.then(|| CommandName::of(self.comm)))
    }

    /// The root's own call, if it returned. Where its entry was lost, what it called stands beside
    /// it, before it.
    #[must_use]
    pub fn root(&self) -> Option<&Call> {
        let outermost = self.nodes.iter().rev().find(|node| node.depth() == 0);
        match outermost {
            Some(Node::Call(root)) if self.end == End::Returned => Some(root),
            _ => None,
        }
    }

    /// Whether the root returned and nothing is missing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.end == End::Returned && self.gaps == 0
    }
}

/// How much is kept of a root call. What is counted is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trees {
    /// What has no call around it: the root, and where its entry is missing what stands beside it.
    /// So memory does not go with what runs under the root.
    Roots,
    /// All of it.
    Whole,
}
