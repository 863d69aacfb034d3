//! What ran under root calls and had no probe.
//!
//! Where functions are attached one by one a trace has what was known to run, and no more. A
//! sampling window sees everything, so for the root calls that lie within one it is known what is
//! missing in their graphs. Three sides meet here: the thread that samples says when a window is
//! open and which hits had no probe, the one that reads the rings tells of each root call with its
//! times, and the end of the trace asks for the sum. A hit counts if its task was in a root call
//! then, by the same clock: what another caller has the same functions do is not missing anywhere.
//!
//! Not counted: what interrupts bring, which belongs to no root call; root calls that began before
//! the window or ended after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracer_common::Context;

use crate::{
    kernel::Address,
    learn::sampling::FunctionHit,
    model::{Nanoseconds, RootCall, TaskKey, Untraced},
};

/// Root calls that are remembered at most, and hits.
const MOST: usize = 1 << 20;

/// Root calls in sampling windows. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Sampled(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    windows: Vec<Window>,
    /// By task: when root calls began and ended.
    calls: BTreeMap<u32, Vec<(u64, u64)>>,
    /// How many these are.
    remembered: usize,
    hits: Vec<Hit>,
}

#[derive(Debug)]
struct Window {
    from: u64,
    /// None while it is open.
    to: Option<u64>,
    /// Tasks that were seen in it.
    tasks: BTreeSet<u32>,
}

/// A hit that had no probe.
#[derive(Debug)]
struct Hit {
    task: u32,
    at: u64,
    function: Address,
}

impl Sampled {
    /// A window opens.
    pub fn open(&self, now: Nanoseconds) {
        self.lock().windows.push(Window {
            from: now.0,
            to: None,
            tasks: BTreeSet::new(),
        });
    }

    /// The window is closed.
    pub fn close(&self, now: Nanoseconds) {
        if let Some(window) = self.lock().windows.last_mut() {
            window.to = Some(now.0);
        }
    }

    /// These are the hits of the window that was closed last, those below a root with their
    /// functions.
    pub fn hits(
        &self,
        all: &[FunctionHit],
        below: &[(&FunctionHit, Address)],
        has_probe: impl Fn(Address) -> bool,
    ) {
        let mut inner = self.lock();
        let untraced = below
            .iter()
            .filter(|(hit, function)| hit.context < Context::HardIrq && !has_probe(*function))
            .map(|&(hit, function)| Hit {
                task: hit.tid,
                at: hit.time_ns,
                function,
            });
        let room = MOST.saturating_sub(inner.hits.len());
        inner.hits.extend(untraced.take(room));
        if let Some(window) = inner.windows.last_mut() {
            window.tasks.extend(all.iter().map(|hit| hit.tid));
        }
    }

    /// A root call is complete.
    pub fn root_call(&self, call: &RootCall) {
        if let (Some(root), TaskKey::Thread(task)) = (call.root(), call.task)
            && let (Some(entered), Some(left)) = (root.entered, root.closed.at())
        {
            self.call(task.0, entered.0, left.0);
        }
    }

    fn call(&self, task: u32, from: u64, to: u64) {
        let mut inner = self.lock();
        let last = inner.windows.last();
        if last.is_some_and(|window| window.has(from, to)) && inner.remembered < MOST {
            inner.remembered += 1;
            inner.calls.entry(task).or_default().push((from, to));
        }
    }

    /// The sum so far.
    pub fn sum(&self) -> Untraced {
        let mut inner = self.lock();
        for calls in inner.calls.values_mut() {
            calls.sort_unstable();
        }
        let (mut calls, mut functions) = (0, BTreeSet::new());
        for hit in &inner.hits {
            if inner.root_call_at(hit.task, hit.at) {
                calls += 1;
                functions.insert(hit.function);
            }
        }
        Untraced {
            root_calls: inner.root_calls(),
            calls,
            functions: functions.len(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in it can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether the task was in a root call of its window then. The root calls are in order.
    fn root_call_at(&self, task: u32, at: u64) -> bool {
        let calls = self.calls.get(&task).map_or(&[][..], Vec::as_slice);
        let after = calls.partition_point(|&(from, _)| from <= at);
        let last = after.checked_sub(1).map(|place| calls[place]);
        last.is_some_and(|(from, to)| at < to && self.window_of(task, from, to))
    }

    fn root_calls(&self) -> u64 {
        let calls = self.calls.iter();
        let all = calls.flat_map(|(&task, calls)| calls.iter().map(move |&call| (task, call)));
        all.filter(|&(task, (from, to))| self.window_of(task, from, to))
            .count() as u64
    }

    /// Whether all of that time of a task lies in a window that has seen the task.
    fn window_of(&self, task: u32, from: u64, to: u64) -> bool {
        let mut windows = self.windows.iter();
        windows.any(|window| window.has(from, to) && window.tasks.contains(&task))
    }
}

impl Window {
    fn has(&self, from: u64, to: u64) -> bool {
        from >= self.from && self.to.is_none_or(|end| to <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(tid: u32, time_ns: u64, context: Context) -> FunctionHit {
        FunctionHit {
            cpu: 0,
            tid,
            time_ns,
            context,
            function: Address(0),
            parent: Address(0),
        }
    }

    #[test]
    fn what_lies_in_a_root_call_and_has_no_probe_is_counted() {
        let sampled = Sampled::default();
        sampled.open(Nanoseconds(100));
        // Begun before the window; in it; of a task that is not sampled.
        for (task, from, to) in [(7, 90, 110), (7, 120, 140), (7, 160, 180), (8, 120, 140)] {
            sampled.call(task, from, to);
        }
        sampled.close(Nanoseconds(200));
        // Ended after it.
        sampled.call(7, 190, 210);
        let all = [
            hit(7, 105, Context::Task),
            hit(7, 125, Context::Task),
            hit(7, 126, Context::SoftIrq),
            hit(7, 127, Context::HardIrq),
            hit(7, 128, Context::Task),
            hit(7, 150, Context::Task),
            hit(7, 165, Context::Task),
            hit(7, 195, Context::Task),
        ];
        let functions = [1, 1, 2, 3, 9, 1, 1, 1].map(Address);
        let below: Vec<_> = all.iter().zip(functions).collect();
        sampled.hits(&all, &below, |function| function == Address(9));
        let sum = Untraced {
            root_calls: 2,
            calls: 3,
            functions: 2,
        };
        assert_eq!(sampled.sum(), sum);
    }

    #[test]
    fn without_a_window_nothing_is_known() {
        let sampled = Sampled::default();
        sampled.call(7, 1, 2);
        assert_eq!(sampled.sum(), Untraced::default());
    }
}
