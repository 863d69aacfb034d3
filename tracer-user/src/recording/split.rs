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

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write as _},
    path::PathBuf,
};

use thiserror::Error;

use super::{
    End, Ending, Frame, Head, Learning, Recording, Writer, columns::Collector, columns::Step, file,
    frame::Packer,
};
use crate::{
    exit_code::{Exit, HasExit},
    graph::{AttachedLate, Batch, Rebuilder},
    model::{FunctionId, FunctionTable, Interrupts, Nanoseconds, Totals, Trees},
};

/// Parts that one recording can have: each is an open file.
pub const MOST_PARTS: u64 = 1000;
/// Events that make a frame if there is one part, and the fewest that do.
const FRAME_EVENTS: (u64, u64) = (1 << 16, 1 << 10);
/// Passes over the rings in a row that a reader can tell apart: after two, nothing waits.
const PASSES: u32 = 2;

/// Why a recording cannot be split.
#[derive(Debug, Error)]
pub enum SplitError {
    /// There would be nothing in any part.
    #[error("no root call began in this time; those of the recording did {}", .0.as_ref().map_or_else(|| "never".to_owned(), Span::to_string))]
    Nothing(Option<Span>),
    /// There would be too many parts.
    #[error(
        "that makes {0} parts, and there can be {MOST_PARTS}: take longer ones, or less of the \
         recording with --from and --to"
    )]
    TooMany(u64),
    /// A file cannot be made or written.
    #[error("`{}` cannot be written: {error}", path.display())]
    Write {
        /// Its name.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The recording cannot be read on.
    #[error("the recording cannot be read on: {0}")]
    Read(io::Error),
}

impl HasExit for SplitError {
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Nothing(_) | Self::TooMany(_) => Exit::Usage,
            Self::Write { .. } => Exit::Output,
            Self::Read(_) => Exit::Recording,
        })
    }
}

/// When the first and the last root call of a recording began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: Nanoseconds,
    /// The last.
    pub last: Nanoseconds,
}

impl std::fmt::Display for Span {
    #[allow(clippy::cast_precision_loss, reason = "it is read by people")]
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = |time: Nanoseconds| time.0 as f64 / 1e9;
        let (first, last) = (seconds(self.first), seconds(self.last));
        write!(out, "from {first:.6} to {last:.6} s")
    }
}

impl Span {
    /// That of a recording, which is read to its end.
    pub fn of(mut recording: Recording<impl Read>) -> Result<Option<Self>, SplitError> {
        recording.is_quiet = true;
        let mut span: Option<Self> = None;
        while let Some(data) = recording.next_data().map_err(SplitError::Read)? {
            for step in data.steps() {
                let Step::Batch(batch) = step else { continue };
                let began = began(&batch);
                let (first, last) = span.map_or((began, began), |it| (it.first, it.last));
                span = Some(Self {
                    first: first.min(began),
                    last: last.max(began),
                });
            }
        }
        Ok(span)
    }
}

/// How a time is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Into so many parts of the same length.
    Parts(u64),
    /// Into parts of this length.
    Every(Nanoseconds),
}

/// Which root call goes to which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    begin: u64,
    end: u64,
    length: u64,
}

impl Plan {
    /// Parts of the time between `from` and `to`, from the first root call in it on.
    pub fn new(
        span: Option<Span>,
        from: Option<Nanoseconds>,
        to: Option<Nanoseconds>,
        cut: Cut,
    ) -> Result<Self, SplitError> {
        let Some(Span { first, last }) = span else {
            return Err(SplitError::Nothing(None));
        };
        let begin = from.map_or(first, |from| from.max(first)).0;
        let after = last.0.saturating_add(1);
        let end = to.map_or(after, |to| to.0.min(after));
        if begin >= end {
            return Err(SplitError::Nothing(span));
        }
        let length = match cut {
            Cut::Parts(parts) => (end - begin).div_ceil(parts.max(1)),
            Cut::Every(length) => length.0.max(1),
        };
        let plan = Self { begin, end, length };
        match plan.parts() {
            parts if parts > MOST_PARTS => Err(SplitError::TooMany(parts)),
            _ => Ok(plan),
        }
    }

    /// How many parts there are, some of which may get no root call.
    #[must_use]
    pub const fn parts(&self) -> u64 {
        (self.end - self.begin).div_ceil(self.length)
    }

    /// The part of a root call that began then, the first is 0; none for one that is in no part.
    #[must_use]
    pub fn part_of(&self, began: Nanoseconds) -> Option<u64> {
        let is_in = (self.begin..self.end).contains(&began.0);
        is_in.then(|| (began.0 - self.begin) / self.length)
    }
}

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

fn began(batch: &Batch) -> Nanoseconds {
    Nanoseconds(batch.header().root_time_ns)
}
