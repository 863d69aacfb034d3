//! Root calls that have not returned: which functions are open in each, and since when.
//!
//! What is known of one is what its task has handed over: a task that goes to sleep hands over all
//! that it has recorded, one that runs does so when its buffer is full.

use super::{Closed, CommandName, CpuId, End, FunctionId, Nanoseconds, Node, RootCall, TaskKey};

/// Open root calls that are shown at most.
pub const MOST_OPEN_SHOWN: usize = 64;

/// A root call that has not returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRootCall {
    /// Who.
    pub task: TaskKey,
    /// Who, by name, padded with zeros.
    pub comm: [u8; 16],
    /// The name of its process, if that is known and another.
    pub process: Option<CommandName>,
    /// Where it was last.
    pub cpu: CpuId,
    /// The open functions, the root first, and when they were entered, if that was seen.
    pub functions: Vec<(FunctionId, Option<Nanoseconds>)>,
}

impl OpenRootCall {
    /// One that was open when the trace ended.
    #[must_use]
    pub fn of(root: &RootCall) -> Option<Self> {
        if root.end != End::Cut {
            return None;
        }
        let open = root.nodes.iter().filter_map(|node| match node {
            Node::Call(call) if call.closed == Closed::Open => Some((call.function, call.entered)),
            _ => None,
        });
        Some(Self {
            task: root.task,
            comm: root.comm,
            process: root.other_process(),
            cpu: root.nodes.last().map_or(CpuId(0), Node::cpu),
            functions: open.collect(),
        })
    }

    /// When the root was entered, if that was seen.
    #[must_use]
    pub fn since(&self) -> Option<Nanoseconds> {
        self.functions.first()?.1
    }
}
