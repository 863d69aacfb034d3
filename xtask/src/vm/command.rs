//! `cargo xtask vm`: the command line of [`super::run`].
//!
//! Exit status: the command's own; 123 if the machine could not be set up, 124 if the time limit
//! was reached, 125 if the guest's kernel got into trouble or the guest died.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{GuestFile, Sinks, VmError, VmSpec};
use crate::arch::ArchArgs;
use crate::process::say;
use crate::setup::{self, KernelChoice, kernels};
use crate::{build, vm};

/// The machine could not be set up.
pub const EXIT_HOST: u8 = 123;
/// The time limit was reached.
const EXIT_TIMEOUT: u8 = 124;
/// The guest's kernel got into trouble.
const EXIT_KERNEL: u8 = 125;

/// A virtual machine, and a command to run in it as root.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: the command's own; 123 the machine could not be set up, \
    124 the time limit was reached, 125 the guest's kernel got into trouble."
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct VmArgs {
    /// A kernel of xtask/matrix.toml, such as 6.12, or the path of a bzImage
    #[arg(long, default_value = kernels::DEFAULT)]
    kernel: KernelChoice,
    #[command(flatten)]
    on: ArchArgs,
    /// Guest CPUs; 2, or 1 with --icount
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=64))]
    smp: Option<u32>,
    /// Guest memory in MiB
    #[arg(long, default_value_t = 1024, value_name = "MIB", value_parser = clap::value_parser!(u32).range(128..))]
    memory: u32,
    /// The clock counts instructions, one a nanosecond; with one CPU every run is the same
    #[arg(long)]
    icount: bool,
    /// A file or directory for the guest; it goes to /root, where the command runs, unless DST says
    /// otherwise
    #[arg(long = "file", value_name = "SRC[:DST]", value_parser = guest_file)]
    files: Vec<GuestFile>,
    /// Ends the machine after so many seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Shows the kernel log
    #[arg(long, short)]
    verbose: bool,
    /// Takes the `tracer` that was built last
    #[arg(long)]
    no_build: bool,
    /// A shell on this terminal; Ctrl-A X ends the machine
    #[arg(long, conflicts_with = "command")]
    shell: bool,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "shell")]
    command: Vec<OsString>,
}

/// Runs it, and returns xtask's exit status.
pub fn main(args: VmArgs) -> Result<u8> {
    if !args.no_build {
        build::build(args.on.arch)?;
    }
    let emulator = setup::emulator(args.on.arch)?;
    let kernel = args.kernel.resolve(args.on.arch)?;
    let spec = VmSpec {
        kernel,
        smp: args.smp.unwrap_or(if args.icount { 1 } else { 2 }),
        memory_mib: args.memory,
        icount: args.icount,
        hardened: true,
        files: args.files,
        command: args.command,
        timeout: Duration::from_secs(args.timeout),
        verbose: args.verbose,
    };
    if args.shell {
        vm::shell(&emulator, &spec)?;
        return Ok(0);
    }
    let sinks = Sinks {
        stdout: &mut io::stdout(),
        stderr: &mut io::stderr(),
    };
    let end = vm::run(&emulator, &spec, sinks);
    if let (true, Ok(end)) = (spec.verbose, &end) {
        let first = end.first_output.map_or_else(
            || "none".to_owned(),
            |time| format!("{:.1} s", time.as_secs_f64()),
        );
        say(format!(
            "first output: {first}; end: {:.1} s after power-on",
            end.elapsed.as_secs_f64()
        ));
    }
    exit_status(end)
}

/// What xtask's exit status says of a run.
pub fn exit_status(end: Result<vm::VmEnd, VmError>) -> Result<u8> {
    let error = match end {
        Ok(end) => return Ok(end.status),
        Err(VmError::OutputClosed) => return Ok(0),
        Err(VmError::Host(error)) => return Err(error),
        Err(error) => error,
    };
    say(error.to_string());
    Ok(match error {
        VmError::Timeout { .. } => EXIT_TIMEOUT,
        _ => EXIT_KERNEL,
    })
}

fn guest_file(text: &str) -> Result<GuestFile> {
    let (source, destination) = match text.rsplit_once(':') {
        Some((source, destination)) => (source, Some(destination)),
        None => (text, None),
    };
    let source = PathBuf::from(source);
    if !source.exists() {
        bail!("{} does not exist", source.display());
    }
    let name = source
        .file_name()
        .and_then(|name| name.to_str())
        .context("it has no file name in UTF-8")?;
    let destination = match destination {
        None => format!("/root/{name}"),
        Some(directory) if directory.ends_with('/') => format!("{directory}{name}"),
        Some(path) => path.to_owned(),
    };
    if !destination.starts_with('/') {
        bail!("{destination} is not an absolute path");
    }
    Ok(GuestFile {
        source,
        destination,
    })
}
