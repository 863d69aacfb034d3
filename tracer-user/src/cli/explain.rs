//! `tracer explain`: what the slow or failed root calls of a recording do that the others do not.
//!
//! Without a recording a trace is recorded, to a file that goes with it: which calls are slow is
//! not known before the last one has ended.

use std::path::Path;

use anyhow::{Context as _, Result};

#[cfg(feature = "live")]
use super::running::run_trace;
use super::{
    args::ExplainArgs,
    collected::{Collected, collect_opened, write},
    exit::Exit,
    output::{self, Medium},
    replay,
};
use crate::{
    model::FunctionTable,
    pipeline::{Show, replay::glance},
    summary::{Condition, Durations, Explain},
};
#[cfg(feature = "live")]
use crate::{recording::target::Target, session::Outputs};

/// Explains some root calls.
#[cfg(feature = "live")]
pub fn run(args: &ExplainArgs) -> Result<Exit> {
    let mut show = args.show.show()?;
    if let Some(path) = &args.recording {
        show.selection = args.selection()?;
        return recorded(path, show);
    }
    let condition = Condition::take(&mut show.filter);
    let options = args.capture.options(show.clone())?;
    let unwritable = "the trace cannot be recorded in the directory for temporary files (TMPDIR)";
    let file = tempfile::Builder::new()
        .prefix("tracer-")
        .tempfile()
        .context(unwritable)?;
    let recording = file.reopen().context(unwritable)?;
    let export = args.capture.export.outlets()?;
    run_trace(&options, || {
        Ok(Outputs {
            graph: None,
            recording: Some(Target::File {
                file: recording,
                limit: None,
            }),
            export,
            view: None,
        })
    })?;
    // Whose arguments are as asked for was decided before anything was recorded.
    show.filter.entered = None;
    // The trace has said how it went.
    explain(file.path(), &show, condition, true)?;
    Ok(Exit::Success)
}

/// Explains some root calls of a recording.
#[cfg(not(feature = "live"))]
pub fn run(args: &ExplainArgs) -> Result<Exit> {
    let mut show = args.show.show()?;
    show.selection = args.select.selection()?;
    recorded(&args.recording, show)
}

fn recorded(path: &Path, mut show: Show) -> Result<Exit> {
    let condition = Condition::take(&mut show.filter);
    let collected = explain(path, &show, condition, false)?;
    Ok(replay::exit(&collected.readable))
}

fn explain(
    path: &Path,
    show: &Show,
    mut condition: Condition,
    is_quiet: bool,
) -> Result<Collected> {
    if condition.is_empty() {
        let mut durations = Durations::default();
        let recording = replay::open_with_bar(path)?;
        glance(show, recording, &mut durations).context("the recording cannot be read on")?;
        condition.slower_than = durations.threshold();
    }
    let functions = FunctionTable::default();
    let mut explain = Explain::new(&functions, condition);
    let mut recording = replay::open_with_bar(path)?;
    recording.is_quiet = is_quiet;
    let collected = collect_opened(recording, show, &functions, &mut explain)?;
    let out = output::open(None, Medium::Text)?;
    write(out, |out| explain.write(out))?;
    Ok(collected)
}
