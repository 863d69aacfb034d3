//! What is recorded, and the script that has a guest record it.

use super::table::{self, CASES, Case};
use crate::fidelity::parse::Form;

/// What the guest knows to do.
const GUEST: &str = concat!(
    include_str!("../../../live/harness/function_graph.sh"),
    include_str!("guest.sh")
);

/// The kind of the workloads that rest, and their names.
const BURSTS: &str = "bursts";
const ORDERS: [&str; 2] = ["before", "after"];

/// The least relative recall of each root call of the bursts.
const BURSTS_PROMISE: f64 = 0.98;

/// What is recorded.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// A command, once.
    Command(Case),
    /// Three sends and a rest, begun before tracer or after it.
    Bursts(&'static str),
}

impl Subject {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let commands = CASES.into_iter().map(Self::Command);
        commands.chain(ORDERS.map(Self::Bursts)).collect()
    }

    /// As `--only` names it, and as the guest marks what it prints.
    pub fn name(&self) -> String {
        match self {
            Self::Command(case) => case.name.to_owned(),
            Self::Bursts(order) => format!("{BURSTS}-{order}"),
        }
    }

    /// The guest's lines for it; `options` are tracer's.
    fn script(&self, options: &str) -> String {
        match self {
            Self::Command(case) => table::script(case, options),
            Self::Bursts(order) => format!("resting {order} '{options}'\n"),
        }
    }

    /// What it is about.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Command(case) => case.kind,
            Self::Bursts(_) => BURSTS,
        }
    }

    /// The command line.
    pub fn command(&self) -> String {
        match self {
            Self::Command(case) => case.command.join(" "),
            Self::Bursts(order) => format!("three sends, a rest; begun {order} tracer"),
        }
    }

    /// What its listings are like.
    pub fn form(&self) -> Form {
        Form {
            by_task: true,
            endless: matches!(self, Self::Command(case) if case.endless),
        }
    }

    /// The least of relative recall that is promised.
    pub fn promise(&self) -> f64 {
        match self {
            Self::Command(case) => case.promise,
            Self::Bursts(_) => BURSTS_PROMISE,
        }
    }
}

/// The script that a guest runs for all of these.
pub fn script(subjects: &[Subject], options: &str, all_functions: bool) -> String {
    let mut script = GUEST.to_owned();
    let mut options = options.to_owned();
    if all_functions {
        script += "all_functions\n";
        options += " --learn 0 --functions /tmp/functions";
    }
    script += "echo '===== guest excluded'; cat /tmp/excluded\n";
    for subject in subjects {
        script += &subject.script(options.trim());
    }
    script
}
