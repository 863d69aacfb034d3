//! What can be typed of recordings.

use std::path::PathBuf;

use clap::{Arg, Args as ClapArgs};

use super::{
    select_args::SelectArgs,
    show_args::{CollectorArgs, FilterArgs, OrderArgs, ShowArgs},
};

/// A recording, printed
#[derive(Debug, ClapArgs)]
pub struct ReplayArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub show: ShowArgs,
    #[command(flatten)]
    pub collector: CollectorArgs,
    /// Write the graph to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A recording in numbers
#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    /// Another recording, to stand beside it on a page
    #[arg(value_name = "AFTER", requires = "html")]
    pub after: Option<PathBuf>,
    /// Make a page for a browser: a flame graph, a histogram, the slowest and the failed calls, the
    /// functions
    #[arg(long, conflicts_with = "group_by")]
    pub html: bool,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub order: OrderArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub show: FilterArgs,
}

/// Two recordings
#[derive(Debug, ClapArgs)]
pub struct DiffArgs {
    /// The one
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The other
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub show: FilterArgs,
}

/// Some root calls of a recording beside the others, in a build that traces nothing
#[cfg(not(feature = "live"))]
#[derive(Debug, ClapArgs)]
#[command(mut_args(of_marked))]
pub struct ExplainArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub show: FilterArgs,
}

/// The conditions say which root calls are explained, and keep none from it.
pub fn of_marked(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "slower_than" => arg.help(
            "Explain root calls that took longer than this, such as 10ms; without it, --failed \
             and --returns: those that are much slower than the others",
        ),
        "failed" => {
            arg.help("Explain root calls that returned an error; with a list as of `tracer replay`")
        }
        "returns" => arg
            .help("Explain root calls that returned such a value: =7, !=0, <0, >=0x100, =-EAGAIN"),
        _ => arg,
    }
}

/// A function of a recording, with what it called
#[derive(Debug, ClapArgs)]
pub struct GraphArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    /// The function
    #[arg(value_name = "FUNCTION")]
    pub function: String,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub show: FilterArgs,
}
