//! What can be typed of recordings: how one is made, and what can be asked of it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{
    output,
    select_args::SelectArgs,
    trace_args::{CaptureArgs, CollectorArgs, FilterArgs, OrderArgs, ShowArgs},
    values,
};
use crate::recording::target::{Limit, Target, WhenFull};

/// A trace into a file
#[derive(Debug, ClapArgs)]
pub struct RecordArgs {
    /// Write the recording to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// End when the recording is of this size, such as 100M or 2G
    #[arg(long, value_name = "SIZE", value_parser = values::size, group = "size")]
    pub max_size: Option<u64>,
    /// Keep so many older files as FILE.1, FILE.2 and so on: with --max-size another begins instead
    /// of ending, with --flight-recorder what is written takes the place of none
    #[arg(long, value_name = "N", requires = "size")]
    pub rotate: Option<u32>,
    /// Keep the last so much in memory, such as 64M, and write it at the end and whenever SIGUSR1
    /// comes
    #[arg(long, value_name = "SIZE", value_parser = values::size, conflicts_with = "max_size", group = "size")]
    pub flight_recorder: Option<u64>,
    /// Print the graph, too
    #[arg(long)]
    pub print: bool,
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub show: ShowArgs,
}

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

/// Some root calls of a recording beside the others
#[derive(Debug, ClapArgs)]
#[command(mut_args(|arg| match arg.get_id().as_str() {
    "slower_than" => arg.help("Explain root calls that took longer than this, such as 10ms; without it, --failed and --returns: those that are much slower than the others"),
    "failed" => arg.help("Explain root calls that returned an error; with a list as of `tracer replay`"),
    "returns" => arg.help("Explain root calls that returned such a value: =7, !=0, <0, >=0x100, =-EAGAIN"),
    _ => arg,
}))]
pub struct ExplainArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub show: FilterArgs,
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

impl RecordArgs {
    /// Where the recording goes. A file is opened, so that it is known to be writable.
    pub fn target(&self) -> Result<Target> {
        let path = self.output.clone();
        let file = output::reserve(&path)?;
        Ok(match self.flight_recorder {
            Some(bytes) => Target::Memory {
                path,
                bytes,
                keep: self.rotate.unwrap_or(0),
            },
            None => Target::File {
                file,
                limit: self.limit(),
            },
        })
    }

    fn limit(&self) -> Option<Limit> {
        let then = self.rotate.map_or(WhenFull::End, |keep| WhenFull::Rotate {
            path: self.output.clone(),
            keep,
        });
        self.max_size.map(|bytes| Limit { bytes, then })
    }
}
