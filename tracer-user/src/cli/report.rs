//! `tracer report`, `tracer graph`, `tracer diff`: a recording in numbers.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use super::{
    args::{DiffArgs, GraphArgs, ReportArgs},
    exit::{Exit, NotCalled, Usage},
    output::{self, Medium},
    page, replay,
};
use crate::{
    model::FunctionTable,
    pipeline::{Outcome, Show, replay::replay_into},
    recording::{Head, Readable},
    summary::{CallTree, Collect, Collecting, Diff, Report, Side},
};

/// Each function in numbers, or a page.
pub fn report(args: &ReportArgs) -> Result<Exit> {
    if let Some(output) = &args.output {
        let recordings = [Some(&args.recording), args.after.as_ref()];
        let mut recordings = recordings.into_iter().flatten();
        recordings.try_for_each(|recording| replay::refuse_same(recording, output))?;
    }
    if args.html {
        return page::page(args);
    }
    let mut show = args.show.show()?;
    show.selection = args.select.selection()?;
    let functions = FunctionTable::default();
    let mut report = Report::new(&functions, show.text.sleep, args.order.group_by);
    let collected = collect(&args.recording, &show, &functions, &mut report)?;
    let out = output::open(args.output.as_deref(), Medium::Text)?;
    write(out, |out| report.write(args.order.sort, out))?;
    Ok(replay::exit(&collected.readable))
}

/// All calls of one function as one tree.
pub fn graph(args: &GraphArgs) -> Result<Exit> {
    let mut show = args.show.show()?;
    show.selection = args.select.selection()?;
    let functions = FunctionTable::default();
    let mut tree = CallTree::new(&functions, &args.function, show.text.sleep);
    let collected = collect(&args.recording, &show, &functions, &mut tree)?;
    if tree.is_empty() {
        bail!(NotCalled(args.function.clone()));
    }
    print(|out| tree.write(out))?;
    Ok(replay::exit(&collected.readable))
}

/// Two recordings side by side.
pub fn diff(args: &DiffArgs) -> Result<Exit> {
    let mut show = args.show.show()?;
    show.selection = args.select.selection()?;
    let tables = [FunctionTable::default(), FunctionTable::default()];
    let mut before = Side::new(&tables[0], show.text.sleep);
    let mut after = Side::new(&tables[1], show.text.sleep);
    let one = collect(&args.before, &show, &tables[0], &mut before)?;
    let other = collect(&args.after, &show, &tables[1], &mut after)?;
    let diff = Diff::new(&before, &after);
    if diff.is_unrelated() {
        bail!(Usage(UNRELATED.to_owned()));
    }
    print(|out| diff.write(out))?;
    Ok(both(&one, &other))
}

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

/// Goes through a recording.
pub fn collect(
    path: &Path,
    show: &Show,
    functions: &FunctionTable,
    collector: &mut impl Collect,
) -> Result<Collected> {
    let recording = replay::open_with_bar(path)?;
    let head = recording.head.clone();
    let form = Box::new(Collecting(collector));
    let (outcome, readable) = replay_into(show, recording, functions, form)?;
    Ok(Collected {
        head,
        outcome,
        readable,
    })
}

/// Writes to stdout.
fn print(fill: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>) -> Result<()> {
    write(output::open(None, Medium::Text)?, fill)
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
