//! Single root calls: the slowest, one of them as a listing, and those that are open.

use ratatui::style::{Color, Style};

use super::canvas::{BOLD, Canvas, REVERSED, first_row};
use crate::{
    model::{Nanoseconds, Node},
    summary::Exemplar,
    top::{
        numbers,
        state::{OpenCall, State},
    },
    values::{self, escape},
};

/// From which time of a root call on it stands out: see the marks of a listing.
const LONG: Nanoseconds = Nanoseconds(1_000_000);

const SLOWEST_HEAD: &str = "  duration    off-cpu       ago  CPU   calls  returned    task";

impl Canvas<'_> {
    pub(super) fn slowest(&mut self, state: &State) {
        self.text(1, 2, SLOWEST_HEAD, BOLD);
        let all = state.recent.calls().len();
        if all == 0 {
            self.text(1, 3, "no call has returned yet", Style::new());
            return;
        }
        let cursor = state.slowest.min(all - 1);
        let first = first_row(cursor, all, state.room.0);
        let calls = state.recent.calls().zip(state.recent.ages()).enumerate();
        for ((number, (kept, age)), y) in calls.skip(first).zip(self.lines(state)) {
            self.text(1, y, &slow(state, kept, age), Style::new());
            if kept.duration > Some(LONG) {
                let style = self.colour(Color::Red);
                self.mark(y, 11, style);
            }
            if number == cursor {
                self.bar(y, REVERSED);
            }
        }
    }

    pub(super) fn open(&mut self, state: &State) {
        self.text(1, 2, "  open for  function", BOLD);
        let lines = state.open_lines();
        if lines.is_empty() {
            self.text(1, 3, "no root call is open", Style::new());
        }
        let first = state.open_line.min(lines.len().saturating_sub(1));
        for (line, y) in lines.iter().skip(first).zip(self.lines(state)) {
            self.text(1, y, line, Style::new());
        }
    }

    pub(super) fn call(&mut self, state: &State, open: &OpenCall) {
        let duration = open.call.duration.map_or("-".to_owned(), numbers::time);
        let skipped = match open.call.skipped {
            0 => String::new(),
            calls => format!(", without its {calls} shortest calls"),
        };
        let head = format!("call {} of {duration}{skipped}", open.call.number);
        self.text(1, 2, &head, BOLD);
        let place = format!("line {} of {} ", open.line + 1, open.lines.len());
        self.text_to(self.area.width, 2, &place, Style::new());
        let first = first_row(open.line, open.lines.len(), state.room.0);
        let lines = open.lines.iter().enumerate().skip(first);
        for ((number, line), y) in lines.zip(self.lines(state)) {
            let seen: String = line.chars().skip(open.column).collect();
            self.text(0, y, &seen, Style::new());
            if number == open.line {
                self.bar(y, REVERSED);
            }
        }
    }
}

/// One of the slowest calls in one line.
fn slow(state: &State, kept: &Exemplar, age: Nanoseconds) -> String {
    let time = |time: Option<Nanoseconds>| time.map_or("-".to_owned(), numbers::time);
    let root = kept.call.root();
    let returned = root.and_then(|root| {
        let returns = state.functions.returns(root.function);
        values::format_return(
            Some(&state.functions),
            returns,
            root.closed.value()?,
            values::Style::Typed,
        )
    });
    let off_cpu = root.map(|root| root.off_cpu).filter(|time| time.0 > 0);
    let calls = kept.call.nodes.iter();
    let calls = calls.filter(|node| matches!(node, Node::Call(_))).count() + kept.skipped;
    let task = escape::task(&kept.call);
    let name = root.map_or_else(String::new, |root| {
        format!("  {}", state.functions.name(root.function))
    });
    format!(
        "{:>10} {:>10} {:>9}  {:>3} {calls:>7}  {:<10}  {task}{}",
        time(kept.duration),
        time(off_cpu),
        numbers::time(age),
        root.map_or(0, |root| root.cpu.0),
        returned.unwrap_or_else(|| "-".to_owned()),
        if state.head.roots.len() > 1 {
            name
        } else {
            String::new()
        },
    )
}
