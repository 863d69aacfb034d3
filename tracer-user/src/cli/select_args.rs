//! What of a recording is taken: times, tasks, another root.

use std::str::FromStr;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{exit::Usage, show_args::nanoseconds, values};
use crate::{
    filter::{
        Names,
        select::{Choice, Moment, Selection},
    },
    model::CommandName,
};

/// What of a recording is taken
#[derive(Debug, Default, ClapArgs)]
pub struct SelectArgs {
    /// Make each outermost call of this function a root call: a name or a glob; may be repeated
    #[arg(short = 'G', long = "graph-funcs", value_name = "FUNCTION")]
    pub roots: Vec<String>,
    /// Take root calls that this function made: a name or a glob; may be repeated. Without -G the
    /// recording must have callers (--graph-opts retaddr)
    #[arg(long, value_name = "FUNCTION")]
    pub caller: Vec<String>,
    #[command(flatten)]
    pub times: TimeArgs,
    /// Take root calls that begin on these CPUs, such as 0,2-3
    #[arg(short = 'C', long = "cpu", value_name = "CPUS")]
    pub cpus: Option<String>,
    /// Take root calls of these processes, such as 1,2, or of all but some: '!3'
    #[arg(short, long = "pid", value_name = "PIDS", value_delimiter = ',')]
    pub pids: Vec<Number>,
    /// Take root calls of these tasks (threads), or of all but some: '!3'
    #[arg(long = "tid", value_name = "TIDS", value_delimiter = ',')]
    pub tids: Vec<Number>,
    /// Take root calls of tasks of this name, or of all but these: '!NAME'; may be repeated
    #[arg(long = "comm", value_name = "NAME")]
    pub names: Vec<String>,
}

/// A time of a recording
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct TimeArgs {
    /// Take root calls that were entered at this time or later: seconds, as --graph-opts verbose
    /// shows them, or with a plus since the recording began, as in +1.5 or +200ms
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<Moment>,
    /// Take root calls that were entered before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Option<Moment>,
}

/// A time as it is typed.
fn moment(text: &str) -> Result<Moment, String> {
    let time = |text| values::duration(text).map(nanoseconds);
    match text.strip_prefix('+') {
        Some(text) => time(text).map(Moment::Since),
        None => time(text).map(Moment::At),
    }
}

/// The number of a process or a task, or of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// This one.
    Is(u32),
    /// None but this one.
    IsNot(u32),
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('!') {
            Some(text) => values::id(text).map(Self::IsNot),
            None => values::id(text).map(Self::Is),
        }
    }
}

impl SelectArgs {
    /// What was typed, ready to use.
    pub fn selection(&self) -> Result<Selection> {
        let cpus = self.cpus.as_deref().map(values::any_cpus);
        Ok(Selection {
            from: self.times.from,
            to: self.times.to,
            cpus: cpus.transpose()?,
            processes: numbers(&self.pids),
            tasks: numbers(&self.tids),
            names: names(&self.names)?,
            roots: Names::new(&self.roots),
            callers: Names::new(&self.caller),
            ..Selection::default()
        })
    }
}

/// The numbers that were typed.
pub(super) fn numbers(numbers: &[Number]) -> Choice<u32> {
    let mut choice = Choice::default();
    for number in numbers {
        match *number {
            Number::Is(number) => choice.these.push(number),
            Number::IsNot(number) => choice.not.push(number),
        }
    }
    choice
}

/// The names of tasks that were typed.
pub(super) fn names(names: &[String]) -> Result<Choice<CommandName>> {
    let mut choice = Choice::default();
    for name in names {
        let (list, name) = match name.strip_prefix('!') {
            Some(name) => (&mut choice.not, name),
            None => (&mut choice.these, name.as_str()),
        };
        let name: CommandName = name.parse().map_err(|error| Usage(format!("{error}")))?;
        list.push(name);
    }
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Nanoseconds;

    #[test]
    fn times_are_of_the_clock_or_since_the_beginning() {
        assert_eq!(moment("12.5"), Ok(Moment::At(Nanoseconds(12_500_000_000))));
        assert_eq!(
            moment("+200ms"),
            Ok(Moment::Since(Nanoseconds(200_000_000)))
        );
        assert!(moment("-1").is_err() && moment("soon").is_err());
    }
}
