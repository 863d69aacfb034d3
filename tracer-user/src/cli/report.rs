//! `tracer report`, `tracer graph`, `tracer diff`: a recording in numbers.

use std::io::{self, BufWriter, Write};

use anyhow::{Result, bail};

use super::{
    args::{DiffArgs, GraphArgs, ReportArgs},
    collected::{UNRELATED, both, collect, collect_one, have_names, write},
    exit::{Exit, NotCalled, Usage},
    output::{self, Medium},
    page, replay,
};
use crate::{
    model::FunctionTable,
    summary::{CallTree, Diff, Report, Side},
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
    let collected = collect_one(&args.recording, &show, &functions, &mut report)?;
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
    let collected = collect_one(&args.recording, &show, &functions, &mut tree)?;
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
    have_names(&one, &other)?;
    let diff = Diff::new(&before, &after);
    if diff.is_unrelated() {
        bail!(Usage(UNRELATED.to_owned()));
    }
    print(|out| diff.write(out))?;
    Ok(both(&one, &other))
}

/// Writes to stdout.
fn print(fill: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>) -> Result<()> {
    write(output::open(None, Medium::Text)?, fill)
}
