//! The merged call tree as rows: which are unfolded, in what order, narrowed to what.
//!
//! The trees are those of the summaries ([`crate::summary::merged`]), with sums of their own. Rows
//! are made anew for every picture: they go with the paths, which are limited. The cursor stands on
//! a path, not on a line, so it stays with it when the order changes.

use std::collections::{HashMap, HashSet};

use super::{numbers::Numbers, pattern::Pattern, sort::Sort};
use crate::{
    model::{FunctionId, FunctionTable, Node, RootCall, SleepTime},
    summary::{Counted, Merged, Place},
    values,
};

/// Paths that are told apart, at most; of some two KB each.
const MOST_PATHS: usize = 1 << 14;
/// Levels that are unfolded before anybody has folded anything.
const UNFOLDED: usize = 2;

/// Whether what is below a row is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It is.
    Open,
    /// It is not.
    Folded,
    /// There is nothing.
    Leaf,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The path.
    pub place: Place,
    /// Its last function.
    pub function: FunctionId,
    /// Functions above it.
    pub depth: usize,
    /// What of it is below.
    pub fold: Fold,
}

/// The tree.
pub struct Tree {
    merged: Merged<Numbers>,
    sleep: SleepTime,
    /// Places that are folded where others are not, or the other way round.
    turned: HashSet<Place>,
    cursor: Option<Place>,
    /// The order of rows.
    pub sort: Sort,
    /// Only these functions, with those that lead to them and all below.
    pub filter: Option<Pattern>,
}

impl Tree {
    /// Nothing is merged yet.
    pub fn new(sleep: SleepTime) -> Self {
        Self {
            merged: Merged::with_limit(sleep, MOST_PATHS),
            sleep,
            turned: HashSet::new(),
            cursor: None,
            sort: Sort::default(),
            filter: None,
        }
    }

    /// Adds a root call.
    pub fn add(&mut self, root: &RootCall, functions: &FunctionTable) {
        let places = self.merged.places(&root.nodes, 0);
        for (node, counted) in root.nodes.iter().zip(places) {
            let (Node::Call(call), Counted::There(place)) = (node, counted) else {
                continue;
            };
            let returns = functions.returns(call.function);
            let error = call.closed.value();
            let error = error.and_then(|value| values::returned_error(returns, value));
            let sums = self.merged.sums_mut(place);
            sums.add(call.duration(self.sleep), error.is_some());
        }
    }

    /// Calls for whose paths there was no room.
    pub const fn shortened(&self) -> u64 {
        self.merged.shortened
    }

    /// The sums over the calls of a path.
    pub fn numbers(&self, place: Place) -> &Numbers {
        self.merged.sums(place)
    }

    /// Changes the sums of all paths.
    pub fn for_all(&mut self, change: impl FnMut(&mut Numbers)) {
        self.merged.all_sums().for_each(change);
    }

    /// What is to be seen, in order.
    pub fn rows(&self, functions: &FunctionTable) -> Vec<Row> {
        self.walk(functions, |place, depth| self.is_open(place, depth))
    }

    /// The number of the row where the cursor is; the first one if it is on a path that is not to
    /// be seen.
    pub fn cursor(&self, rows: &[Row]) -> usize {
        let at = |place| rows.iter().position(|row| row.place == place);
        self.cursor.and_then(at).unwrap_or(0)
    }

    /// Puts the cursor on a row, or on the one nearest to it.
    pub fn put_cursor(&mut self, rows: &[Row], number: usize) {
        let row = rows.get(number).or_else(|| rows.last());
        self.cursor = row.map(|row| row.place);
    }

    /// Unfolds the row where the cursor is.
    pub fn unfold(&mut self, rows: &[Row]) {
        self.turn_if(rows, Fold::Folded);
    }

    /// Folds the row where the cursor is; goes up to the caller if there is nothing to fold.
    pub fn fold(&mut self, rows: &[Row]) {
        if self.turn_if(rows, Fold::Open) {
            return;
        }
        let number = self.cursor(rows);
        let Some(row) = rows.get(number) else { return };
        let above = rows[..number].iter().rposition(|it| it.depth < row.depth);
        if let Some(above) = above {
            self.put_cursor(rows, above);
        }
    }

    /// Folds or unfolds the row where the cursor is.
    pub fn turn(&mut self, rows: &[Row]) {
        if !self.turn_if(rows, Fold::Open) {
            self.turn_if(rows, Fold::Folded);
        }
    }

    /// Unfolds the row where the cursor is and all below it; folds all that is below it if nothing
    /// is left to unfold.
    pub fn turn_all(&mut self, rows: &[Row]) {
        let number = self.cursor(rows);
        let Some(&row) = rows.get(number) else { return };
        let mut below = vec![(row.place, row.depth)];
        let mut all = Vec::new();
        while let Some((place, depth)) = below.pop() {
            below.extend(
                self.merged
                    .below(place)
                    .map(|(_, place)| (place, depth + 1)),
            );
            all.push((place, depth));
        }
        let folded = all.iter().any(|&(place, depth)| {
            !self.is_open(place, depth) && self.merged.below(place).next().is_some()
        });
        for (place, depth) in all {
            if self.is_open(place, depth) != folded {
                self.turn_place(place);
            }
        }
    }

