//! What root calls have brought so far.
//!
//! The thread that reads the rings tells of each batch; the thread that narrows the trace asks
//! whether anything is new. A function counts as new only where a task itself runs: what interrupts
//! bring differs from call to call without end, and belongs to none of them. Cost: one hash look-up
//! for each entry.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustc_hash::FxHashMap;
use tracer_common::{Context, EventKind, generation};

use crate::{
    graph::Batch,
    kernel::{Address, Kernel},
    model::FunctionId,
    plan,
};

/// What root calls have brought. Threads share it.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    functions: FxHashMap<FunctionId, Hits>,
    counts: Counts,
    /// The numbers of the root calls that brought the last new function and the one before it.
    news: [u64; 2],
    /// Root calls that began, by generation.
    generations: BTreeMap<u64, u64>,
}

/// How often a function was entered.
#[derive(Clone, Copy, Debug, Default)]
struct Hits {
    task: u64,
    all: u64,
    /// Of all, those that the kernel counted.
    counted: u64,
}

/// How many root calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that began.
    pub root_calls: u64,
    /// Those that began since the last one that brought a new function, one function aside: a
    /// straggler is no reason to wait.
    pub quiet: u64,
    /// Functions that a task ran.
    pub functions: usize,
}

impl Seen {
    /// Begins with what an earlier trace has seen.
    #[must_use]
    pub fn known(functions: impl Iterator<Item = (Address, u64)>) -> Self {
        let known = functions.map(|(address, all)| {
            let hits = Hits {
                all,
                ..Hits::default()
            };
            (plan::function_id(address), hits)
        });
        Self(Mutex::new(Inner {
            functions: known.collect(),
            ..Inner::default()
        }))
    }

    /// Takes a batch of a root call.
    pub fn batch(&self, batch: &Batch) {
        let mut inner = self.lock();
        let generation = u64::from(batch.header().early >> generation::SHIFT);
        for event in batch.events() {
            if event.kind() != Some(EventKind::Entry) {
                continue;
            }
            if event.depth == 0 {
                inner.root_calls(generation, 1);
            } else {
                let in_task = event.context() == Some(Context::Task);
                inner.entry(FunctionId(event.function), in_task);
            }
        }
    }

    /// So many root calls of a generation more have returned; the kernel has counted them.
    pub fn root_calls(&self, generation: u64, calls: u64) {
        if calls > 0 {
            self.lock().root_calls(generation, calls);
        }
    }

    /// So many calls of each function have been counted up to now, and whether a task ran it.
    pub fn counted(&self, functions: impl IntoIterator<Item = (FunctionId, u64, bool)>) {
        let mut inner = self.lock();
        for (function, calls, in_task) in functions {
            inner.counted(function, calls, in_task);
        }
    }

    /// How many root calls there were.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// What ran under the roots, with how often it was entered.
    pub fn functions(&self, kernel: &Kernel) -> BTreeMap<Address, u64> {
        self.functions_at(|id| kernel.whole(id.0))
    }

    fn functions_at(&self, whole: impl Fn(FunctionId) -> Address) -> BTreeMap<Address, u64> {
        let inner = self.lock();
        let known = inner.functions.iter();
        known.map(|(&id, hits)| (whole(id), hits.all)).collect()
    }

    /// How many root calls began in each generation.
    pub fn generations(&self) -> BTreeMap<u64, u64> {
        self.lock().generations.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in it can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn root_calls(&mut self, generation: u64, calls: u64) {
        self.counts.root_calls += calls;
        self.counts.quiet = self.counts.root_calls - self.news[1];
        *self.generations.entry(generation).or_default() += calls;
    }

    fn entry(&mut self, function: FunctionId, in_task: bool) {
        self.entries(function, 1, in_task);
    }

    fn counted(&mut self, function: FunctionId, calls: u64, in_task: bool) {
        let hits = self.functions.entry(function).or_default();
        let new = calls.saturating_sub(hits.counted);
        hits.counted += new;
        self.entries(function, new, in_task);
    }

    fn entries(&mut self, function: FunctionId, calls: u64, in_task: bool) {
        let hits = self.functions.entry(function).or_default();
        hits.all += calls;
        if in_task && calls > 0 {
            let is_new = hits.task == 0;
            hits.task += calls;
            if is_new {
                self.counts.functions += 1;
                self.news = [self.counts.root_calls, self.news[0]];
                self.counts.quiet = self.counts.root_calls - self.news[1];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tracer_common::{BatchHeader, Event};

    use super::*;

    fn entry(function: u32, depth: u8, context: Context) -> Event {
        Event {
            function,
            depth,
            kind_and_context: Event::pack(EventKind::Entry, context as u8),
            ..Event::default()
        }
    }

    fn batch(generation: u16, events: &[Event]) -> Batch {
        let header = BatchHeader {
            count: u16::try_from(events.len()).unwrap(),
            early: generation << generation::SHIFT,
            ..BatchHeader::default()
        };
        Batch::of(&header, events).unwrap()
    }

    #[test]
    fn what_a_task_runs_is_new_and_what_an_interrupt_runs_is_not() {
        let seen = Seen::known([(Address(0xffff_ffff_0000_0007), 5)].into_iter());
        let root = entry(1, 0, Context::Task);
        let new = |number| entry(number, 1, Context::Task);
        seen.batch(&batch(1, &[root, new(2), new(4)]));
        assert_eq!(seen.counts().quiet, 0);
        seen.batch(&batch(1, &[root, new(2)]));
        seen.batch(&batch(2, &[root, entry(3, 1, Context::HardIrq)]));
        let mut counts = Counts {
            root_calls: 3,
            quiet: 2,
            functions: 2,
        };
        assert_eq!(seen.counts(), counts);
        assert_eq!(seen.generations(), BTreeMap::from([(1, 2), (2, 1)]));
        // One straggler changes nothing, the second does.
        seen.batch(&batch(2, &[root, new(5)]));
        counts = Counts {
            root_calls: 4,
            quiet: 3,
            functions: 3,
        };
        assert_eq!(seen.counts(), counts);
        seen.batch(&batch(2, &[root, new(6)]));
        assert_eq!(seen.counts().quiet, 1);
        let low = |address: &Address| address.0 & 0xff;
        let functions = seen.functions_at(|id| Address(id.0.into()));
        let functions: Vec<u64> = functions.keys().map(low).collect();
        assert_eq!(functions, [2, 3, 4, 5, 6, 7]);
    }
}
