//! Two recordings side by side: which paths are in one alone, and whose times have shifted.
//!
//! Paths are compared by names, since addresses differ from kernel to kernel. How often a path is
//! taken is compared per root call, because recordings differ in length. A time shift is
//! significant by Welch's test if the difference of the averages is at least [`SIGNIFICANT`] times
//! its standard error: with a thousand paths that are all the same, chance alone reaches that for
//! one in a hundred comparisons of whole recordings. The test takes the average of many calls to be
//! distributed normally, so paths with fewer than [`ENOUGH_CALLS`] calls on a side are never said
//! to have shifted.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, Write},
};

use super::{
    Collect, Merged, Place, Sums,
    paths::{PathId, Paths},
    table,
};
use crate::{
    model::{FunctionTable, RootCall, SleepTime, many},
    values::escape,
};

/// Standard errors that make a shift significant.
pub const SIGNIFICANT: f64 = 4.5;
/// Calls on each side that a shift needs to be told from chance.
pub const ENOUGH_CALLS: u64 = 10;

/// One of the two recordings.
pub struct Side<'a> {
    /// What the functions are.
    pub functions: &'a FunctionTable,
    /// The trees.
    pub merged: Merged,
    /// Root calls.
    pub root_calls: u64,
}

impl<'a> Side<'a> {
    /// Nothing is merged yet.
    pub fn new(functions: &'a FunctionTable, sleep: SleepTime) -> Self {
        Self {
            functions,
            merged: Merged::new(sleep),
            root_calls: 0,
        }
    }

    /// The functions whose calls were traced.
    fn roots(&self) -> BTreeSet<Cow<'_, str>> {
        let roots = self.merged.below(Place::TOP);
        roots.map(|(root, _)| self.functions.name(root)).collect()
    }
}

impl Collect for Side<'_> {
    fn add(&mut self, call: &RootCall) {
        self.root_calls += 1;
        self.merged.add(call);
    }
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It is not in the second recording.
    Vanished,
    /// It is not in the first one.
    Appeared,
    /// By so many ns on average, which is so many standard errors.
    Shifted(f64, f64),
}

/// Two recordings.
pub struct Diff<'a> {
    before: &'a Side<'a>,
    after: &'a Side<'a>,
}

/// All that differs.
pub struct Changes {
    paths: Paths,
    /// The paths that differ: what appeared and vanished first, then the shifts, the largest first.
    pub all: Vec<Changed>,
}

impl Changes {
    /// The functions of a path, the root first.
    #[must_use]
    pub fn path(&self, changed: &Changed) -> Vec<&str> {
        self.paths.names(changed.path)
    }
}

/// A path that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// In what.
    pub change: Change,
    path: PathId,
    /// Its calls in the first recording.
    pub before: Sums,
    /// Its calls in the second one.
    pub after: Sums,
}

impl<'a> Diff<'a> {
    /// Compares.
    pub const fn new(before: &'a Side<'a>, after: &'a Side<'a>) -> Self {
        Self { before, after }
    }

    /// Whether no function was a root in both.
    pub fn is_unrelated(&self) -> bool {
        self.before.roots().is_disjoint(&self.after.roots())
    }

    /// What differs.
    pub fn changes(&self) -> Changes {
        let paths = Paths::of([self.before, self.after]);
        let changed = paths.in_order().into_iter().filter_map(|path| {
            let [before, after] = paths.sums(path);
            Some(Changed {
                change: change(&before, &after)?,
                path,
                before,
                after,
            })
        });
        let mut all: Vec<Changed> = changed.collect();
        all.sort_by(|one, other| order(other.change).total_cmp(&order(one.change)));
        Changes { paths, all }
    }

    /// Writes what differs.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "# {} before, {} after",
            many(self.before.root_calls, "root call"),
            self.after.root_calls
        )?;
        let changes = self.changes();
        if changes.all.is_empty() {
            return writeln!(out, "# no path appeared or vanished, and no time shifted");
        }
        let head = [
            "change",
            "calls/root",
            "then",
            "avg us",
            "then",
            "shift us",
            "std errors",
            "path",
        ];
        let row = |changed: &Changed| self.row(changed, &changes.path(changed));
        table::write(out, &head, &changes.all, row)
    }

    fn row(&self, changed: &Changed, path: &[&str]) -> Vec<String> {
        let (one, other) = (&changed.before, &changed.after);
        let (word, shift, errors) = match changed.change {
            Change::Vanished => ("vanished", "-".to_owned(), "-".to_owned()),
            Change::Appeared => ("appeared", "-".to_owned(), "-".to_owned()),
            Change::Shifted(by, errors) => {
                let word = if by > 0.0 { "slower" } else { "faster" };
                (
                    word,
                    format!("{:+.3}", by / 1000.0),
                    format!("{:.1}", errors.abs()),
                )
            }
        };
        vec![
            word.to_owned(),
            rate(one.calls, self.before.root_calls),
            rate(other.calls, self.after.root_calls),
            table::average(one.total.0, one.timed),
            table::average(other.total.0, other.timed),
            shift,
            errors,
            escape::visible(&path.join(" > ")).into_owned(),
        ]
    }
}

/// What is said first is the largest.
fn order(change: Change) -> f64 {
    match change {
        Change::Vanished | Change::Appeared => f64::INFINITY,
        Change::Shifted(by, _) => by.abs(),
    }
}

fn change(before: &Sums, after: &Sums) -> Option<Change> {
    match (before.calls, after.calls) {
        (0, _) => return Some(Change::Appeared),
        (_, 0) => return Some(Change::Vanished),
        _ => {}
    }
    if before.timed < ENOUGH_CALLS || after.timed < ENOUGH_CALLS {
        return None;
    }
    let by = after.mean() - before.mean();
    let error = (before.error_squared() + after.error_squared()).sqrt();
    // Where nothing varies, any difference is one.
    let errors = if error > 0.0 {
        by / error
    } else {
        by * f64::MAX
    };
    (errors.abs() >= SIGNIFICANT).then_some(Change::Shifted(by, errors))
}

#[allow(clippy::cast_precision_loss)]
fn rate(calls: u64, root_calls: u64) -> String {
    format!("{:.2}", calls as f64 / root_calls.max(1) as f64)
}
