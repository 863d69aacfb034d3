//! Live tests: the scripts in `xtask/live`, on real kernels.
//!
//! Each is a script for busybox's sh and runs as root in a guest. Exit status 0 passes, 77 skips,
//! any other fails; the last line that it prints is the reason. All scripts run one after the other
//! in one boot; a script that was not reached because the kernel died has failed.

use std::io::Write;
use std::time::{Duration, Instant};

use super::queue::Job;
use super::report::Report;
use super::script::Script;
use super::table::Table;
use super::tally::Tally;
use crate::process::say;
use crate::setup::{Emulator, Kernel};
use crate::vm::{self, GuestFile, Sinks, VmSpec};
use crate::workspace;

/// Where the scripts lie in the guest.
const GUEST_DIR: &str = "/live";

/// Boots each kernel once, in their order.
pub fn jobs<'a>(
    emulator: &'a Emulator,
    kernels: &'a [Kernel],
    tests: &'a [Script],
    table: &'a Table,
) -> Vec<Job<'a>> {
    let matrix: Vec<&str> = kernels.iter().map(|kernel| kernel.name.as_str()).collect();
    for test in tests {
        if let Some((kernels, why)) = test.only_on(&matrix) {
            say(format!(
                "{} runs on {} alone: {why}",
                test.name,
                kernels.join(", ")
            ));
        }
    }
    let on = |kernel: &'a Kernel| -> Job<'a> {
        let tests: Vec<&Script> = tests
            .iter()
            .filter(|test| runs_on(test, kernel, &matrix))
            .collect();
        Box::new(move || on_kernel(emulator, kernel, &tests, table))
    };
    kernels.iter().map(on).collect()
}

/// Whether a test runs on a kernel: its row may name the tests, else the test says itself.
fn runs_on(test: &Script, kernel: &Kernel, matrix: &[&str]) -> bool {
    let named = kernel.row.and_then(|row| row.tests.as_ref());
    named.map_or_else(
        || test.runs_on(&kernel.name, matrix),
        |tests| tests.contains(&test.name),
    )
}

/// Runs all tests on one kernel, and prints its line.
fn on_kernel(emulator: &Emulator, kernel: &Kernel, tests: &[&Script], table: &Table) -> Tally {
    let started = Instant::now();
    let mut report = Report::new(&kernel.release);
    let mut stderr = Relay {
        prefix: &kernel.release,
        line: Vec::new(),
    };
    let sinks = Sinks {
        stdout: &mut report,
        stderr: &mut stderr,
    };
    let end = vm::run(emulator, &spec(kernel, tests), sinks);
    let why = match end {
        Ok(end) if end.status == 0 => "it was not run".to_owned(),
        Ok(end) => format!("the runner ended with status {}", end.status),
        Err(error) => {
            say(format!("{}: {error}", kernel.release));
            "the machine ended".to_owned()
        }
    };
    let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
    let tally = report.finish(&names, &why);
    let took = started.elapsed();
    println!("kernel {}: {tally} ({} s)", kernel.release, took.as_secs());
    table.note(kernel, &tally, took);
    tally
}

fn spec(kernel: &Kernel, tests: &[&Script]) -> VmSpec {
    // What the row says must be there is asserted by the test `check_and_list`.
    let must_have = kernel.row.map(|row| row.mechanisms.join(" "));
    let must_have = must_have.map(|names| [String::from("env"), format!("MUST_HAVE={names}")]);
    let runner = [String::from("sh"), format!("{GUEST_DIR}/harness/runner.sh")];
    let runner = must_have.into_iter().flatten().chain(runner);
    let arguments = tests
        .iter()
        .map(|test| format!("{}:{}", test.name, test.limit.as_secs()));
    let command = runner.chain(arguments).map(Into::into).collect();
    let mut spec = VmSpec::new(kernel.clone(), command);
    spec.files = vec![GuestFile {
        source: workspace::live_tests(),
        destination: GUEST_DIR.to_owned(),
    }];
    // Processors of the last years need few of what protects against them (eIBRS, AutoIBRS); one
    // row keeps all, so that both kinds of text are traced.
    spec.hardened = kernel.row.is_some_and(|row| row.hardened);
    // The limits of the tests are kept in the guest; this one is for a guest that stands still.
    spec.timeout = Duration::from_mins(1) + tests.iter().map(|test| test.limit).sum::<Duration>();
    spec
}

/// Passes lines on to stderr, each with the kernel that it comes from.
struct Relay<'a> {
    prefix: &'a str,
    line: Vec<u8>,
}

impl Write for Relay<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            eprint!("{}: {}", self.prefix, String::from_utf8_lossy(&line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