    /// Goes to the next row that has the pattern, or to the one before, around the end; unfolds
    /// what hides it. Says whether there is one.
    pub fn search(
        &mut self,
        functions: &FunctionTable,
        pattern: &Pattern,
        direction: Direction,
    ) -> bool {
        let all = self.walk(functions, |_, _| true);
        let names = Names::new(functions, pattern);
        let here = self.cursor(&all);
        let from = |step: usize| match direction {
            Direction::Down => (here + step) % all.len(),
            Direction::Up => (here + all.len() - step) % all.len(),
        };
        let steps = 1..=all.len();
        let Some(found) = steps.map(from).find(|&it| names.has(all[it].function)) else {
            return false;
        };
        self.cursor = Some(all[found].place);
        let mut depth = all[found].depth;
        for row in all[..found].iter().rev() {
            if row.depth < depth {
                depth = row.depth;
                if !self.is_open(row.place, row.depth) {
                    self.turn_place(row.place);
                }
            }
        }
        true
    }

    fn is_open(&self, place: Place, depth: usize) -> bool {
        (depth < UNFOLDED) != self.turned.contains(&place)
    }

    /// Folds or unfolds the row where the cursor is if it is so; says whether it was.
    fn turn_if(&mut self, rows: &[Row], fold: Fold) -> bool {
        let row = rows.get(self.cursor(rows));
        let Some(row) = row.filter(|row| row.fold == fold) else {
            return false;
        };
        self.turn_place(row.place);
        true
    }

    fn turn_place(&mut self, place: Place) {
        if !self.turned.remove(&place) {
            self.turned.insert(place);
        }
    }

    /// The rows that the filter leaves; below those that are open.
    fn walk(&self, functions: &FunctionTable, is_open: impl Fn(Place, usize) -> bool) -> Vec<Row> {
        let shown = self.filter.as_ref().map(|it| self.shown(functions, it));
        let is_shown = |place: Place| shown.as_ref().is_none_or(|it| it.contains_key(&place));
        let mut rows = Vec::new();
        let mut open = vec![self.sorted(functions, Place::TOP)];
        while let Some(siblings) = open.last_mut() {
            let Some((function, place)) = siblings.pop() else {
                open.pop();
                continue;
            };
            if !is_shown(place) {
                continue;
            }
            let depth = open.len() - 1;
            let has_below = self.merged.below(place).any(|(_, below)| is_shown(below));
            // What leads to a function that was asked for is open.
            let leads = shown
                .as_ref()
                .is_some_and(|it| it.get(&place) == Some(&Why::Leads));
            let fold = match has_below {
                false => Fold::Leaf,
                true if leads || is_open(place, depth) => Fold::Open,
                true => Fold::Folded,
            };
            rows.push(Row {
                place,
                function,
                depth,
                fold,
            });
            if fold == Fold::Open {
                open.push(self.sorted(functions, place));
            }
        }
        rows
    }

    /// What is called on a path, the first one last.
    fn sorted(&self, functions: &FunctionTable, place: Place) -> Vec<(FunctionId, Place)> {
        let mut below: Vec<_> = self.merged.below(place).collect();
        below.sort_by(|one, other| {
            let numbers = self
                .sort
                .compare(self.numbers(one.1), self.numbers(other.1));
            numbers.then_with(|| functions.name(one.0).cmp(&functions.name(other.0)))
        });
        below.reverse();
        below
    }

    /// The paths that the filter leaves.
    fn shown(&self, functions: &FunctionTable, pattern: &Pattern) -> HashMap<Place, Why> {
        let names = Names::new(functions, pattern);
        let mut shown = HashMap::new();
        let mut above = HashMap::new();
        let mut waiting = vec![(Place::TOP, false)];
        while let Some((place, within)) = waiting.pop() {
            for (function, below) in self.merged.below(place) {
                let has = within || names.has(function);
                if has {
                    shown.insert(below, Why::Has);
                }
                if has && !within {
                    let mut leads = place;
                    while leads != Place::TOP && shown.insert(leads, Why::Leads).is_none() {
                        leads = above[&leads];
                    }
                }
                above.insert(below, place);
                waiting.push((below, has));
            }
        }
        shown
    }
}

/// Where a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To what stands below.
    Down,
    /// To what stands above.
    Up,
}

/// Why the filter leaves a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It has the pattern, or lies below what has it.
    Has,
    /// It leads to what has it.
    Leads,
}

/// Which functions have a pattern, each looked at once.
struct Names<'a> {
    functions: &'a FunctionTable,
    pattern: &'a Pattern,
    known: std::cell::RefCell<HashMap<FunctionId, bool>>,
}

impl<'a> Names<'a> {
    fn new(functions: &'a FunctionTable, pattern: &'a Pattern) -> Self {
        Self {
            functions,
            pattern,
            known: std::cell::RefCell::default(),
        }
    }

    fn has(&self, function: FunctionId) -> bool {
        let look = || self.pattern.matches(&self.functions.name(function));
        *self.known.borrow_mut().entry(function).or_insert_with(look)
    }
}
