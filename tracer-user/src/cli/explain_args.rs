//! What can be typed of `tracer explain`: a recording, or a trace that is recorded for it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{
    capture_args::CaptureArgs,
    recording_args::of_marked,
    select_args::{SelectArgs, TimeArgs},
    show_args::FilterArgs,
};
use crate::filter::select::Selection;

/// Some root calls beside the others
#[derive(Debug, ClapArgs)]
#[command(
    mut_args(of_marked),
    // Its first word is a recording.
    mut_arg("command", |command| command.last(true).trailing_var_arg(false)),
    mut_arg("from", |from| from.requires("recording")),
    mut_arg("to", |to| to.requires("recording"))
)]
pub struct ExplainArgs {
    /// Explain this recording; without one what is named is traced, and explained when the trace
    /// ends
    #[arg(value_name = "RECORDING", conflicts_with_all = [
        "excluded", "fields", "all_cpus", "cgroups", "inherit", "no_inherit", "duration",
        "functions", "attach", "otlp", "prometheus", "command"
    ])]
    pub recording: Option<PathBuf>,
    /// Of a recording: take root calls that this function made, a name or a glob; may be repeated
    #[arg(long, value_name = "FUNCTION", requires = "recording")]
    pub caller: Vec<String>,
    #[command(flatten)]
    pub times: TimeArgs,
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub show: FilterArgs,
}

impl ExplainArgs {
    /// What of a recording is taken. What says whose calls are traced says it of a recording, too.
    pub fn selection(&self) -> Result<Selection> {
        let capture = &self.capture;
        let select = SelectArgs {
            roots: capture.roots.clone(),
            caller: self.caller.clone(),
            times: self.times,
            cpus: capture.cpus.clone(),
            pids: capture.pids.clone(),
            tids: capture.tids.clone(),
            names: capture.names.clone(),
        };
        select.selection()
    }
}
