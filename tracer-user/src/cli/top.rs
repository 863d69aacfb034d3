//! `tracer top`: a trace, or a recording, on the terminal.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::SignalKind;

use super::{
    exit::{Exit, Usage},
    live_args::TopArgs,
    replay,
};
use crate::{
    model::FunctionTable,
    pipeline::{Show, replay::replay_into},
    session::{self, Outputs, Streams},
    stop::Stop,
    top::{Origin, Top},
};

/// Shows what was asked for.
pub fn run(args: &TopArgs) -> Result<Exit> {
    let show = args.show()?;
    match &args.recording {
        Some(path) => recording(path, &show),
        None => trace(args, show),
    }
}

fn trace(args: &TopArgs, show: Show) -> Result<Exit> {
    let text = (show.text, show.capture);
    let mut options = args.capture.options(show)?;
    options.streams = Streams::Nothing;
    terminal()?;
    super::running::check(&options)?;
    let export = args.capture.export.outlets()?;
    super::running::until_stopped(async |stop| {
        leave_on(&stop)?;
        let top = Top::new(Origin::Live, text, stop.clone());
        let made = top.clone();
        let outputs = Outputs {
            graph: None,
            recording: None,
            export,
            view: Some(Box::new(move |functions, head| made.form(functions, head))),
        };
        let traced = Box::pin(session::run(&options, outputs, stop)).await;
        finish(&top, "the trace has ended", traced.map(|_| Exit::Success))
    })
}

fn recording(path: &Path, show: &Show) -> Result<Exit> {
    let recording = replay::open(path)?;
    terminal()?;
    super::running::until_stopped(async |stop: Stop| {
        leave_on(&stop)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let source = Origin::Recording(name.to_string_lossy().into_owned());
        let top = Top::new(source, (show.text, show.capture), stop);
        let functions = FunctionTable::default();
        let form = top.form(&functions, recording.head.clone());
        let read = replay_into(show, recording, &functions, form);
        let exit = read.and_then(|(outcome, readable)| {
            outcome.has_names()?;
            Ok(replay::exit(&readable))
        });
        finish(&top, "the recording has ended", exit)
    })
}

/// Shows what there is until the user quits. After a failure the terminal is given back at once, so
/// that it can be said.
fn finish(top: &Top, why: &'static str, exit: Result<Exit>) -> Result<Exit> {
    let left = match exit {
        Ok(_) => top.browse(why),
        Err(_) => top.leave(),
    };
    let exit = exit?;
    left.context("the terminal cannot be used any more")?;
    Ok(exit)
}

/// What ends other programs at once is heard, so that the terminal is given back.
fn leave_on(stop: &Stop) -> Result<()> {
    let listens = stop.also_on([SignalKind::quit()]);
    listens.context("cannot listen for signals")
}

/// Whether there is a terminal that can be drawn on, and something that sends keys.
fn terminal() -> Result<()> {
    let instead = "use `tracer profile`, or `tracer report` for a recording";
    if !io::stdout().is_terminal() {
        bail!(Usage(format!(
            "top draws on a terminal, and stdout is none: {instead}"
        )));
    }
    if env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        bail!(Usage(format!(
            "top draws on a terminal, and by TERM this one cannot move its cursor: {instead}"
        )));
    }
    if !io::stdin().is_terminal() && File::open("/dev/tty").is_err() {
        bail!(Usage(format!(
            "top reads keys, and neither stdin nor /dev/tty is a terminal: {instead}"
        )));
    }
    Ok(())
}
