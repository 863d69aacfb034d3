//! What was found, as lines: ten at most, the largest share first.

use std::io::{self, Write};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Explain, MARKED, OTHERS,
    parts::{Kind, Part, Role, role},
    traits::{Trait, What},
};
use crate::{
    filter::Failure,
    model::{FunctionId, Nanoseconds, many},
    summary::Place,
    values::{self, escape, span},
};

/// Lines, at most.
const MOST: usize = 10;
/// What is less is not said.
const LEAST: f64 = 0.05;
/// How much more often the marked calls must take a path that is said to be theirs.
const THEIRS: f64 = 0.5;
/// Functions of a path that are shown, the last ones.
const SHOWN: usize = 4;

/// A line, with what it goes by: its share, and what comes first among equals.
struct Line {
    share: f64,
    rank: u8,
    text: String,
}

/// The paths, spelled out.
type Spelled = FxHashMap<Place, Vec<FunctionId>>;

/// Writes what was found.
pub fn write(explain: &Explain<'_>, out: &mut impl Write) -> io::Result<()> {
    let [others, marked] = explain.calls;
    writeln!(out, "# {}", explain.head())?;
    if marked == 0 || others == 0 {
        return writeln!(
            out,
            "# there is nothing to compare with: give --slower-than another time, or record more"
        );
    }
    let mut lines = explain.lines();
    lines.retain(|line| line.share >= LEAST);
    lines.sort_by(|one, other| {
        let by_share = other.share.total_cmp(&one.share);
        by_share
            .then(one.rank.cmp(&other.rank))
            .then_with(|| one.text.cmp(&other.text))
    });
    if lines.is_empty() {
        return writeln!(out, "# they do nothing that the others do not do as well");
    }
    for line in lines.iter().take(MOST) {
        writeln!(out, "{:4.0} %  {}", line.share * 100.0, line.text)?;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
impl Explain<'_> {
    /// Which root calls are explained, and how much longer they took.
    fn head(&self) -> String {
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

    /// What the parts that took longer in the marked calls took longer on average, ns; none if time
    /// is not the matter.
    fn extra(&self) -> Option<f64> {
        self.condition.slower_than?;
        let extra = self.parts.values().map(|&sums| self.more(sums).max(0.0));
        Some(extra.sum::<f64>()).filter(|extra| *extra > 0.0)
    }

    fn more(&self, sums: [u64; 2]) -> f64 {
        self.mean(sums, MARKED) - self.mean(sums, OTHERS)
    }

    fn mean(&self, sums: [u64; 2], group: usize) -> f64 {
        sums[group] as f64 / self.calls[group].max(1) as f64
    }

    fn lines(&self) -> Vec<Line> {
        let spelled = self.spelled();
        let mut lines = self.of_paths();
        lines.extend(self.of_parts(&spelled));
        lines.extend(self.of_traits());
        lines.extend(self.of_sources());
        lines
    }

    /// The paths that the marked calls take and the others do not, each where it begins.
    fn of_paths(&self) -> Vec<Line> {
        let extra = self.extra();
        let mut lines = Vec::new();
        let mut waiting = vec![(Place::TOP, Vec::new())];
        while let Some((above, path)) = waiting.pop() {
            for (function, place) in self.paths.below(above) {
                let mut path = path.clone();
                path.push(function);
                let sums = self.paths.sums(place);
                let part = |group: usize| sums.taken_by[group] as f64 / self.calls[group] as f64;
                let theirs = part(MARKED) - part(OTHERS);
                if theirs < THEIRS || path.len() == 1 {
                    waiting.push((place, path));
                    continue;
                }
                // The others may have spent as much in the same functions on another path, so it
                // may be more than they differ by.
                let share = extra.map_or(theirs, |extra| (self.more(sums.total) / extra).min(1.0));
                let [others, marked] = sums.taken_by;
                let text = format!(
                    "take a path that the others do not: {} ({marked} of {}, of the others \
                     {others} of {})",
                    self.path(&path),
                    self.calls[MARKED],
                    self.calls[OTHERS]
                );
                lines.push(Line {
                    share,
                    rank: 1,
                    text,
                });
            }
        }
        lines
    }

    /// Where the time goes that the marked calls take longer.
    fn of_parts(&self, spelled: &Spelled) -> Vec<Line> {
        let Some(extra) = self.extra() else {
            return Vec::new();
        };
        let more = |sums| self.more(sums);
        let mut lines = Vec::new();
        let mut interrupts = [0; 2];
        let mut small = (0.0, 0);
        for (&part, &sums) in &self.parts {
            if part.kind == Kind::Interrupts {
                interrupts = [OTHERS, MARKED].map(|group| interrupts[group] + sums[group]);
                continue;
            }
            let share = more(sums) / extra;
            if share < LEAST {
                small = (small.0 + share, small.1 + usize::from(share > 0.0));
                continue;
            }
            let text = format!("{}: {}", self.what(part, spelled), self.times(sums));
            lines.push(Line {
                share,
                rank: 0,
                text,
            });
        }
        lines.push(Line {
            share: more(interrupts) / extra,
            rank: 0,
            text: self.of_interrupts(interrupts),
        });
        lines.push(Line {
            share: small.0,
            rank: 2,
            text: format!("a little in each of {}", many(small.1, "other function")),
        });
        lines
    }

    fn times(&self, sums: [u64; 2]) -> String {
        let [others, marked] = [OTHERS, MARKED].map(|group| self.mean(sums, group));
        format!("{} a call, the others {}", time(marked), time(others))
    }

    /// What a part is, and where most of it is.
    fn what(&self, part: Part, spelled: &Spelled) -> String {
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

    fn of_interrupts(&self, sums: [u64; 2]) -> String {
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

    fn of_traits(&self) -> Vec<Line> {
        let found = self.traits.found(self.calls);
        let lines = found.into_iter().map(|found| Line {
            share: found.share,
            rank: 2,
            text: match found.what {
                What::Has(what, counts) => format!(
                    "{}: {} of {}, of the others {} of {}",
                    self.trait_of(&what),
                    counts[MARKED],
                    self.calls[MARKED],
                    counts[OTHERS],
                    self.calls[OTHERS]
                ),
                What::Ranges(name, [marked, others]) => format!(
                    "are given {} from {} to {}, the others from {} to {}",
                    escape::visible(&name),
                    marked.0,
                    marked.1,
                    others.0,
                    others.1
                ),
            },
        });
        lines.collect()
    }

    fn trait_of(&self, what: &Trait) -> String {
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

    /// Who returned the failures first.
    fn of_sources(&self) -> Vec<Line> {
        let lines = self
            .sources
            .iter()
            .map(|((function, failure), &calls)| Line {
                share: calls as f64 / self.calls[MARKED] as f64,
                rank: 0,
                text: format!(
                    "have {} from {}: {calls} of {}",
                    failed(*failure),
                    self.path(&[*function]),
                    self.calls[MARKED]
                ),
            });
        lines.collect()
    }

    fn spelled(&self) -> Spelled {
        let wanted: FxHashSet<Place> = self.places.keys().map(|(_, place)| *place).collect();
        let mut spelled = Spelled::default();
        let mut waiting = vec![(Place::TOP, Vec::new())];
        while let Some((above, path)) = waiting.pop() {
            for (function, place) in self.paths.below(above) {
                let mut path = path.clone();
                path.push(function);
                if wanted.contains(&place) {
                    spelled.insert(place, path.clone());
                }
                waiting.push((place, path));
            }
        }
        spelled
    }

    /// The end of a path.
    fn path(&self, path: &[FunctionId]) -> String {
        let from = path.len().saturating_sub(SHOWN);
        let names: Vec<String> = path[from..]
            .iter()
            .map(|&function| escape::visible(&self.functions.name(function)).into_owned())
            .collect();
        let begin = if from > 0 { "... > " } else { "" };
        format!("{begin}{}", names.join(" > "))
    }
}

fn failed(failure: Failure) -> String {
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
