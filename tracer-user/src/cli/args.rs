//! What can be typed, and its help. The names are those of `perf ftrace` where it has them.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

#[cfg(feature = "live")]
pub use super::explain_args::ExplainArgs;
#[cfg(not(feature = "live"))]
pub use super::recording_args::ExplainArgs;
#[cfg(feature = "live")]
use super::{
    live_args::{Host, Tracing},
    trace_args::TraceArgs,
};
pub use super::{
    recording_args::{DiffArgs, GraphArgs, ReplayArgs, ReportArgs},
    split::SplitArgs,
};

/// Trace kernel functions as a call graph, live
#[derive(Debug, Parser)]
#[command(
    name = "tracer",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "SUBCOMMAND",
    after_help = "Exit status: 0 done; 1 failed; 2 the command line is wrong; 3 not permitted (not root, \
                  lockdown, policy); 4 the kernel lacks something (`tracer check` says what); 5 no such \
                  function, or it cannot be traced; 6 the output cannot be written, the port of --prometheus cannot be had, or a replay could not send \
                  all to --otlp; 7 the recording cannot be read, or \
                  only in part."
)]
pub struct Args {
    #[cfg(feature = "live")]
    #[command(flatten)]
    pub trace: TraceArgs,
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// Everything that is not a trace of one's own
#[derive(Debug, Subcommand)]
pub enum Action {
    #[cfg(feature = "live")]
    #[command(flatten)]
    Trace(Tracing),
    /// Print a recording as it would have been printed when it was made
    Replay(ReplayArgs),
    /// Sum up the functions of a recording
    Report(ReportArgs),
    /// Show all calls of a function of a recording as one tree
    Graph(GraphArgs),
    /// Compare two recordings: paths that appeared or vanished, times that shifted
    Diff(DiffArgs),
    /// Say what slow or failed root calls, recorded or traced now, do that the others do not
    Explain(Box<ExplainArgs>),
    /// Make parts of a recording, each a recording of its own
    Split(SplitArgs),
    #[cfg(feature = "live")]
    #[command(flatten)]
    Host(Host),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Write the manual pages
    #[command(name = "man", hide = true)]
    Manual(ManualArgs),
}

/// Completions
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Manual pages
#[derive(Debug, ClapArgs)]
pub struct ManualArgs {
    /// Where to
    #[arg(value_name = "DIRECTORY")]
    pub directory: PathBuf,
}
