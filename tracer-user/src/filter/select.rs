//! What of a recording is taken: by time, task, CPU, caller, and which function is the root.
//!
//! A live trace is told all this before it begins. A recording has more than is asked for, so it is
//! taken here, before the filter decides. With another root each outermost call of that function
//! becomes a root call, with all below it; what was around it is gone.

use super::{Name, Names};
use crate::model::{
    Call, Closed, CommandName, CpuId, End, FunctionTable, Nanoseconds, Node, RootCall,
};

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// By the clock of the events.
    At(Nanoseconds),
    /// Since the recording began.
    Since(Nanoseconds),
}

impl Moment {
    /// The same by the clock of the events, of a recording that began then.
    #[must_use]
    pub const fn from(self, began: Nanoseconds) -> Nanoseconds {
        match self {
            Self::At(time) => time,
            Self::Since(time) => Nanoseconds(began.0.saturating_add(time.0)),
        }
    }
}

/// What is taken. The default takes everything as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What was entered at this time or later.
    pub from: Option<Moment>,
    /// What was entered before this time.
    pub to: Option<Moment>,
    /// CPUs on which it was entered; none named: all.
    pub cpus: Option<tracer_common::CpuMask>,
    /// Processes.
    pub processes: Choice<u32>,
    /// Tasks.
    pub tasks: Choice<u32>,
    /// Tasks by name.
    pub names: Choice<CommandName>,
    /// The function that is the root; none named: the one that was recorded.
    pub roots: Names,
    /// The functions that called the root.
    pub callers: Names,
    /// When the recording began.
    pub began: Nanoseconds,
}

/// Some of a kind, or all but some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// One of these, if any are named.
    pub these: Vec<T>,
    /// None of those.
    pub not: Vec<T>,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self {
            these: Vec::new(),
            not: Vec::new(),
        }
    }
}

impl<T: PartialEq> Choice<T> {
    /// Whether nobody is named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.these.is_empty() && self.not.is_empty()
    }

    /// Whether one is meant.
    #[must_use]
    pub fn has(&self, one: &T) -> bool {
        (self.these.is_empty() || self.these.contains(one)) && !self.not.contains(one)
    }
}

impl Selection {
    /// The same of a recording that began then.
    #[must_use]
    pub fn of_recording(&self, began: Nanoseconds) -> Self {
        Self {
            began,
            ..self.clone()
        }
    }

