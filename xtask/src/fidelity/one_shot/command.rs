//! `cargo xtask fidelity --one-shot`: the boot, and what is printed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;

use super::reading::report;
use super::subject::script;
use super::{Recall, Report, Subject};
use crate::fidelity::differences::{NAMED, differences};
use crate::process::say;
use crate::setup::{Emulator, Kernel};
use crate::vm::{self, Sinks, VmSpec};
use crate::workspace;

/// What is typed of it.
#[derive(Args, Debug)]
pub struct OneShotArgs {
    /// Compares commands that run once, and a workload that rests, with function_graph's own
    /// repeatability beside
    #[arg(long, conflicts_with_all = ["root", "workloads", "all_roots", "like"])]
    pub one_shot: bool,
    /// Of these the subject with this name alone; may be repeated
    #[arg(long, value_name = "NAME", requires = "one_shot")]
    only: Vec<String>,
    /// Has tracer attach all that it can from the start instead of what it would choose
    #[arg(long, requires = "one_shot")]
    functions_all: bool,
    /// Scores the listings that an earlier run has kept, without a machine
    #[arg(
        long,
        value_name = "FILE",
        requires = "one_shot",
        conflicts_with = "functions_all"
    )]
    pub listings: Option<PathBuf>,
}

/// What boots.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    pub emulator: &'a Emulator,
    pub kernel: &'a Kernel,
}

/// All that came out of a boot.
#[derive(Debug, Serialize)]
struct Outcome {
    reports: Vec<Report>,
    /// What could not be compared.
    errors: Vec<String>,
}

/// Runs it with further options of tracer; the exit status is 1 if a promise is broken or something
/// could not be compared.
pub fn main(machine: Machine, args: &OneShotArgs, options: &str, json: bool) -> Result<u8> {
    let subjects = chosen(&args.only)?;
    let script = script(&subjects, options, args.functions_all);
    let file = listings(machine.kernel)?;
    say(format!("the listings go to {}", file.display()));
    let failure = record(machine, &script, &file)?;
    tell(&file, &subjects, failure, json)
}

/// Scores listings that were kept, as far as they go.
pub fn again(file: &Path, args: &OneShotArgs, json: bool) -> Result<u8> {
    tell(file, &chosen(&args.only)?, None, json)
}

/// Where the listings of a kernel are kept.
fn listings(kernel: &Kernel) -> Result<PathBuf> {
    let directory = workspace::target().join("one-shot");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory.join(format!("{}.txt", kernel.release)))
}

/// Has a guest record everything into a file. What it has done before it fails counts.
fn record(machine: Machine, script: &str, file: &Path) -> Result<Option<String>> {
    let context = || format!("cannot write {}", file.display());
    let mut stdout = fs::File::create(file).with_context(context)?;
    let sinks = Sinks {
        stdout: &mut stdout,
        stderr: &mut io::stderr(),
    };
    let end = vm::run(machine.emulator, &spec(machine.kernel, script), sinks);
    Ok(match end {
        Ok(end) if end.status == 0 => None,
        Ok(end) => Some(format!("the guest's script ended with {}", end.status)),
        Err(error) => Some(error.to_string()),
    })
}

/// Scores the listings in a file and prints what came out.
fn tell(file: &Path, subjects: &[Subject], failure: Option<String>, json: bool) -> Result<u8> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut outcome = read(subjects, &String::from_utf8_lossy(&bytes));
    outcome.errors.extend(failure);
    if json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        let title = file.file_stem().unwrap_or_default().to_string_lossy();
        print!("{}", describe(&title, &outcome));
    }
    let is_kept = |report: &Report| report.broken.is_none();
    let is_good = outcome.errors.is_empty() && outcome.reports.iter().all(is_kept);
    Ok(u8::from(!is_good))
}

/// The subjects with these names.
fn chosen(only: &[String]) -> Result<Vec<Subject>> {
    let all = Subject::all();
    let names: Vec<String> = all.iter().map(Subject::name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
        bail!("{unknown:?} is none of {}", names.join(", "));
    }
    let is_wanted = |subject: &Subject| only.is_empty() || only.contains(&subject.name());
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// As in the other comparisons: time goes by instructions, so a busy host changes nothing, and 6.1
/// comes up with one CPU alone then.
fn spec(kernel: &Kernel, script: &str) -> VmSpec {
    let command = ["sh", "-c", script].map(OsString::from).to_vec();
    let mut spec = VmSpec::new(kernel.clone(), command);
    spec.icount = true;
    spec.smp = if kernel.release.starts_with("6.1.") {
        1
    } else {
        4
    };
    // The host may be busy, which is nothing to the guest.
    spec.timeout = Duration::from_hours(3);
    spec
}

fn read(subjects: &[Subject], output: &str) -> Outcome {
    let mut outcome = Outcome {
        reports: Vec::new(),
        errors: Vec::new(),
    };
    for subject in subjects {
        match report(subject, output) {
            Ok(report) => outcome.reports.push(report),
            Err(error) => outcome.errors.push(format!("{error:#}")),
        }
    }
    outcome
}

/// A table, then what is missing of each.
fn describe(title: &str, outcome: &Outcome) -> String {
    let mut text =
        format!("{title}: recall of what two listings of function_graph have in common\n\n");
    let _ = writeln!(
        text,
        "{:50} {:>11} {:>17} relative   ours    own precision    raw",
        "", "root calls", "calls"
    );
    for report in &outcome.reports {
        row(&mut text, report);
    }
    for report in &outcome.reports {
        detail(&mut text, report);
    }
    for error in &outcome.errors {
        let _ = writeln!(text, "\nerror: {error}");
    }
    text
}

fn row(text: &mut String, report: &Report) {
    let Recall {
        own,
        ours,
        relative,
    } = report.attachable;
    let three = |numbers: [usize; 3]| numbers.map(|number| number.to_string()).join(" ");
    let _ = writeln!(
        text,
        "{:13} {:9} {:26} {:>11} {:>17} {relative:>8.3} {ours:>6.3} {own:>6.3} {:>9.3} {:>6.3}{}",
        report.name,
        report.kind,
        report.root,
        three(report.calls),
        three(report.lines),
        report.precision,
        report.raw.relative,
        if report.broken.is_some() {
            " BROKEN"
        } else {
            ""
        },
    );
}

fn detail(text: &mut String, report: &Report) {
    let _ = write!(text, "\n{}: {}", report.name, report.command);
    if let Some(broken) = &report.broken {
        let _ = write!(text, "\n    BROKEN: {broken}");
    }
    if report.torn != [0; 3] {
        let _ = write!(text, "\n    torn root calls: {:?}", report.torn);
    }
    if !report.excluded.is_empty() {
        let named = report.excluded.iter().take(NAMED);
        let named: Vec<String> = named
            .map(|(name, calls)| format!("{name} {calls}"))
            .collect();
        let _ = write!(
            text,
            "\n    calls that tracer does not attach: {}",
            named.join(", ")
        );
    }
    text.push_str(&differences("missing", &report.missing));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_go_by_their_names() {
        assert!(chosen(&[]).unwrap().len() >= 14);
        let names: Vec<String> = ["exit", "bursts-after"].map(str::to_owned).to_vec();
        let found: Vec<String> = chosen(&names).unwrap().iter().map(Subject::name).collect();
        assert_eq!(found, names);
        assert!(chosen(&["exits".to_owned()]).is_err());
    }
}
