//! The command line, and which module does what it says.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::arch::ArchArgs;
use crate::bench::{self, BenchArgs};
use crate::fidelity::command::FidelityArgs;
use crate::process::say;
use crate::vm::command::{self as vm_command, VmArgs};
use crate::{build, demo, fidelity, package, setup, test, torture};

/// What a contributor types.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Finds or installs all that the other commands need
    Setup(ArchArgs),
    /// Builds the eBPF objects and the static binary target/dist/tracer
    Build(ArchArgs),
    /// Makes a Debian package of it
    Package(ArchArgs),
    /// Runs a command inside a virtual machine
    Vm(VmArgs),
    /// Shows `tracer` at work, here or in a virtual machine
    Demo {
        #[command(flatten)]
        on: ArchArgs,
        /// Arguments for `tracer demo`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Compares tracer's graphs with the kernel's own function_graph
    Fidelity(FidelityArgs),
    /// Measures what tracing costs
    Bench(BenchArgs),
    /// Attaches every function of a kernel under load, and finds those that do harm
    Torture(torture::TortureArgs),
    /// Runs every test: on the host, then on each kernel of the matrix
    Test(test::TestArgs),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let task = Cli::parse().task;
    // A status of its own, because any other may be that of the command in the guest.
    let failure = if matches!(task, Task::Vm(_)) {
        vm_command::EXIT_HOST
    } else {
        1
    };
    match perform(task) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            say(format!("error: {error:#}"));
            ExitCode::from(failure)
        }
    }
}

fn perform(task: Task) -> Result<u8> {
    match task {
        Task::Setup(on) => setup::all(on.arch).map(|()| 0),
        Task::Build(on) => build::build(on.arch).map(|_| 0),
        Task::Package(on) => package::main(on.arch),
        Task::Vm(args) => vm_command::main(args),
        Task::Demo { on, arguments } => demo::demo(on.arch, &arguments),
        Task::Fidelity(args) => fidelity::command::main(&args),
        Task::Bench(args) => bench::main(&args),
        Task::Torture(args) => torture::main(&args),
        Task::Test(args) => Ok(test::main(&args)),
    }
}
