//! How a command runs a trace: whether it may begin, where its results go, and what ends it.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{capture_args::CaptureArgs, exit::Exit, output, preconditions};
use crate::{
    pipeline::Shown,
    session::{self, Options, Outputs},
    stop::Stop,
};

/// What is printed goes to this file, or to stdout.
pub fn printed(path: Option<&Path>, shown: Shown, capture: &CaptureArgs) -> Result<Outputs> {
    let export = capture.export.outlets()?;
    Ok(Outputs {
        graph: Some(output::open(path, shown)?),
        recording: None,
        export,
        view: None,
    })
}

/// The outputs are opened when the trace may begin, so that nothing is overwritten for one that
/// cannot.
pub fn run_trace(options: &Options, open: impl FnOnce() -> Result<Outputs>) -> Result<Exit> {
    check(options)?;
    let outputs = open()?;
    until_stopped(async |stop| Box::pin(session::run(options, outputs, stop)).await)?;
    Ok(Exit::Success)
}

/// Whether a trace may begin.
pub fn check(options: &Options) -> Result<()> {
    if options.verbose {
        env_logger::Builder::new()
            .filter_level(log::LevelFilter::Debug)
            .filter_module("aya_obj", log::LevelFilter::Warn)
            .init();
    }
    preconditions::check(&options.callers.pids, &options.callers.tids)
}

/// Runs something that a signal ends.
pub fn until_stopped<T>(run: impl AsyncFnOnce(Stop) -> Result<T>) -> Result<T> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let stop = Stop::on_signals().context("cannot listen for signals")?;
        run(stop).await
    });
    // A signal listener never ends by itself.
    runtime.shutdown_background();
    result
}

/// One worker beside the main thread, so that signals are heard while the main thread attaches or
/// learns.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
