//! The command line described for other programs: completions for a shell, and manual pages.
//!
//! Both are made from the same definitions as the help, so they say the same.

use std::{
    fs,
    io::{self, Write as _},
};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use super::{
    args::{Args, CompletionsArgs, ManualArgs},
    exit::{Exit, Output},
};

/// Completions for a shell, to stdout.
pub fn completions(args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tracer", &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the completions cannot be written")
        }
        _ => Ok(Exit::Success),
    }
}

/// A manual page for tracer and for each of its commands: `tracer.1`, `tracer-record.1` and so on.
pub fn manual(args: &ManualArgs) -> Result<Exit> {
    let written = fs::create_dir_all(&args.directory).and_then(|()| {
        // The pages of `help` would say again what the others say.
        let command = Args::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &args.directory)
    });
    written.map_err(|error| {
        let directory = args.directory.display();
        Output(format!(
            "the manual pages cannot be written to `{directory}`: {error}; give another directory"
        ))
    })?;
    Ok(Exit::Success)
}
