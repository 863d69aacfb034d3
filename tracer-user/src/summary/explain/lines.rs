//! What was found, as lines: ten at most, the largest share first. Here it is decided what is worth
//! a line; [`super::sentences`] has how it is said.

use std::io::{self, Write};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Explain, MARKED, OTHERS, parts::Kind, sentences::failed, traits::What};
use crate::{
    model::{FunctionId, many},
    summary::Place,
    values::escape,
};

/// Lines, at most.
const MOST: usize = 10;
/// What is less is not said.
const LEAST: f64 = 0.05;
/// How much more often the marked calls must take a path that is said to be theirs.
const THEIRS: f64 = 0.5;

/// A line, with what it goes by: its share, and what comes first among equals.
struct Line {
    share: f64,
    rank: u8,
    text: String,
}

/// The paths, spelled out.
pub(super) type Spelled = FxHashMap<Place, Vec<FunctionId>>;

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

    pub(super) fn mean(&self, sums: [u64; 2], group: usize) -> f64 {
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
}
