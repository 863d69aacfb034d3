//! Recordings that are gone through for their sums: what the table, the tree, the comparison and
//! the page begin with, and how their output is written.

use std::{
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{exit::Exit, replay};
use crate::{
    model::FunctionTable,
    pipeline::{Outcome, Show, replay::replay_into},
    recording::{Head, Readable, Recording},
    summary::{Collect, Collecting},
};

/// The exit code for so much of two recordings.
pub fn both(one: &Collected, other: &Collected) -> Exit {
    let whole = one.readable.is_whole() && other.readable.is_whole();
    if whole {
        Exit::Success
    } else {
        Exit::Recording
    }
}

/// Why two recordings cannot be compared.
pub const UNRELATED: &str = "the recordings have no root in common, so there is nothing to compare; record the same function twice";

/// What is known of a recording that was gone through.
pub struct Collected {
    /// Where it was made.
    pub head: Head,
    /// What was shown of it.
    pub outcome: Outcome,
    /// How much of it could be read.
    pub readable: Readable,
}

/// Goes through a recording that must have all functions that are asked for by name.
pub fn collect_one(
    path: &Path,
    show: &Show,
    functions: &FunctionTable,
    collector: &mut impl Collect,
) -> Result<Collected> {
    collect_opened(replay::open_with_bar(path)?, show, functions, collector)
}

/// The same of one that was opened.
pub fn collect_opened(
    recording: Recording<impl Read>,
    show: &Show,
    functions: &FunctionTable,
    collector: &mut impl Collect,
) -> Result<Collected> {
    let collected = go_through(recording, show, functions, collector)?;
    collected.outcome.has_names()?;
    Ok(collected)
}

/// Whether one of two recordings has each function that is asked for by name: the other may be of
/// before it was there.
pub fn have_names(one: &Collected, other: &Collected) -> Result<()> {
    let missing = &other.outcome.not_recorded;
    let mut missing = missing.iter().filter(|missing| {
        let mut also = one.outcome.not_recorded.iter();
        also.any(|one| (one.option, &one.name) == (missing.option, &missing.name))
    });
    missing
        .next()
        .map_or(Ok(()), |missing| Err(missing.clone().into()))
}

/// Goes through a recording.
pub fn collect(
    path: &Path,
    show: &Show,
    functions: &FunctionTable,
    collector: &mut impl Collect,
) -> Result<Collected> {
    go_through(replay::open_with_bar(path)?, show, functions, collector)
}

fn go_through(
    recording: Recording<impl Read>,
    show: &Show,
    functions: &FunctionTable,
    collector: &mut impl Collect,
) -> Result<Collected> {
    let head = recording.head.clone();
    let form = Box::new(Collecting(collector));
    let (outcome, readable) = replay_into(show, recording, functions, form)?;
    Ok(Collected {
        head,
        outcome,
        readable,
    })
}

/// Writes the whole of an output. A reader that has gone is no failure.
pub fn write(
    out: Box<dyn Write + Send>,
    fill: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>,
) -> Result<()> {
    let mut out = BufWriter::new(out);
    match fill(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the output cannot be written")
        }
        _ => Ok(()),
    }
}
