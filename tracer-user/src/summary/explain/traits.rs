//! What goes with being marked: CPU, task, root, argument.
//!
//! Each value of each is a trait that a root call has or has not. How much more often the marked
//! calls have it is its share; that it is no chance, by the test of two proportions. Numbers that
//! are passed are also compared as numbers: those of the marked calls may all be larger, or
//! smaller.

use rustc_hash::FxHashMap;

use super::{MARKED, OTHERS};
use crate::{
    model::{Call, FunctionId, FunctionTable, RootCall},
    summary::diff::SIGNIFICANT,
    values::{Typed, Values, View},
};

/// Traits that are told apart, at most.
const MOST: usize = 1 << 16;

/// Something that a root call has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trait {
    /// It was entered there.
    Cpu(u32),
    /// A task of this name made it.
    Name(String),
    /// This task made it.
    Task(String),
    /// It is a call of this function.
    Root(FunctionId),
    /// It was given this, by the parameter's name.
    Argument(String, String),
}

/// The smallest and the largest number of each group.
type Ranges = [Option<(i128, i128)>; 2];

/// How often the root calls of both groups have what.
#[derive(Debug, Default)]
pub struct Traits {
    counts: FxHashMap<Trait, [u64; 2]>,
    numbers: FxHashMap<String, Ranges>,
}

/// A trait that goes with being marked.
#[derive(Debug)]
pub struct Found {
    /// How much more often the marked calls have it: 1 if all do, and none of the others.
    pub share: f64,
    /// What it is.
    pub what: What,
}

/// What goes with being marked.
#[derive(Debug)]
pub enum What {
    /// So many of each group have it.
    Has(Trait, [u64; 2]),
    /// The numbers of this parameter do not overlap: from, to, of the marked calls and the others.
    Ranges(String, [(i128, i128); 2]),
}

impl Traits {
    /// Counts a root call.
    pub fn add(&mut self, call: &RootCall, root: &Call, functions: &FunctionTable, group: usize) {
        let name = call.comm().into_owned();
        self.count(Trait::Task(format!("{name}-{}", call.task.id().0)), group);
        self.count(Trait::Name(name), group);
        self.count(Trait::Cpu(root.cpu.0), group);
        self.count(Trait::Root(root.function), group);
        for argument in View::new(functions, root, Values::Typed).typed_arguments() {
            let number = match argument.value {
                Some(Typed::Signed(number)) => Some(i128::from(number)),
                Some(Typed::Unsigned(number)) => Some(i128::from(number)),
                _ => None,
            };
            if let Some(number) = number {
                let ranges = self.numbers.entry(argument.name.to_owned());
                let range = ranges.or_default()[group].get_or_insert((number, number));
                *range = (range.0.min(number), range.1.max(number));
            }
            let value = match (&argument.text, argument.value) {
                (Some(text), _) => format!("\"{text}\""),
                (None, Some(value)) => value.to_string(),
                (None, None) => continue,
            };
            self.count(Trait::Argument(argument.name.to_owned(), value), group);
        }
    }

    fn count(&mut self, what: Trait, group: usize) {
        if self.counts.len() < MOST || self.counts.contains_key(&what) {
            self.counts.entry(what).or_default()[group] += 1;
        }
    }

    /// What goes with being marked, where there are so many calls of each group.
    pub fn found(&self, calls: [u64; 2]) -> Vec<Found> {
        let mut found: Vec<Found> = self
            .counts
            .iter()
            .filter_map(|(what, &counts)| {
                let share = share(counts, calls)?;
                let what = What::Has(what.clone(), counts);
                Some(Found { share, what })
            })
            .collect();
        let best = |found: &[Found], of: &dyn Fn(&Trait) -> bool| {
            let shares = found.iter().filter_map(|it| match &it.what {
                What::Has(what, _) if of(what) => Some(it.share),
                _ => None,
            });
            shares.fold(0.0, f64::max)
        };
        // A task says more than its name, unless several tasks have the name.
        let task = best(&found, &|what| matches!(what, Trait::Task(_)));
        let name = best(&found, &|what| matches!(what, Trait::Name(_)));
        found.retain(|it| match it.what {
            What::Has(Trait::Task(_), _) => task >= name,
            What::Has(Trait::Name(_), _) => name > task,
            _ => true,
        });
        for (name, ranges) in &self.numbers {
            let &[Some(others), Some(marked)] = ranges else {
                continue;
            };
            let is_one = marked.0 == marked.1;
            let apart = marked.0 > others.1 || marked.1 < others.0;
            if apart && !is_one && calls.iter().all(|&calls| calls >= 3) {
                found.push(Found {
                    share: 1.0,
                    what: What::Ranges(name.clone(), [marked, others]),
                });
            }
        }
        found
    }
}

/// How much more often the marked calls have something, if that is significant.
#[allow(clippy::cast_precision_loss)]
fn share(counts: [u64; 2], calls: [u64; 2]) -> Option<f64> {
    let [others, marked] = [OTHERS, MARKED].map(|group| calls[group] as f64);
    let part = |group: usize| counts[group] as f64 / calls[group] as f64;
    let difference = part(MARKED) - part(OTHERS);
    let all = (counts[OTHERS] + counts[MARKED]) as f64 / (others + marked);
    let error = (all * (1.0 - all) * (1.0 / others + 1.0 / marked)).sqrt();
    (difference > 0.0 && difference / error >= SIGNIFICANT).then_some(difference)
}
