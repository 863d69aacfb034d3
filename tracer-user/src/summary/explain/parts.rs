//! What a root call spent its time on, piece by piece.
//!
//! The pieces add up to its duration. A call has the time that it took itself, without that of its
//! callees; the time that the task was off the CPU in it; and what interrupts took on top of it,
//! which is no time of its own. The scheduler's own functions say nothing of the cause, so what
//! happens in them belongs to the call around them.

use crate::model::{Call, FunctionId, FunctionTable, Node, RootCall, SleepTime};

/// What time is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// By the function itself.
    Own,
    /// The task waited for something in it.
    Waiting,
    /// The task was ready, and another one ran.
    Preempted,
    /// By interrupts on top, whatever ran.
    Interrupts,
}

/// What time is spent on, and in which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part {
    /// On what.
    pub kind: Kind,
    /// Where; of interrupts what they ran.
    pub function: FunctionId,
}

/// Some time of a root call.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// What it was spent on.
    pub part: Part,
    /// How much, ns.
    pub ns: u64,
    /// Where in [`Spent::nodes`]; none of interrupts.
    pub node: Option<usize>,
    /// The first argument of the function, if it takes a lock and that was recorded.
    pub lock: Option<u64>,
}

/// A root call in pieces.
#[derive(Debug, Default)]
pub struct Spent {
    /// What the task itself did.
    pub nodes: Vec<Node>,
    /// Where its time went.
    pub pieces: Vec<Piece>,
    /// Calls that interrupts made.
    pub interrupts: u64,
}

/// An open call, where it stands in [`Spent::nodes`], and what its name says.
type Open<'r> = (usize, &'r Call, Role);

impl Spent {
    /// Takes a root call to pieces.
    pub fn of(call: &RootCall, root: &Call, functions: &FunctionTable) -> Self {
        let mut spent = Self::default();
        let mut interrupt: Option<u32> = None;
        // Places in `nodes` and what is left of their time and of that off the CPU.
        let mut rest: Vec<(u64, u64)> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for node in &call.nodes {
            if interrupt.is_some_and(|depth| node.depth() > depth) {
                spent.interrupts += u64::from(matches!(node, Node::Call(_)));
                continue;
            }
            interrupt = None;
            let Node::Call(call) = node else { continue };
            open.truncate(call.depth as usize);
            let time = call.duration(SleepTime::Counted).unwrap_or_default().0;
            if let Some(&above) = open.last() {
                let (own, away) = &mut rest[above];
                *own = own.saturating_sub(time);
                *away = away.saturating_sub(call.off_cpu.0);
            }
            if call.context != root.context {
                interrupt = Some(call.depth);
                spent.interrupts += 1;
                spent.put(Kind::Interrupts, call, time, None);
                continue;
            }
            open.push(spent.nodes.len());
            spent.nodes.push(node.clone());
            rest.push((time, call.off_cpu.0));
        }
        spent.settle(&rest, functions);
        spent
    }

    /// Gives each call what is left of its time.
    fn settle(&mut self, rest: &[(u64, u64)], functions: &FunctionTable) {
        let nodes = std::mem::take(&mut self.nodes);
        let mut open: Vec<Open<'_>> = Vec::new();
        for (index, (node, &(time, away))) in nodes.iter().zip(rest).enumerate() {
            let Node::Call(call) = node else { continue };
            open.truncate(call.depth as usize);
            open.push((index, call, role(&functions.name(call.function))));
            self.put(
                Kind::Own,
                call,
                time.saturating_sub(away),
                Some((index, &open)),
            );
            if away > 0 {
                let above = |role: &Role| !matches!(role, Role::Schedules | Role::GivesWay);
                let at = open.iter().rposition(|(.., role)| above(role)).unwrap_or(0);
                let gives_way = open[at..].iter().any(|(.., role)| *role == Role::GivesWay);
                let kind = if gives_way {
                    Kind::Preempted
                } else {
                    Kind::Waiting
                };
                let (index, call, _) = open[at];
                self.put(kind, call, away, Some((index, &open[..=at])));
            }
        }
        self.nodes = nodes;
    }

    fn put(&mut self, kind: Kind, call: &Call, ns: u64, place: Option<(usize, &[Open<'_>])>) {
        let part = Part {
            kind,
            function: call.function,
        };
        // The outermost of the functions that take the lock has it as its argument.
        let lock = place.and_then(|(_, open)| {
            let taking = open
                .iter()
                .rev()
                .take_while(|(.., role)| *role == Role::Locks);
            taking.last()?.1.details.arguments().first().copied()
        });
        let node = place.map(|(index, _)| index);
        self.pieces.push(Piece {
            part,
            ns,
            node,
            lock,
        });
    }
}

/// What a function's name says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes a lock.
    Locks,
    /// It gives the CPU away to wait.
    Schedules,
    /// It gives the CPU to another task, and goes on.
    GivesWay,
    /// Anything else.
    Other,
}

/// What a function does, by its name: kernel/sched/core.c, kernel/locking.
pub fn role(name: &str) -> Role {
    const GIVES_WAY: [&str; 4] = [
        "preempt_schedule",
        "__cond_resched",
        "cond_resched",
        "irqentry_exit",
    ];
    const SCHEDULES: [&str; 5] = [
        "schedule",
        "__schedule",
        "io_schedule",
        "finish_task_switch",
        "__traceiter_sched",
    ];
    const LOCKS: [&str; 14] = [
        "mutex_lock",
        "down_read",
        "down_write",
        "rwsem_down",
        "spin_lock",
        "raw_read_lock",
        "raw_write_lock",
        "spin_lock_slowpath",
        "lock_sock",
        "rt_mutex",
        "percpu_down",
        "percpu_rwsem_wait",
        "folio_lock",
        "inode_lock",
    ];
    let begins = |names: &[&str]| names.iter().any(|it| name.starts_with(it));
    if begins(&GIVES_WAY) {
        Role::GivesWay
    } else if begins(&SCHEDULES) {
        Role::Schedules
    } else if !name.contains("unlock") && LOCKS.iter().any(|it| name.contains(it)) {
        Role::Locks
    } else {
        Role::Other
    }
}
