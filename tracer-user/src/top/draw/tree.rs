//! The merged calls: a row for each path.

use ratatui::style::{Color, Modifier, Style};

use super::canvas::{BOLD, Canvas, REVERSED, UNDERLINED, first_row};
use crate::{
    model::Nanoseconds,
    top::{
        numbers,
        state::State,
        tree::{Fold, Row},
    },
};

/// Columns before the function's name in the tree.
const NUMBERS: u16 = 46;
/// Columns that a level is further in.
const LEVEL: usize = 2;
/// Columns of a name that are to be seen under the cursor.
const SEEN: usize = 24;
/// Where the columns before the name end.
const COLUMNS: [u16; 6] = [7, 13, 21, 29, 37, 44];
/// What is in them.
const HEADS: [&str; 6] = ["calls/s", "calls", "total", "avg", "p99", "errors"];

impl Canvas<'_> {
    pub(super) fn tree(&mut self, state: &State) {
        for (end, head) in COLUMNS.into_iter().zip(HEADS) {
            let sorted = state.tree.sort.column() == head;
            self.text_to(end, 2, head, if sorted { UNDERLINED } else { BOLD });
        }
        let sorted = state.tree.sort.column() == "function";
        let style = if sorted { UNDERLINED } else { BOLD };
        self.text(NUMBERS, 2, "function", style);
        let rows = state.rows();
        if rows.is_empty() {
            let words = match (&state.tree.filter, state.ended) {
                (Some(_), _) if state.all_calls() > 0 => "no path has what the filter asks for",
                (_, Some(_)) => "there was no call",
                _ => "no call has returned yet",
            };
            self.text(NUMBERS, 3, words, Style::new());
            return;
        }
        let cursor = state.tree.cursor(&rows);
        let room = usize::from(self.area.width - NUMBERS);
        let indent = rows[cursor].depth * LEVEL + SEEN;
        let shift = indent.saturating_sub(room.max(SEEN)).div_ceil(LEVEL) * LEVEL;
        let first = first_row(cursor, rows.len(), state.room.0);
        for ((number, row), y) in rows.iter().enumerate().skip(first).zip(self.lines(state)) {
            self.row(state, row, shift, y);
            if number == cursor {
                self.bar(y, REVERSED);
            }
        }
    }

    fn row(&mut self, state: &State, row: &Row, shift: usize, y: u16) {
        let sums = state.tree.numbers(row.place);
        let time = |time: Option<Nanoseconds>| time.map_or("-".to_owned(), numbers::time);
        let cells = [
            numbers::rate(sums.rate),
            numbers::count(sums.calls),
            numbers::time(sums.total),
            time(sums.average()),
            time(sums.p99()),
            numbers::count(sums.errors),
        ];
        for ((end, head), cell) in COLUMNS.into_iter().zip(HEADS).zip(cells) {
            let style = match head {
                "errors" if sums.errors > 0 => self.colour(Color::Red).add_modifier(Modifier::BOLD),
                _ => Style::new(),
            };
            self.text_to(end, y, &cell, style);
        }
        let mark = match row.fold {
            Fold::Open => '-',
            Fold::Folded => '+',
            Fold::Leaf => ' ',
        };
        let name = state.functions.name(row.function);
        // What stands further left than can be seen begins at the edge, with a mark.
        let (indent, edge) = match (row.depth * LEVEL).checked_sub(shift) {
            Some(indent) if shift > 0 => (indent, " "),
            Some(indent) => (indent, ""),
            None => (0, "<"),
        };
        let line = format!("{edge}{}{mark} {name}", " ".repeat(indent));
        self.text(NUMBERS, y, &line, Style::new());
    }
}
