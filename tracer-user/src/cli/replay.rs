//! `tracer replay`: a recording instead of the kernel. Needs neither root nor the kernel that was
//! traced.

use std::{fs::File, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressBarIter, ProgressFinish, ProgressStyle};

use super::{
    args::ReplayArgs,
    exit::{Exit, Usage},
    output,
};
use crate::{
    export::Outlets,
    pipeline::replay_to,
    recording::{Readable, Recording, RecordingError},
};

/// What is read in less than a second, bytes.
const AT_ONCE: u64 = 16 << 20;

/// Prints a recording.
pub fn run(args: &ReplayArgs) -> Result<Exit> {
    let mut show = args.show.show(args.output.as_deref())?;
    show.selection = args.select.selection()?;
    let recording = open(&args.recording)?;
    if let Some(output) = &args.output {
        refuse_same(&args.recording, output)?;
    }
    let out = output::open(args.output.as_deref(), show.result)?;
    let outlets = Outlets {
        collector: args.collector.otlp.clone(),
        scrapers: None,
    };
    let (outcome, readable, delivered) = replay_to(&show, recording, out, outlets)?;
    outcome.has_names()?;
    Ok(match exit(&readable) {
        // Nothing held it up, and it was what was asked for.
        Exit::Success if delivered.is_some_and(|it| it.dropped > 0) => Exit::Output,
        exit => exit,
    })
}

/// Opens a recording, and reads as much of it as shows that it is one.
pub fn open(path: &Path) -> Result<Recording<File>> {
    let file = File::open(path).map_err(RecordingError::from);
    file.and_then(Recording::open)
        .with_context(|| unusable(path))
}

/// Opens a recording of which nothing is shown before it is read to its end: on a terminal a bar
/// says how far that is.
pub fn open_with_bar(path: &Path) -> Result<Recording<ProgressBarIter<File>>> {
    let file = File::open(path).map_err(RecordingError::from);
    file.and_then(|file| {
        let bytes = file.metadata()?.len();
        Recording::open(bar(bytes).wrap_read(file))
    })
    .with_context(|| unusable(path))
}

fn unusable(path: &Path) -> String {
    format!("`{}` cannot be used as a recording", path.display())
}

/// A bar for so many bytes; none for those that take less than a second.
fn bar(bytes: u64) -> ProgressBar {
    if bytes < AT_ONCE {
        return ProgressBar::hidden();
    }
    // Draws on a terminal only.
    let bar = ProgressBar::new(bytes).with_finish(ProgressFinish::AndClear);
    match ProgressStyle::with_template(
        "tracer: reading {bar:30} {binary_bytes}/{binary_total_bytes}",
    ) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// An output that is the recording itself would destroy it.
pub fn refuse_same(recording: &Path, output: &Path) -> Result<()> {
    let of = |path: &Path| path.metadata().map(|facts| (facts.dev(), facts.ino()));
    match (of(recording), of(output)) {
        (Ok(recording), Ok(output)) if recording == output => bail!(Usage(
            "-o names the recording itself; give it another file".to_owned()
        )),
        _ => Ok(()),
    }
}

/// The exit code for so much of a recording.
pub fn exit(readable: &Readable) -> Exit {
    if readable.is_whole() {
        Exit::Success
    } else {
        Exit::Recording
    }
}
