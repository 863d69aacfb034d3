//! The command line: what was typed becomes options, options become a run, a failure becomes one
//! sentence and an exit code.

#[cfg(feature = "live")]
mod about_args;
mod args;
#[cfg(feature = "live")]
mod budget_args;
#[cfg(feature = "live")]
mod capture_args;
#[cfg(feature = "live")]
mod check;
mod collected;
mod colour;
#[cfg(feature = "live")]
mod demo;
mod describe;
#[cfg(feature = "live")]
mod discovery;
mod exit;
mod explain;
#[cfg(feature = "live")]
mod explain_args;
#[cfg(feature = "live")]
mod first;
mod graph_options;
mod habits;
#[cfg(feature = "live")]
mod latency_args;
#[cfg(feature = "live")]
mod list;
#[cfg(feature = "live")]
mod live;
#[cfg(feature = "live")]
mod live_args;
#[cfg(feature = "live")]
mod live_values;
mod output;
mod page;
#[cfg(feature = "live")]
mod perf_args;
#[cfg(feature = "live")]
mod preconditions;
#[cfg(feature = "live")]
mod record_args;
mod recording_args;
mod replay;
mod report;
#[cfg(feature = "live")]
mod ring_args;
#[cfg(feature = "live")]
mod running;
mod select_args;
mod show_args;
mod split;
#[cfg(feature = "live")]
mod stuck;
#[cfg(feature = "live")]
mod top;
#[cfg(feature = "live")]
mod trace;
#[cfg(feature = "live")]
mod trace_args;
mod values;
mod words;
#[cfg(feature = "live")]
mod workload;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser as _;

use args::{Action, Args};
use exit::Exit;

/// Parses the command line, runs it, says what went wrong.
pub fn main() -> ExitCode {
    let words = words::translated(env::args_os());
    let args = Args::try_parse_from(words).unwrap_or_else(|error| habits::explained(error).exit());
    #[cfg(feature = "live")]
    if let Some(code) = first::stand_in() {
        return code;
    }
    match run(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // A terminal that has gone takes nothing, and the exit code says it, too.
            let _ = writeln!(io::stderr(), "tracer: {}", exit::sentence(&error));
            if let Some(picture) = exit::picture(&error) {
                let _ = writeln!(io::stderr(), "{picture}");
            }
            exit::code(&error).into()
        }
    }
}

fn run(args: Args) -> Result<Exit> {
    match args.action {
        #[cfg(feature = "live")]
        None => trace::run(args.trace),
        #[cfg(not(feature = "live"))]
        None => Err(exit::Usage(
            "this build of tracer only reads recordings: `tracer replay FILE` prints one, and \
             `tracer --help` has the other commands"
                .to_owned(),
        )
        .into()),
        #[cfg(feature = "live")]
        Some(Action::Trace(tracing)) => live::tracing(tracing),
        #[cfg(feature = "live")]
        Some(Action::Host(host)) => live::host(&host),
        Some(Action::Replay(replay)) => replay::run(&replay),
        Some(Action::Report(report)) => report::report(&report),
        Some(Action::Graph(graph)) => report::graph(&graph),
        Some(Action::Diff(diff)) => report::diff(&diff),
        Some(Action::Explain(explain)) => explain::run(&explain),
        Some(Action::Split(parts)) => split::run(&parts),
        Some(Action::Completions(completions)) => describe::completions(&completions),
        Some(Action::Manual(manual)) => describe::manual(&manual),
    }
}
