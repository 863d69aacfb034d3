//! `tracer report`, `tracer graph`, `tracer diff`: a recording in numbers.

use std::io::{self, Write};

use anyhow::{Context as _, Result, bail};

use super::{
    args::{DiffArgs, GraphArgs, ReportArgs},
    exit::{Exit, NotCalled, Usage},
    replay,
};
use crate::{
    plan::FunctionTable,
    session::{self, Readable, Show},
    summary::{CallTree, Collect, Collecting, Diff, Report, Side},
};

/// Each function in numbers.
pub fn report(args: &ReportArgs) -> Result<Exit> {
    let show = args.show.show()?;
    let functions = FunctionTable::default();
    let mut report = Report::new(&functions, show.text.sleep, args.order.group_by);
    let readable = collect(&args.recording, &show, &functions, &mut report)?;
    print(|out| report.write(args.order.sort, out))?;
    Ok(replay::exit(&readable))
}

/// All calls of one function as one tree.
pub fn graph(args: &GraphArgs) -> Result<Exit> {
    let show = args.show.show()?;
    let functions = FunctionTable::default();
    let mut tree = CallTree::new(&functions, &args.function, show.text.sleep);
    let readable = collect(&args.recording, &show, &functions, &mut tree)?;
    if tree.is_empty() {
        bail!(NotCalled(args.function.clone()));
    }
    print(|out| tree.write(out))?;
    Ok(replay::exit(&readable))
}

/// Two recordings side by side.
pub fn diff(args: &DiffArgs) -> Result<Exit> {
    let show = args.show.show()?;
    let tables = [FunctionTable::default(), FunctionTable::default()];
    let mut before = Side::new(&tables[0], show.text.sleep);
    let mut after = Side::new(&tables[1], show.text.sleep);
    let one = collect(&args.before, &show, &tables[0], &mut before)?;
    let other = collect(&args.after, &show, &tables[1], &mut after)?;
    let diff = Diff::new(before, after);
    if diff.is_unrelated() {
        bail!(Usage(
            "the recordings have no root in common, so there is nothing to compare; record the same function twice"
                .to_owned()
        ));
    }
    print(|out| diff.write(out))?;
    let whole = one.is_whole() && other.is_whole();
    Ok(if whole {
        Exit::Success
    } else {
        Exit::Recording
    })
}

/// Goes through a recording.
pub fn collect(
    path: &std::path::Path,
    show: &Show,
    functions: &FunctionTable,
    collector: &mut impl Collect,
) -> Result<Readable> {
    let recording = replay::open(path)?;
    let form = Box::new(Collecting(collector));
    let (_, readable) = session::replay::replay_into(show, recording, functions, form)?;
    Ok(readable)
}

/// Writes to stdout. A reader that has gone is no failure.
pub fn print(
    write: impl FnOnce(&mut io::BufWriter<io::StdoutLock<'_>>) -> io::Result<()>,
) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the output cannot be written")
        }
        _ => Ok(()),
    }
}
