//! Live tests: the scripts in `xtask/live`, on real kernels.
//!
//! Each is a script for busybox's sh and runs as root in a guest. Exit status 0 passes, 77 skips,
//! any other fails; the last line that it prints is the reason. A comment `# limit: SECONDS` in the
//! script allows it more or less than three minutes; one that takes long has the comment `# only when named` and runs with
//! `--only` and its whole name. All scripts run one after the other in one boot; a
//! script that was not reached because the kernel died has failed.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::Report;
use super::tally::Tally;
use crate::process::say;
use crate::setup::{Emulator, Kernel};
use crate::vm::{self, GuestFile, Sinks, VmSpec};
use crate::workspace;

/// What a test may take, if it does not say.
const LIMIT: Duration = Duration::from_mins(3);

/// Where the scripts lie in the guest.
const GUEST_DIR: &str = "/live";

/// A script.
pub struct LiveTest {
    pub name: String,
    limit: Duration,
}

/// The scripts whose name contains `only`, in the order of their names.
pub fn find(only: Option<&str>) -> Result<Vec<LiveTest>> {
    let dir = workspace::live_tests();
    let mut tests = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let Some(name) = script_name(&path) else {
            continue;
        };
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if is_wanted(&name, &text, only) {
            let limit = limit(&text).with_context(|| path.display().to_string())?;
            tests.push(LiveTest { name, limit });
        } else if only.is_none() {
            say(format!("{name} runs only when named: --only {name}"));
        }
    }
    if tests.is_empty() {
        bail!(
            "no live test has {:?} in its name",
            only.unwrap_or_default()
        );
    }
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tests)
}

fn script_name(path: &Path) -> Option<String> {
    path.file_name()?
        .to_str()?
        .strip_suffix(".sh")
        .map(str::to_owned)
}

fn is_wanted(name: &str, text: &str, only: Option<&str>) -> bool {
    if text.lines().any(|line| line == "# only when named") {
        return only == Some(name);
    }
    only.is_none_or(|only| name.contains(only))
}

fn limit(text: &str) -> Result<Duration> {
    let Some(limit) = text.lines().find_map(|line| line.strip_prefix("# limit: ")) else {
        return Ok(LIMIT);
    };
    let seconds = limit
        .trim()
        .parse()
        .with_context(|| format!("limit {limit}"))?;
    Ok(Duration::from_secs(seconds))
}

/// Boots each kernel once, `jobs` at a time.
pub fn run(emulator: &Emulator, kernels: &[Kernel], tests: &[LiveTest], jobs: usize) -> Tally {
    let queue: Mutex<VecDeque<&Kernel>> = Mutex::new(kernels.iter().collect());
    let total = Mutex::new(Tally::default());
    // A worker that panicked must not take the others' results with it.
    let next = || {
        queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .pop_front()
    };
    thread::scope(|scope| {
        for _ in 0..jobs.min(kernels.len()) {
            scope.spawn(|| {
                while let Some(kernel) = next() {
                    let tally = on_kernel(emulator, kernel, tests);
                    *total
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) += tally;
                }
            });
        }
    });
    total
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs all tests on one kernel, and prints its line.
fn on_kernel(emulator: &Emulator, kernel: &Kernel, tests: &[LiveTest]) -> Tally {
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
    println!(
        "kernel {}: {tally} ({} s)",
        kernel.release,
        started.elapsed().as_secs()
    );
    tally
}

fn spec(kernel: &Kernel, tests: &[LiveTest]) -> VmSpec {
    let runner = [String::from("sh"), format!("{GUEST_DIR}/harness/runner.sh")];
    let arguments = tests
        .iter()
        .map(|test| format!("{}:{}", test.name, test.limit.as_secs()));
    let command = runner
        .into_iter()
        .chain(arguments)
        .map(Into::into)
        .collect();
    let mut spec = VmSpec::new(kernel.clone(), command);
    spec.files = vec![GuestFile {
        source: workspace::live_tests(),
        destination: GUEST_DIR.to_owned(),
    }];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_runs_only_when_named() {
        let long = "# Kills.\n# only when named\n";
        assert!(!is_wanted("kills_often", long, None));
        assert!(!is_wanted("kills_often", long, Some("kills")));
        assert!(is_wanted("kills_often", long, Some("kills_often")));
        assert!(is_wanted("kills", "# Kills.\n", None));
        assert!(is_wanted("kills", "# Kills.\n", Some("kill")));
    }

    #[test]
    fn a_script_says_how_long_it_may_take() {
        assert_eq!(limit("# Words.\n").unwrap(), LIMIT);
        assert_eq!(limit("# limit: 240\n").unwrap(), Duration::from_mins(4));
        assert!(limit("# limit: long\n").is_err());
    }
}
