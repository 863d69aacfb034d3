//! From batches to what is printed, wherever the batches come from.
//!
//! The rings of a live trace are one source, a recording is the other. All that the graph is made
//! of passes here in the order in which it came: the batches, and the word that every ring has been
//! read once more, without which a late batch could not be told from a lost one. What passes here
//! can be recorded here, so a recording brings the same again and makes the same graph.

mod asked;
mod outcome;
mod printer;
pub mod replay;
mod show;
pub mod told;

use std::io;

use bytes::Bytes;
use tracer_common::CpuCounters;

pub use asked::Asked;
pub use outcome::Outcome;
pub use printer::Printer;
pub use replay::{replay, replay_to};
pub use show::{Show, Shown};

use crate::{
    graph::{Batch, Rebuilder},
    model::{RootCall, Skipped, Totals, Untraced},
    recording::{Ending, Missed, Recorder},
};

/// Rebuilds and prints, and records if asked to.
pub struct Pipeline<'a> {
    rebuilder: Rebuilder,
    printer: Printer<'a>,
    recorder: Option<Recorder<'a>>,
    observers: Vec<Box<dyn Observe + 'a>>,
}

/// Sees what passes.
pub trait Observe {
    /// A batch came.
    fn batch(&self, batch: &Batch);

    /// A root call is complete; the filter has not seen it yet.
    fn root_call(&self, call: &RootCall);
}

/// Nobody sees anything if there is none.
impl<O: Observe> Observe for Option<O> {
    fn batch(&self, batch: &Batch) {
        if let Some(observer) = self {
            observer.batch(batch);
        }
    }

    fn root_call(&self, call: &RootCall) {
        if let Some(observer) = self {
            observer.root_call(call);
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Finished {
    /// Sums over what was printed.
    pub totals: Totals,
    /// Root calls that the filter kept back.
    pub filtered_out: u64,
    /// Root calls of which nothing came, because a ring was full, and what the kernel skipped.
    pub missed: Missed,
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
            observers: Vec::new(),
        }
    }

    /// `observer` sees what passes.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observe + 'a) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// What ran and was not traced: it is said at the end.
    pub const fn untraced(&mut self, untraced: Untraced) {
        self.printer.untraced(untraced);
    }

    /// Takes the bytes of a batch. Bytes that are none are skipped, with a word to the user.
    pub fn take(&mut self, bytes: Bytes) {
        match Batch::new(bytes) {
            Ok(batch) => self.batch(batch),
            Err(error) => eprintln!("tracer: {error}; it was skipped"),
        }
    }

    /// Takes a batch.
    pub fn batch(&mut self, batch: Batch) {
        if self.is_done() {
            return;
        }
        for observer in &self.observers {
            observer.batch(&batch);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.batch(&batch);
        }
        self.rebuilder.push(batch, &mut |call| {
            for observer in &self.observers {
                observer.root_call(&call);
            }
            self.printer.print(call);
        });
    }

    /// Every ring has been read to its end once more.
    pub fn pass(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            if self.rebuilder.waits() {
                recorder.pass();
            }
            recorder.tick();
        }
        self.rebuilder.pass(&mut |call| {
            for observer in &self.observers {
                observer.root_call(&call);
            }
            self.printer.print(call);
        });
    }

    /// Writes the recording that waits to be asked for.
    pub fn save(&mut self, counters: CpuCounters, skipped: [Skipped; 2]) {
        let missed = self.missed(counters, skipped);
        if let Some(recorder) = &mut self.recorder {
            recorder.save(counters, missed);
        }
    }

    /// Tells who counts root calls what is in none, up to now.
    pub fn tell_missed(&self, counters: CpuCounters, skipped: [Skipped; 2]) {
        self.printer.missed(self.missed(counters, skipped));
    }

    /// Whether anybody counts that while the trace goes on.
    pub const fn wants_missed(&self) -> bool {
        self.printer.wants_missed()
    }

    fn missed(&self, counters: CpuCounters, [roots, below]: [Skipped; 2]) -> Missed {
        let seen = self.rebuilder.without_beginning();
        Missed {
            lost_whole: counters.lost_beginnings.saturating_sub(seen),
            roots: roots.into(),
            below: below.into(),
        }
    }

    /// Makes sure that what was printed is out, and shows what is open where that is wanted.
    pub fn flush(&mut self) {
        if self.printer.wants_open() {
            self.printer.open_calls(self.rebuilder.open_calls());
        }
        self.printer.flush();
    }

    /// Whether nothing more will be printed, or nothing more can be recorded.
    pub fn is_done(&self) -> bool {
        self.printer.is_done() || self.recorder.as_ref().is_some_and(Recorder::is_done)
    }

    /// What is still open is not to be printed.
    pub fn forget_open(&mut self) {
        self.rebuilder.forget();
    }

    /// Prints what is still open, and ends the recording with the kernel side's counters and what
    /// the kernel has skipped of the roots and of what is below.
    pub fn finish(mut self, counters: CpuCounters, skipped: [Skipped; 2]) -> Finished {
        let ending = if self.printer.is_done() {
            Ending::Enough
        } else {
            Ending::Stopped
        };
        if ending != Ending::Enough {
            self.rebuilder.finish(&mut |call| self.printer.print(call));
        }
        let mut missed = self.missed(counters, skipped);
        if ending == Ending::Enough {
            // What was not looked at any more is not missed.
            missed.lost_whole = 0;
        }
        let recorded = self
            .recorder
            .map_or(Ok(()), |recorder| recorder.finish(ending, counters, missed));
        let (mut totals, filtered_out, printed) = self.printer.finish();
        totals.not_kept += self.rebuilder.not_kept();
        Finished {
            totals,
            filtered_out,
            missed,
            printed,
            recorded,
        }
    }
}
