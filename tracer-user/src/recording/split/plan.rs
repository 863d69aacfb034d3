//! Which root call goes to which part, and why there may be none: a root call belongs where it
//! began, and a part is a stretch of time.

use std::{
    io::{self, Read},
    path::PathBuf,
};

use thiserror::Error;

use crate::{
    exit_code::{Exit, HasExit},
    graph::Batch,
    model::Nanoseconds,
    recording::{Recording, steps::Step},
};

/// Parts that one recording can have: each is an open file.
pub const MOST_PARTS: u64 = 1000;

/// Why a recording cannot be split.
#[derive(Debug, Error)]
pub enum SplitError {
    /// There would be nothing in any part.
    #[error("no root call began in this time; those of the recording did {}", when(.0.as_ref()))]
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

fn when(span: Option<&Span>) -> String {
    span.map_or_else(|| "never".to_owned(), Span::to_string)
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

    /// How many parts there are; some may get no root call.
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

/// When the root call of a batch began.
pub(super) fn began(batch: &Batch) -> Nanoseconds {
    Nanoseconds(batch.header().root_time_ns)
}
