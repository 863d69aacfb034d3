//! `tracer explain`: what the slow or failed root calls of a recording do that the others do not.

use anyhow::{Context as _, Result};

use super::{
    args::ExplainArgs,
    collected::{collect_one, write},
    exit::Exit,
    output::{self, Medium},
    replay,
};
use crate::{
    model::FunctionTable,
    pipeline::replay::glance,
    summary::{Condition, Durations, Explain},
};

/// Explains some root calls of a recording.
pub fn run(args: &ExplainArgs) -> Result<Exit> {
    let mut show = args.show.show()?;
    show.selection = args.select.selection()?;
    let mut condition = Condition::take(&mut show.filter);
    if condition.is_empty() {
        let mut durations = Durations::default();
        let recording = replay::open_with_bar(&args.recording)?;
        glance(&show, recording, &mut durations).context("the recording cannot be read on")?;
        condition.slower_than = durations.threshold();
    }
    let functions = FunctionTable::default();
    let mut explain = Explain::new(&functions, condition);
    let collected = collect_one(&args.recording, &show, &functions, &mut explain)?;
    let out = output::open(None, Medium::Text)?;
    write(out, |out| explain.write(out))?;
    Ok(replay::exit(&collected.readable))
}
