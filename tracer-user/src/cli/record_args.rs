//! What can be typed of how a recording is made.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{
    capture_args::CaptureArgs,
    live_values, output,
    show_args::ShowArgs,
    trace_args::{EventArgs, StackArgs},
};
use crate::recording::{
    file,
    target::{Limit, Target, WhenFull},
};

/// A trace into a file
#[derive(Debug, ClapArgs)]
pub struct RecordArgs {
    /// Write the recording to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// End when the recording is of this size, such as 100M or 2G
    #[arg(long, value_name = "SIZE", value_parser = live_values::size, group = "size")]
    pub max_size: Option<u64>,
    /// Keep so many older files as FILE.1, FILE.2 and so on: with --max-size another begins instead
    /// of ending, with --flight-recorder what is written takes the place of none
    #[arg(long, value_name = "N", requires = "size")]
    pub rotate: Option<u32>,
    /// Keep the last so much in memory, such as 64M, and write it at the end and whenever SIGUSR1
    /// comes
    #[arg(long, value_name = "SIZE", value_parser = live_values::size, conflicts_with = "max_size", group = "size")]
    pub flight_recorder: Option<u64>,
    /// Print the graph, too
    #[arg(long)]
    pub print: bool,
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub stacks: StackArgs,
    #[command(flatten)]
    pub events: EventArgs,
    #[command(flatten)]
    pub show: ShowArgs,
}

impl RecordArgs {
    /// Where the recording goes. A file is opened, so that it is known to be writable.
    pub fn target(&self) -> Result<Target> {
        let path = self.output.clone();
        let file = reserve(&path)?;
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

/// A recording that is to be overwritten, but not before there is something to write: what it holds
/// may be worth more than a trace that cannot begin.
fn reserve(path: &Path) -> Result<File> {
    file::reserve(path).map_err(|error| output::unwritable(path, &error))
}
