//! How it is said what was found: the parts, the paths and the traits in words.

use super::{
    Explain, MARKED, OTHERS,
    lines::Spelled,
    parts::{Kind, Part, Role, role},
    traits::Trait,
};
use crate::{
    filter::Failure,
    model::{FunctionId, Nanoseconds, many},
    values::{self, escape, span},
};

/// Functions of a path that are shown, the last ones.
const SHOWN: usize = 4;

impl Explain<'_> {
    /// Which root calls are explained, and how much longer they took.
    pub(super) fn head(&self) -> String {
        let what = [
            self.condition
                .slower_than
                .map(|time| format!("took longer than {}", span(time.0))),
            self.condition.failed.as_ref().map(|_| "failed".to_owned()),
            self.condition
                .returns
                .map(|_| "returned what was asked for".to_owned()),
        ];
        let what: Vec<String> = what.into_iter().flatten().collect();
        let what = what.join(" and ");
        let [others, marked] = self.calls;
        if self.condition.is_empty() {
            let calls = many(marked, "root call");
            return format!("{calls}, none of which is much slower than another");
        }
        let [other_time, marked_time] = [OTHERS, MARKED]
            .map(|group| span((self.total[group] / self.calls[group].max(1)).max(1)));
        format!(
            "{marked} of {} {what}: {marked_time} on average, the others {other_time}",
            many(marked + others, "root call")
        )
    }

    pub(super) fn times(&self, sums: [u64; 2]) -> String {
        let [others, marked] = [OTHERS, MARKED].map(|group| self.mean(sums, group));
        format!("{} a call, the others {}", time(marked), time(others))
    }

    /// What a part is, and where most of it is.
    pub(super) fn what(&self, part: Part, spelled: &Spelled) -> String {
        let name = self.functions.name(part.function);
        let takes_lock = role(&name) == Role::Locks;
        let words = match (part.kind, takes_lock) {
            (Kind::Waiting, true) => "wait for a lock",
            (Kind::Own, true) => "spin for a lock",
            (Kind::Waiting, false) => "wait off the CPU",
            (Kind::Preempted, _) => "lose the CPU to another task",
            (Kind::Own, false) | (Kind::Interrupts, _) => "take longer",
        };
        let places = self.places.iter().filter(|((it, _), _)| *it == part);
        let place = places
            .max_by_key(|(_, ns)| **ns)
            .map(|((_, place), _)| place);
        let path = place.and_then(|place| spelled.get(place));
        let path = path.map_or_else(|| name.into_owned(), |path| self.path(path));
        format!("{words} in {path}{}", self.lock(part))
    }

    /// Which lock it is for the most part, if that is known.
    fn lock(&self, part: Part) -> String {
        let of_part = || self.locks.iter().filter(|((it, _), _)| *it == part);
        let all: u64 = of_part().map(|(_, ns)| ns).sum();
        match of_part().max_by_key(|(_, ns)| **ns) {
            Some(((_, lock), &ns)) if ns.saturating_mul(2) > all => {
                format!(
                    ", the lock at {lock:#x} in {} %",
                    ns.saturating_mul(100) / all
                )
            }
            _ => String::new(),
        }
    }

    pub(super) fn of_interrupts(&self, sums: [u64; 2]) -> String {
        let of_interrupts = self
            .parts
            .iter()
            .filter(|(part, _)| part.kind == Kind::Interrupts);
        let most = of_interrupts.max_by_key(|(_, sums)| sums[MARKED]);
        let most = most.map_or_else(String::new, |(part, _)| {
            format!(", most in {}", self.path(&[part.function]))
        });
        format!(
            "are interrupted{most}: {}; {:.1} calls of interrupts in each, {:.1} in the others",
            self.times(sums),
            self.mean(self.interrupts, MARKED),
            self.mean(self.interrupts, OTHERS)
        )
    }

    pub(super) fn trait_of(&self, what: &Trait) -> String {
        match what {
            Trait::Cpu(cpu) => format!("begin on CPU {cpu}"),
            Trait::Name(name) => format!("are of tasks called {}", escape::visible(name)),
            Trait::Task(task) => format!("are of task {}", escape::visible(task)),
            Trait::Root(root) => format!("are calls of {}", self.path(&[*root])),
            Trait::Argument(name, value) => {
                format!(
                    "are given {}={}",
                    escape::visible(name),
                    escape::visible(value)
                )
            }
        }
    }

    /// The end of a path.
    pub(super) fn path(&self, path: &[FunctionId]) -> String {
        let from = path.len().saturating_sub(SHOWN);
        let names: Vec<String> = path[from..]
            .iter()
            .map(|&function| escape::visible(&self.functions.name(function)).into_owned())
            .collect();
        let begin = if from > 0 { "... > " } else { "" };
        format!("{begin}{}", names.join(" > "))
    }
}

pub(super) fn failed(failure: Failure) -> String {
    match failure {
        Failure::Error(number) => values::name_of_error(number.into())
            .map_or_else(|| format!("-{number}"), |name| format!("-{name}")),
        Failure::Null => "NULL".to_owned(),
        Failure::False => "false".to_owned(),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of u64"
)]
fn time(ns: f64) -> String {
    span(Nanoseconds(ns as u64).0)
}
