//! One recording becomes several, each root call in the part in whose time it began.
//!
//! Batches are copied as they are: each says in its header when its root call began, and so to
//! which part it goes, wherever it stands in the file. No root call is cut in two, and a replay of
//! a part shows its root calls as a replay of the whole does. Two things are not the same. What the
//! kernel counted for the whole trace (root calls lost whole, hits that it skipped) is in no part.
//! And a root call whose exit was lost ends with its part, where the next one of its task, which
//! tells that, is in another.
//!
//! Memory: a frame for each part, and the smaller the more parts there are.

mod plan;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write as _},
    path::PathBuf,
};

use super::{
    End, Ending, Frame, Head, Learning, Recording, Writer, columns::Collector, file, frame::Packer,
    steps::Step,
};
use crate::{
    graph::{AttachedLate, Batch, Rebuilder},
    model::{FunctionId, FunctionTable, Interrupts, Totals, Trees},
};
use plan::began;
pub use plan::{Cut, MOST_PARTS, Plan, Span, SplitError};

/// Events that make a frame if there is one part, and the fewest that do.
const FRAME_EVENTS: (u64, u64) = (1 << 16, 1 << 10);
/// Passes over the rings in a row that a reader can tell apart: after two, nothing waits.
const PASSES: u32 = 2;

/// What went where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The files, with what is in each.
    pub written: Vec<(PathBuf, Totals)>,
    /// What is in none of them.
    pub outside: Totals,
}

/// Writes the parts of a recording to new files. Says how many root calls each has; if it fails,
/// none of the files is there.
pub fn split(
    recording: &mut Recording<impl Read>,
    plan: Plan,
    name: impl Fn(u64) -> PathBuf,
) -> Result<Parts, SplitError> {
    let functions = FunctionTable::default();
    let mut splitter = Splitter {
        plan,
        name,
        head: recording.head.clone(),
        functions: &functions,
        attached_late: AttachedLate::default(),
        packer: Packer::new().map_err(SplitError::Read)?,
        parts: BTreeMap::new(),
    };
    let done = splitter.read(recording);
    if done.is_err() {
        for part in splitter.parts.into_values() {
            part.remove();
        }
    }
    done
}

struct Splitter<'a, N> {
    plan: Plan,
    name: N,
    head: Head,
    functions: &'a FunctionTable,
    attached_late: AttachedLate,
    packer: Packer,
    /// The one without a number is of what is in no part.
    parts: BTreeMap<Option<u64>, Part>,
}

/// A part, and what a replay of it says of its root calls.
struct Part {
    file: Option<(PathBuf, File)>,
    collector: Collector,
    rebuilder: Rebuilder,
    totals: Totals,
    /// Passes since its last batch.
    passes: u32,
}

impl<N: Fn(u64) -> PathBuf> Splitter<'_, N> {
    fn read(&mut self, recording: &mut Recording<impl Read>) -> Result<Parts, SplitError> {
        let mut learning = Learning::new(self.functions, &self.attached_late);
        while let Some(data) = recording.next_data().map_err(SplitError::Read)? {
            learning.learn(&data);
            for step in data.steps() {
                match step {
                    Step::Batch(batch) => self.batch(batch)?,
                    Step::Pass => self.parts.values_mut().for_each(Part::pass),
                }
            }
        }
        let end = recording.readable.end.unwrap_or_default();
        self.finish(end.ending)
    }

    fn batch(&mut self, batch: Batch) -> Result<(), SplitError> {
        let number = self.plan.part_of(began(&batch));
        if !self.parts.contains_key(&number) {
            let file = number.map(|number| self.begin(number)).transpose()?;
            let part = Part::new(file, &self.attached_late);
            self.parts.insert(number, part);
        }
        let (most, fewest) = FRAME_EVENTS;
        let many = (most / self.plan.parts().max(1)).max(fewest);
        let Some(part) = self.parts.get_mut(&number) else {
            return Ok(());
        };
        part.batch(batch);
        if part.collector.events() as u64 >= many {
            part.write(self.functions, &self.attached_late, &mut self.packer)?;
        }
        Ok(())
    }

    /// A new file with a head.
    fn begin(&mut self, number: u64) -> Result<(PathBuf, File), SplitError> {
        let path = (self.name)(number);
        let head = Frame::Head(self.head.clone());
        let mut begin = || {
            let file = file::create_new(&path)?;
            let mut file = Writer::new(file)?.into_inner();
            file.write_all(&self.packer.pack(&head)?)?;
            Ok(file)
        };
        match begin() {
            Ok(file) => Ok((path, file)),
            Err(error) => Err(SplitError::Write { path, error }),
        }
    }

    fn finish(&mut self, ending: Ending) -> Result<Parts, SplitError> {
        let ending = match ending {
            Ending::Enough => Ending::Enough,
            Ending::Stopped | Ending::Full => Ending::Stopped,
        };
        let mut done = Parts::default();
        for part in self.parts.values_mut() {
            part.end(ending);
            part.write(self.functions, &self.attached_late, &mut self.packer)?;
            let end = Frame::End(End {
                ending,
                ..End::default()
            });
            part.put(&end, &mut self.packer)?;
            match &part.file {
                Some((path, file)) => {
                    // What is no file on a disk has nothing to be synchronised.
                    let _ = file.sync_data();
                    done.written.push((path.clone(), part.totals));
                }
                None => done.outside = part.totals,
            }
        }
        Ok(done)
    }
}

impl Part {
    fn new(file: Option<(PathBuf, File)>, attached_late: &AttachedLate) -> Self {
        Self {
            file,
            // What is counted from the beginning of the text already is not counted anew.
            collector: Collector::counting_from(FunctionId(0)),
            rebuilder: Rebuilder::new(Interrupts::default())
                .with_trees(Trees::Roots)
                .with_attached_late(attached_late.clone()),
            totals: Totals::default(),
            passes: 0,
        }
    }

    fn batch(&mut self, batch: Batch) {
        if self.file.is_some() {
            self.collector.batch(&batch);
        }
        self.passes = 0;
        let totals = &mut self.totals;
        self.rebuilder.push(batch, &mut |call| totals.add(&call));
    }

    fn pass(&mut self) {
        if self.passes < PASSES {
            self.passes += 1;
            self.collector.pass();
            let totals = &mut self.totals;
            self.rebuilder.pass(&mut |call| totals.add(&call));
        }
    }

    fn end(&mut self, ending: Ending) {
        let totals = &mut self.totals;
        match ending {
            Ending::Enough => self.rebuilder.forget(),
            Ending::Stopped | Ending::Full => {
                self.rebuilder.finish(&mut |call| totals.add(&call));
            }
        }
    }

    fn write(
        &mut self,
        functions: &FunctionTable,
        attached_late: &AttachedLate,
        packer: &mut Packer,
    ) -> Result<(), SplitError> {
        if self.file.is_none() || self.collector.steps() == 0 {
            return Ok(());
        }
        let data = self.collector.take(functions, attached_late);
        self.put(&Frame::of_data(data), packer)
    }

    fn put(&mut self, frame: &Frame, packer: &mut Packer) -> Result<(), SplitError> {
        let Some((path, file)) = &mut self.file else {
            return Ok(());
        };
        let written = packer.pack(frame).and_then(|bytes| file.write_all(&bytes));
        written.map_err(|error| SplitError::Write {
            path: path.clone(),
            error,
        })
    }

    fn remove(self) {
        if let Some((path, _)) = self.file {
            let _ = fs::remove_file(path);
        }
    }
}
