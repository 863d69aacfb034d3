//! `tracer report --html`: one recording as a page, or two beside each other.

use anyhow::{Result, bail};

use super::{
    args::ReportArgs,
    collected::{self, Collected},
    exit::{Exit, Usage},
    output::{self, Medium},
    replay,
};
use crate::{
    model::FunctionTable,
    output::page::{Page, Recorded},
    pipeline::Show,
    summary::{Diff, Overview},
};

/// Makes the page.
pub fn page(args: &ReportArgs) -> Result<Exit> {
    let mut show = args.show.show()?;
    show.selection = args.select.selection()?;
    let tables = [FunctionTable::default(), FunctionTable::default()];
    let [mut one, mut other] = tables
        .each_ref()
        .map(|functions| Overview::new(functions, show.text.sleep));
    let first = collected::collect(&args.recording, &show, &tables[0], &mut one)?;
    let Some(after) = &args.after else {
        first.outcome.has_names()?;
        let exit = replay::exit(&first.readable);
        write(args, &show, &[recorded(&args.recording, first, &one)], None)?;
        return Ok(exit);
    };
    let second = collected::collect(after, &show, &tables[1], &mut other)?;
    collected::have_names(&first, &second)?;
    let diff = Diff::new(&one.side, &other.side);
    if diff.is_unrelated() {
        bail!(Usage(collected::UNRELATED.to_owned()));
    }
    let exit = collected::both(&first, &second);
    let recordings = [
        recorded(&args.recording, first, &one),
        recorded(after, second, &other),
    ];
    write(args, &show, &recordings, Some(diff))?;
    Ok(exit)
}

fn recorded<'a>(
    path: &std::path::Path,
    collected: Collected,
    overview: &'a Overview<'a>,
) -> Recorded<'a> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Recorded {
        file: Some(name.to_string_lossy().into_owned()),
        head: collected.head,
        filtered_out: collected.outcome.filtered_out,
        is_whole: collected.readable.is_whole(),
        overview,
    }
}

fn write(
    args: &ReportArgs,
    show: &Show,
    recordings: &[Recorded<'_>],
    diff: Option<Diff<'_>>,
) -> Result<()> {
    let page = Page {
        recordings,
        diff,
        sort: args.order.sort,
        text: show.text,
        capture: show.capture,
    };
    let out = output::open(args.output.as_deref(), Medium::File)?;
    collected::write(out, |out| page.write(out))
}
