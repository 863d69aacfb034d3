//! One command in one virtual machine.
//!
//! [`run`] boots a kernel with an initramfs made for the occasion, runs the command as root with
//! `tracer` and busybox on its PATH, and returns its output and exit status. It guarantees that
//! - every byte that the command wrote is there, in order, and nothing else is;
//! - whatever the kernel complained about until the command ended is an error, with the kernel's
//!   words;
//! - it ends: when the command does, when the kernel is in trouble, or at the time limit;
//! - no QEMU survives it, however xtask itself ends.

mod channel;
pub mod command;
mod console;
mod guest_run;
mod initramfs;
mod qemu;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::say;
use crate::setup::{Emulator, Kernel};

/// A machine and what it is to do.
#[derive(Clone, Debug)]
pub struct VmSpec {
    pub kernel: Kernel,
    /// Guest CPUs.
    pub smp: u32,
    pub memory_mib: u32,
    /// Counts guest time in instructions, one a nanosecond, and skips what all CPUs sleep through:
    /// what else the host does is nothing to the guest, and with one CPU every run is the same.
    pub icount: bool,
    /// Whether the kernel mitigates what processors do (retpolines and the like) and clears memory
    /// that it hands out, as it does by itself.
    pub hardened: bool,
    /// Files for the guest besides `tracer` and busybox.
    pub files: Vec<GuestFile>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// For the machine from power-on to the command's end.
    pub timeout: Duration,
    /// Shows the kernel log on stderr as it comes.
    pub verbose: bool,
}

impl VmSpec {
    /// The usual machine.
    pub fn new(kernel: Kernel, command: Vec<OsString>) -> Self {
        Self {
            kernel,
            smp: 2,
            memory_mib: 1024,
            icount: false,
            hardened: true,
            files: Vec::new(),
            command,
            timeout: Duration::from_mins(10),
            verbose: false,
        }
    }
}

/// A file, or a directory with all that is in it, and where it goes in the guest.
#[derive(Clone, Debug)]
pub struct GuestFile {
    pub source: PathBuf,
    /// An absolute path.
    pub destination: String,
}

/// Where the command's output goes, as it comes.
pub struct Sinks<'a> {
    pub stdout: &'a mut dyn Write,
    pub stderr: &'a mut dyn Write,
}

/// How the command ended.
#[derive(Clone, Debug)]
pub struct VmEnd {
    /// As a shell gives it: 128 and the signal's number for a command that was killed.
    pub status: u8,
    /// From power-on to the first byte of the command's output.
    pub first_output: Option<Duration>,
    /// From power-on to the command's end.
    pub elapsed: Duration,
}

/// Why a command has no end to report.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The guest's kernel complained, or died.
    #[error("the guest's kernel is in trouble:\n{0}")]
    Kernel(String),
    #[error("the guest did not finish within {limit:?}; the end of its console:\n{console}")]
    Timeout { limit: Duration, console: String },
    #[error("the guest ended before its command did; the end of its console:\n{0}")]
    Died(String),
    /// The reader of xtask's output has gone.
    #[error("nobody reads the output")]
    OutputClosed,
    #[error("cannot run the guest: {0:#}")]
    Host(#[from] anyhow::Error),
}

/// Boots the machine, runs the command, and ends the machine. What the command wrote before an
/// error is in the sinks.
pub fn run(emulator: &Emulator, spec: &VmSpec, sinks: Sinks) -> Result<VmEnd, VmError> {
    let token = guest_run::token();
    let archive = initramfs::build(emulator, spec, &initramfs::Job::Command { token: &token })?;
    let machine = qemu::Machine::start(emulator, spec, &archive)?;
    guest_run::GuestRun::new(spec, sinks, &token).run(machine)
}

/// Runs a command that ends well, and returns what it wrote to stdout; what it wrote to stderr is
/// said.
pub fn output(emulator: &Emulator, spec: &VmSpec) -> Result<String> {
    let mut output = Vec::new();
    let mut errors = Vec::new();
    let sinks = Sinks {
        stdout: &mut output,
        stderr: &mut errors,
    };
    let end = run(emulator, spec, sinks)?;
    let errors = String::from_utf8_lossy(&errors);
    if end.status != 0 {
        bail!(
            "the guest's script ended with status {}:\n{errors}",
            end.status
        );
    }
    if !errors.is_empty() {
        say(errors.trim_end());
    }
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// Boots the machine with a shell on this terminal.
pub fn shell(emulator: &Emulator, spec: &VmSpec) -> Result<()> {
    let archive = initramfs::build(emulator, spec, &initramfs::Job::Shell)?;
    qemu::interactive(emulator, spec, &archive)
}
