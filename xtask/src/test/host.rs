//! What needs no kernel of its own: formatting, lints, and the tests that cargo knows.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::build;
use crate::process::{capture, run as run_to_end, shown};

/// Runs all of it. A component that is not installed is skipped by name.
pub fn run() -> Result<Tally> {
    let mut total = Tally::default();
    total += component("fmt", &["--check"]);
    total += component(
        "clippy",
        &["--quiet", "--all-targets", "--", "-D", "warnings"],
    );
    total += without_kernel();
    total += cargo_test()?;
    Ok(total)
}

/// The half that needs no kernel builds without aya and without the eBPF object, and nothing of it
/// is unused then. Only checked, which takes a tenth of a build.
fn without_kernel() -> Tally {
    const WHAT: &str = "tracer-user without the feature `live`";
    for target in [&["--lib"][..], &["--bin", "tracer"]] {
        let mut check = cargo(&["rustc", "--quiet", "--package", "tracer-user"]);
        check.args(["--no-default-features", "--profile", "check"]);
        check.args(target).args(["--", "-D", "warnings"]);
        if let Err(error) = run_to_end(&mut check) {
            return Tally::failed(&format!("FAIL {WHAT}: {error:#}"));
        }
    }
    Tally::passed(&format!("ok {WHAT}"))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = build::cargo();
    cargo.args(arguments);
    cargo
}

/// Runs a part of cargo that need not be installed.
fn component(name: &str, arguments: &[&str]) -> Tally {
    if capture(&mut cargo(&[name, "--version"])).is_err() {
        return Tally::skipped(&format!("skip cargo {name} (not installed)"));
    }
    match run_to_end(cargo(&[name]).args(arguments)) {
        Ok(()) => Tally::passed(&format!("ok cargo {name}")),
        Err(error) => Tally::failed(&format!("FAIL {error:#}")),
    }
}

/// Runs `cargo test` and adds up what its binaries report.
fn cargo_test() -> Result<Tally> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    let shown = shown(&command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{shown}`"))?;
    let stdout = child.stdout.take().context("cargo has no stdout")?;
    let mut total = Tally::default();
    for line in BufReader::new(stdout).lines() {
        let line = line.with_context(|| format!("cannot read what `{shown}` prints"))?;
        eprintln!("{line}");
        total.note_libtest(&line);
        if let Some(tally) = Tally::of_libtest(&line) {
            total += tally;
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for `{shown}`"))?;
    if !status.success() && total.failed == 0 {
        // It did not get as far as to fail a test.
        total += Tally::failed(&format!("FAIL `{shown}` ({status})"));
    }
    Ok(total)
}
