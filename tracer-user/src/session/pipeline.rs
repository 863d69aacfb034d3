//! From batches to what is printed, wherever the batches come from.
//!
//! The rings of a live trace are one source, a recording is the other. All that the graph is made
//! of passes here in the order in which it came: the batches, and the word that every ring has been
//! read once more, without which a late batch could not be told from a lost one. What passes here
//! can be recorded here, so a recording brings the same again and makes the same graph.

use std::{io, sync::Arc};

use bytes::Bytes;
use tracer_common::CpuCounters;

use super::{
    printer::Printer,
    profiling::{Profiled, Profiling},
    recorder::Recorder,
};
use crate::{
    graph::{Rebuilder, Totals},
    learn::{
        growth::{Sampled, Untraced},
        wide::Seen,
    },
    recording::Ending,
    stream::Batch,
};

/// Rebuilds and prints, and records if asked to.
pub struct Pipeline<'a> {
    rebuilder: Rebuilder,
    printer: Printer<'a>,
    recorder: Option<Recorder<'a>>,
    seen: Option<Arc<Seen>>,
    sampled: Option<Sampled>,
    profiling: Option<Profiling<'a>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Finished {
    /// Sums over what was printed.
    pub totals: Totals,
    /// Root calls that the filter kept back.
    pub filtered_out: u64,
    /// Root calls of which nothing came, because a ring was full.
    pub unseen: u64,
    /// What the kernel counted of functions, if it did.
    pub profiled: Option<Profiled>,
    /// Whether the output took all.
    pub printed: io::Result<()>,
    /// Whether the recording took all.
    pub recorded: io::Result<()>,
}

impl<'a> Pipeline<'a> {
    /// Nothing has come yet. Of root calls that nothing looks at, as while a trace is only
    /// recorded, no trees are kept.
    pub fn new(rebuilder: Rebuilder, printer: Printer<'a>, recorder: Option<Recorder<'a>>) -> Self {
        Self {
            rebuilder: rebuilder.with_trees(printer.wants()),
            printer,
            recorder,
            seen: None,
            sampled: None,
            profiling: None,
        }
    }

    /// Nothing comes: functions are counted in the kernel, and this reads them.
    pub fn set_profiling(&mut self, profiling: Option<Profiling<'a>>) {
        self.profiling = profiling;
    }

    /// What root calls bring is told there, too.
    #[must_use]
    pub fn with_seen(mut self, seen: Option<Arc<Seen>>) -> Self {
        self.seen = seen;
        self
    }

    /// Root calls are told there, too.
    #[must_use]
    pub fn with_sampled(mut self, sampled: Option<Sampled>) -> Self {
        self.sampled = sampled;
        self
    }

    /// What ran and was not traced: it is said at the end.
    pub const fn untraced(&mut self, untraced: Untraced) {
        self.printer.untraced(untraced);
    }

    /// Takes the bytes of a batch. Bytes that are none are left out, with a word to the user.
    pub fn take(&mut self, bytes: Bytes) {
        match Batch::new(bytes) {
            Ok(batch) => self.batch(batch),
            Err(error) => eprintln!("tracer: {error}; it was left out"),
        }
    }

    /// Takes a batch.
    pub fn batch(&mut self, batch: Batch) {
        if self.is_done() {
            return;
        }
        if let Some(seen) = &self.seen {
            seen.batch(&batch);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.batch(&batch);
        }
        self.rebuilder.push(batch, &mut |call| {
            if let Some(sampled) = &self.sampled {
                sampled.root_call(&call);
            }
            self.printer.print(call);
        });
    }

    /// Every ring has been read to its end once more.
    pub fn pass(&mut self) {
        if let Some(profiling) = &mut self.profiling {
            profiling.tick();
        }
        if let Some(recorder) = &mut self.recorder {
            if self.rebuilder.waits() {
                recorder.pass();
            }
            recorder.tick();
        }
        self.rebuilder.pass(&mut |call| {
            if let Some(sampled) = &self.sampled {
                sampled.root_call(&call);
            }
            self.printer.print(call);
        });
    }

    /// Writes the recording that waits to be asked for.
    pub fn save(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.save();
        }
    }

    /// Makes sure that what was printed is out.
    pub fn flush(&mut self) {
        self.printer.flush();
    }

    /// Whether nothing more will be printed, or nothing more can be recorded.
    pub fn is_done(&self) -> bool {
        self.printer.is_done()
            || self.recorder.as_ref().is_some_and(Recorder::is_done)
            || self.profiling.as_ref().is_some_and(Profiling::is_done)
    }

    /// What is still open is not to be printed.
    pub fn forget_open(&mut self) {
        self.rebuilder.forget();
    }

    /// Prints what is still open, and ends the recording with the kernel side's counters.
    pub fn finish(mut self, counters: CpuCounters) -> Finished {
        let ending = if self.printer.is_done() {
            Ending::Enough
        } else {
            Ending::Stopped
        };
        let recorded = self
            .recorder
            .map_or(Ok(()), |recorder| recorder.finish(ending, counters));
        if ending != Ending::Enough {
            self.rebuilder.finish(&mut |call| self.printer.print(call));
        }
        // What was not looked at any more is not missed.
        let unseen = if ending == Ending::Enough {
            0
        } else {
            let seen = self.rebuilder.without_beginning();
            counters.lost_beginnings.saturating_sub(seen)
        };
        let (mut totals, filtered_out, mut printed) = self.printer.finish();
        totals.not_kept += self.rebuilder.not_kept();
        let mut profiled = None;
        if let Some(profiling) = self.profiling {
            let (counted, written) = profiling.finish();
            totals.whole_calls = counted.root_calls();
            profiled = Some(counted);
            printed = printed.and(written);
        }
        Finished {
            totals,
            filtered_out,
            unseen,
            profiled,
            printed,
            recorded,
        }
    }
}
