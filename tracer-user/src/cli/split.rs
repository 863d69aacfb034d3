//! `tracer split`: parts of a recording, each a recording of its own.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use super::{
    exit::{Exit, Usage},
    replay,
    select_args::TimeArgs,
    show_args::nanoseconds,
    values,
};
use crate::{
    filter::select::Moment,
    model::{Nanoseconds, Totals, many, many_were},
    pipeline::told,
    recording::split::{Cut, MOST_PARTS, Parts, Plan, Span, split},
};

/// A recording and how it is split
#[derive(Debug, ClapArgs)]
pub struct SplitArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    #[command(flatten)]
    pub times: TimeArgs,
    /// Make so many parts, each of the same time
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=MOST_PARTS),
        conflicts_with = "every"
    )]
    pub parts: Option<u64>,
    /// Make a part of each such time, as in 10s, from the first root call on
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub every: Option<Duration>,
    /// Write the part to this file; several to FILE-1, FILE-2 and so on, with the number before
    /// the extension. Without it several are named after the recording
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Splits a recording. It is read twice: the times of its root calls are not known before.
pub fn run(args: &SplitArgs) -> Result<Exit> {
    let name = Names::of(args)?;
    if args.recording.metadata().is_ok_and(|it| !it.is_file()) {
        bail!(Usage(format!(
            "`{}` is no file that can be read twice; write the recording to a file first",
            args.recording.display()
        )));
    }
    let recording = replay::open(&args.recording)?;
    let began = Nanoseconds(recording.head.began_monotonic_ns);
    let span = Span::of(recording)?;
    let moment = |moment: Option<Moment>| moment.map(|it| it.from(began));
    let (from, to) = (moment(args.times.from), moment(args.times.to));
    let plan = Plan::new(span, from, to, cut(args))?;
    let mut recording = replay::open_with_bar(&args.recording)?;
    let parts = split(&mut recording, plan, |number| name.of_part(number))?;
    tell(&parts);
    let missed = recording.readable.missed;
    if missed.lost_whole > 0 {
        let lost = many_were(missed.lost_whole, "root call");
        eprintln!("tracer: {lost} lost whole, which are in no part");
    }
    told::readable(&recording.readable);
    Ok(replay::exit(&recording.readable))
}

fn cut(args: &SplitArgs) -> Cut {
    match (args.parts, args.every) {
        (_, Some(length)) => Cut::Every(nanoseconds(length)),
        (parts, None) => Cut::Parts(parts.unwrap_or(1)),
    }
}

/// What went where.
fn tell(parts: &Parts) {
    let of = |totals: &Totals| {
        let (whole, partial) = (totals.whole_calls, totals.partial_calls);
        let (events, lost) = (totals.events, totals.lost);
        format!(
            "{}, {partial} partial, {}, {} lost",
            many(whole, "whole call"),
            many(events, "event"),
            many(lost, "event")
        )
    };
    for (path, totals) in &parts.written {
        eprintln!("tracer: `{}`: {}", path.display(), of(totals));
    }
    if parts.outside != Totals::default() {
        eprintln!("tracer: in no part: {}", of(&parts.outside));
    }
}

/// How the parts are called.
struct Names {
    file: PathBuf,
    is_numbered: bool,
}

impl Names {
    fn of(args: &SplitArgs) -> Result<Self> {
        let is_numbered = args.parts.is_some() || args.every.is_some();
        let times = &args.times;
        if args.every.is_some_and(|it| it.is_zero()) {
            bail!(Usage("--every takes a time above 0".to_owned()));
        }
        if !is_numbered && times.from.is_none() && times.to.is_none() {
            bail!(Usage(
                "say how it is split: --parts N, --every TIME, or a part by --from and --to"
                    .to_owned()
            ));
        }
        let file = match &args.output {
            Some(file) => file.clone(),
            None if is_numbered => args.recording.clone(),
            None => bail!(Usage("say with -o FILE where the part goes".to_owned())),
        };
        Ok(Self { file, is_numbered })
    }

    fn of_part(&self, number: u64) -> PathBuf {
        if self.is_numbered {
            numbered(&self.file, number + 1)
        } else {
            self.file.clone()
        }
    }
}

/// `send-1.rec` of `send.rec`.
fn numbered(file: &Path, number: u64) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_before_the_extension() {
        let of = |file: &str| numbered(Path::new(file), 3);
        assert_eq!(of("a.b/send.rec"), Path::new("a.b/send-3.rec"));
        assert_eq!(of("a.b/send"), Path::new("a.b/send-3"));
        assert_eq!(of("flight.rec.1"), Path::new("flight.rec-3.1"));
    }
}
