//! The tracing thread's end: hands each root call that is kept to the metrics and to the queue of
//! the collector.
//!
//! The queue is bounded by the number of calls in it, as these are what takes memory; a root call
//! may be one or a hundred thousand. A live trace never waits here: what finds no room is dropped
//! and counted. A replay, which loses nothing by waiting, waits for room as long as the collector
//! takes anything.

use std::sync::Arc;

use nix::time::ClockId;
use rustc_hash::FxHashSet;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc::UnboundedSender, watch},
};

use super::{Sent, metrics::Adder};
use crate::{
    model::{FunctionId, FunctionInfo, FunctionTable, Nanoseconds, Node, RootCall, Trees},
    recording::Missed,
};

/// Calls that may wait for the collector, each of some 100 bytes.
pub const ROOM: u32 = 1 << 17;

/// A root call on its way.
pub struct Finished {
    /// The call.
    pub call: RootCall,
    /// Functions in it that were in none before.
    pub functions: Vec<(FunctionId, FunctionInfo)>,
    /// CLOCK_REALTIME less CLOCK_MONOTONIC when it was made, ns.
    pub offset_ns: u64,
    /// Its room in the queue, free again when it has gone.
    _room: OwnedSemaphorePermit,
}

/// Which moments the times of the trace are.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Of this host, now. Its clock of day may be set meanwhile, so it is asked for each root call.
    Live,
    /// As it was when the recording began: CLOCK_REALTIME less CLOCK_MONOTONIC, ns.
    Recorded(u64),
}

impl Clock {
    fn offset_ns(self) -> u64 {
        match self {
            Self::Live => {
                let of_day = Nanoseconds::of(ClockId::CLOCK_REALTIME);
                of_day.since(Nanoseconds::now()).0
            }
            Self::Recorded(offset_ns) => offset_ns,
        }
    }
}

/// What becomes of a root call when there is no room.
pub enum WhenFull {
    /// It is dropped.
    Drop,
    /// It waits, unless the collector is away.
    Wait {
        /// The waiting thread is no task of a runtime.
        runtime: Handle,
        /// Whether the collector is away.
        away: watch::Receiver<bool>,
    },
}

/// The way to the collector.
pub struct Queue {
    pub(super) sender: UnboundedSender<Finished>,
    pub(super) room: Arc<Semaphore>,
    pub(super) sent: Sent,
    pub(super) clock: Clock,
    pub(super) when_full: WhenFull,
    /// Functions that the other side knows.
    pub(super) known: FxHashSet<FunctionId>,
}

impl Queue {
    fn push(&mut self, call: RootCall, functions: &FunctionTable) {
        self.sent.given.inc();
        let size = u32::try_from(call.nodes.len()).unwrap_or(u32::MAX).max(1);
        let Some(room) = self.room(size) else {
            self.sent.dropped.inc();
            return;
        };
        let finished = Finished {
            functions: self.news(&call, functions),
            call,
            offset_ns: self.clock.offset_ns(),
            _room: room,
        };
        if self.sender.send(finished).is_err() {
            self.sent.dropped.inc();
        }
    }

    /// Room for a root call of so many calls; none if there is none, or if there will never be
    /// enough.
    fn room(&self, size: u32) -> Option<OwnedSemaphorePermit> {
        if size > ROOM {
            return None;
        }
        let room = Arc::clone(&self.room);
        match &self.when_full {
            WhenFull::Drop => room.try_acquire_many_owned(size).ok(),
            WhenFull::Wait { runtime, away } => {
                let mut away = away.clone();
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        room = room.acquire_many_owned(size) => room.ok(),
                        _ = away.wait_for(|&away| away) => None,
                    }
                })
            }
        }
    }

    /// What the other side has to be told of the functions.
    fn news(
        &mut self,
        call: &RootCall,
        functions: &FunctionTable,
    ) -> Vec<(FunctionId, FunctionInfo)> {
        let mut news = Vec::new();
        for node in &call.nodes {
            let id = match node {
                Node::Call(call) => call.function,
                Node::Mark(mark) => mark.event,
                Node::Gap { .. } => continue,
            };
            if !self.known.contains(&id)
                && let Some(info) = functions.get(id)
            {
                self.known.insert(id);
                news.push((id, info.clone()));
            }
        }
        news
    }
}

/// Takes the root calls that are kept. One that nobody wants them from does nothing.
#[derive(Default)]
pub struct Feed {
    pub(super) metrics: Option<Adder>,
    pub(super) queue: Option<Queue>,
}

impl Feed {
    /// How much of root calls is sent or counted.
    pub fn wants(&self) -> Trees {
        match self.queue {
            Some(_) => Trees::Whole,
            None => Trees::Roots,
        }
    }

    /// Takes one.
    pub fn root_call(&mut self, call: RootCall, functions: &FunctionTable) {
        if let Some(metrics) = &mut self.metrics {
            metrics.add(&call, functions);
        }
        if let Some(queue) = &mut self.queue {
            queue.push(call, functions);
        }
    }

    /// What is in no root call, up to now.
    pub fn missed(&self, missed: Missed) {
        if let Some(metrics) = &self.metrics {
            metrics.missed(missed);
        }
    }

    /// Whether that is counted.
    pub const fn wants_missed(&self) -> bool {
        self.metrics.is_some()
    }

    /// The filter has kept one back.
    pub fn filtered_out(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.filtered_out();
        }
    }
}