    /// The options that ask for it.
    #[must_use]
    pub fn options(&self) -> Vec<&'static str> {
        self.given().collect()
    }

    fn given(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            (self.from.is_some(), "--from"),
            (self.to.is_some(), "--to"),
            (self.cpus.is_some(), "-C"),
            (!self.processes.is_empty(), "-p"),
            (!self.tasks.is_empty(), "--tid"),
            (!self.names.is_empty(), "--comm"),
            (!self.roots.is_empty(), "-G"),
            (!self.callers.is_empty(), "--caller"),
        ];
        let given = given.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, option)| option)
    }

    /// Whether there is anything that a root call may not meet.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.given().next().is_some()
    }

    /// The functions that it names, with the options that do.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Name)> {
        let roots = self.roots.iter().map(|name| ("-G", name));
        roots.chain(self.callers.iter().map(|name| ("--caller", name)))
    }

    /// Whether what a root call called is looked at.
    #[must_use]
    pub const fn needs_tree(&self) -> bool {
        !self.roots.is_empty()
    }

    /// What is taken of a root call.
    #[must_use]
    pub fn take(&self, call: RootCall, functions: &FunctionTable) -> Vec<RootCall> {
        if !self.is_of_somebody(&call) {
            return Vec::new();
        }
        if self.roots.is_empty() {
            let is_taken = self.takes_root(&call, functions);
            return is_taken.then_some(call).into_iter().collect();
        }
        self.below(&call, functions)
    }

    fn is_of_somebody(&self, call: &RootCall) -> bool {
        self.processes.has(&call.process.0)
            && self.tasks.has(&call.task.id().0)
            && self.names.has(&CommandName::of(call.comm))
    }

    fn takes_root(&self, call: &RootCall, functions: &FunctionTable) -> bool {
        let mut calls = call.nodes.iter().filter_map(|node| match node {
            Node::Call(call) if call.depth == 0 => Some(call),
            _ => None,
        });
        let Some(root) = calls.next_back() else {
            return !self.is_active();
        };
        let is_called = || {
            let site = root.details.caller().map(|site| functions.name(site));
            site.is_some_and(|site| {
                let caller = site.split('+').next().unwrap_or(&site);
                self.callers.have(caller)
            })
        };
        self.is_in_time(root) && self.has_cpu(root.cpu) && (self.callers.is_empty() || is_called())
    }

    fn is_in_time(&self, call: &Call) -> bool {
        let Some(at) = call.entered.or(call.closed.at()) else {
            return self.from.is_none() && self.to.is_none();
        };
        let began = self.began;
        self.from.is_none_or(|from| at >= from.from(began))
            && self.to.is_none_or(|to| at < to.from(began))
    }

    fn has_cpu(&self, cpu: CpuId) -> bool {
        let word = |words: &[u64]| words.get(cpu.0 as usize / 64).copied().unwrap_or(0);
        self.cpus
            .as_ref()
            .is_none_or(|cpus| word(&cpus.words) & (1 << (cpu.0 % 64)) != 0)
    }

    /// The outermost calls of the functions that are the roots.
    fn below(&self, call: &RootCall, functions: &FunctionTable) -> Vec<RootCall> {
        let mut taken = Vec::new();
        let mut open: Vec<&Call> = Vec::new();
        let mut index = 0;
        while let Some(node) = call.nodes.get(index) {
            index += 1;
            let Node::Call(root) = node else { continue };
            open.truncate(root.depth as usize);
            if self.roots.has(root.function, functions) {
                let rest = &call.nodes[index..];
                let below = rest.iter().position(|node| node.depth() <= root.depth);
                let end = below.map_or(call.nodes.len(), |below| index + below);
                let by = open.last();
                let is_called = self.callers.is_empty()
                    || by.is_some_and(|caller| self.callers.has(caller.function, functions));
                if is_called && self.is_in_time(root) && self.has_cpu(root.cpu) {
                    taken.push(part(call, root, &call.nodes[index - 1..end]));
                }
                index = end;
            } else {
                open.push(root);
            }
        }
        taken
    }
}

/// A call with all below it as a root call of its own.
fn part(whole: &RootCall, root: &Call, nodes: &[Node]) -> RootCall {
    let mut part = RootCall {
        task: whole.task,
        process: whole.process,
        comm: whole.comm,
        process_name: whole.process_name,
        nodes: nodes.to_vec(),
        off_cpu: whole.off_cpu.clone(),
        end: match root.closed {
            Closed::Returned { .. } => End::Returned,
            Closed::Unseen => End::Lost,
            Closed::Open => whole.end,
        },
        events: 0,
        lost: 0,
        not_kept: 0,
        gaps: 0,
    };
    let from = root.entered.unwrap_or_default();
    let to = root.closed.at().unwrap_or(Nanoseconds(u64::MAX));
    part.off_cpu.retain(|off| off.from >= from && off.to <= to);
    for node in &mut part.nodes {
        match node {
            Node::Call(call) => {
                call.depth -= root.depth;
                part.events += u64::from(call.entered.is_some());
                part.events += u64::from(call.closed.at().is_some());
                part.gaps += u64::from(call.entered.is_none() || call.closed == Closed::Unseen);
            }
            Node::Mark(mark) => {
                mark.depth -= root.depth;
                part.events += 1;
            }
            Node::Gap { depth, events, .. } => {
                *depth -= root.depth;
                part.lost += *events;
                part.gaps += 1;
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_of_some_or_of_all_but_some() {
        let all = Choice::<u32>::default();
        let some = Choice {
            these: vec![1, 2],
            not: vec![],
        };
        let others = Choice {
            these: vec![],
            not: vec![1],
        };
        assert!(all.has(&1) && all.is_empty());
        assert!(some.has(&2) && !some.has(&3));
        assert!(others.has(&2) && !others.has(&1));
    }
}
