//! The picture: what [`State`] knows, in so many lines and columns.
//!
//! A line for what is traced, one for the sums, the heads of the columns, the rows, one for what
//! there is to say or to type, and one for the keys. What does not fit is cut off at the right; a
//! deep tree moves to the left so that the name under the cursor can be read, and what then stands
//! left of the edge is marked. Without colours what matters is bold or reversed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use super::{
    keys::HELP,
    numbers,
    state::{Asks, OpenCall, Page, Source, State},
    tree::{Fold, Row},
};
use crate::{
    model::{Nanoseconds, Node},
    output::ftrace::Colour,
    summary::Exemplar,
    values::{self, escape},
};

/// The smallest screen that has room for anything.
pub const SMALLEST: (u16, u16) = (60, 12);
/// Lines that are not for rows: two above, the heads, two below.
const OTHER_LINES: u16 = 5;
/// Columns before the function's name in the tree.
const NUMBERS: u16 = 46;
/// Columns that a level is further in.
const LEVEL: usize = 2;
/// Columns of a name that are to be seen under the cursor.
const SEEN: usize = 24;
/// From which time of a root call on it stands out: see the marks of a listing.
const LONG: Nanoseconds = Nanoseconds(1_000_000);

/// Where something is drawn.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    colour: Colour,
}

/// Draws all of it.
pub fn draw(state: &mut State, colour: Colour, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut canvas = Canvas {
        buffer,
        area,
        colour,
    };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        canvas.too_small();
        return;
    }
    state.room = (
        usize::from(area.height - OTHER_LINES),
        usize::from(area.width),
    );
    canvas.titles(state);
    match &state.page {
        _ if state.helps => canvas.help(),
        Page::Tree => canvas.tree(state),
        Page::Slowest => canvas.slowest(state),
        Page::Call(open) => canvas.call(state, open),
        Page::Open => canvas.open(state),
    }
    canvas.footer(state);
}

/// The first of `all` rows that is to be seen, so that the cursor is in the middle or no row is
/// wasted.
fn first_row(cursor: usize, all: usize, height: usize) -> usize {
    cursor
        .saturating_sub(height / 2)
        .min(all.saturating_sub(height))
}

impl Canvas<'_> {
    fn too_small(&mut self) {
        let (width, height) = (self.area.width, self.area.height);
        let words = format!(
            "This terminal has {width}x{height}; tracer top needs {}x{} or more. q quits.",
            SMALLEST.0, SMALLEST.1
        );
        let mut line = String::new();
        let mut y = 0;
        for word in words.split(' ') {
            if !line.is_empty() && line.len() + 1 + word.len() > usize::from(width) {
                self.text(0, y, &line, Style::new());
                line.clear();
                y += 1;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.text(0, y, &line, Style::new());
    }

    /// Writes from a column on; what does not fit is cut off, and what no terminal should get is
    /// escaped.
    fn text(&mut self, x: u16, y: u16, text: &str, style: Style) {
        if x >= self.area.width || y >= self.area.height {
            return;
        }
        let room = usize::from(self.area.width - x);
        self.buffer
            .set_stringn(x, y, escape::visible(text), room, style);
    }

    /// Writes so that it ends before a column.
    fn text_to(&mut self, end: u16, y: u16, text: &str, style: Style) {
        let text = &*escape::visible(text);
        let length = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        self.text(end.saturating_sub(length), y, text, style);
    }

    fn bar(&mut self, y: u16, style: Style) {
        let line = Rect::new(0, y, self.area.width, 1);
        self.buffer.set_style(line, style);
    }

    fn colour(&self, colour: Color) -> Style {
        match self.colour {
            Colour::Ansi => Style::new().fg(colour),
            Colour::Plain => Style::new(),
        }
    }

    fn titles(&mut self, state: &State) {
        let roots: Vec<&str> = state.head.roots.iter().map(|it| it.name.as_str()).collect();
        self.text(1, 0, &format!("tracer top  {}", roots.join(", ")), BOLD);
        let elapsed = clock(state.elapsed());
        let source = match (&state.source, state.ended) {
            (Source::Recording(name), _) => format!(" {name}, {} ", numbers::time(state.elapsed())),
            (Source::Live, None) => format!(" live {elapsed} "),
            (Source::Live, Some(why)) => format!(" {why}, {elapsed} "),
        };
        self.text_to(self.area.width, 0, &source, BOLD);
        self.bar(0, REVERSED);
        let mut sums = vec![
            format!("{} calls", numbers::count(state.all_calls())),
            format!("{}/s", numbers::rate(state.rate)),
            format!("{} errors", numbers::count(state.errors)),
            format!("{} partial", numbers::count(state.totals.partial_calls)),
            format!("{} events lost", numbers::count(state.totals.lost)),
        ];
        if state.tree.shortened() > 0 {
            let shortened = numbers::count(state.tree.shortened());
            sums.push(format!("{shortened} on too many paths"));
        }
        if let Some(filter) = &state.tree.filter {
            sums.push(format!("only {}", filter.text));
        }
        self.text(1, 1, &sums.join("  "), Style::new());
        if let Some(went_by) = state.paused {
            let words = format!(" paused, {} went by ", numbers::count(went_by));
            self.text_to(self.area.width, 1, &words, REVERSED);
        }
    }

    fn footer(&mut self, state: &State) {
        let (said, keys) = (self.area.height - 2, self.area.height - 1);
        if let Some(prompt) = &state.prompt {
            let asks = match prompt.asks {
                Asks::Search => "search: ".to_owned(),
                Asks::Filter => "only paths with: ".to_owned(),
                Asks::Save if state.to_save().len() == 1 => "write 1 call to: ".to_owned(),
                Asks::Save => format!("write the {} slowest calls to: ", state.to_save().len()),
            };
            let line = format!("{asks}{}", escape::visible(&prompt.text));
            self.text(1, said, &line, BOLD);
            let end = u16::try_from(line.chars().count() + 1).unwrap_or(u16::MAX);
            self.text(end, said, " ", REVERSED);
        } else {
            self.text(1, said, &state.message, BOLD);
        }
        let page = match state.page {
            Page::Tree => "Tab slowest",
            Page::Slowest => "Tab tree  Enter open",
            Page::Call(_) => "Esc back",
            Page::Open => "Tab tree",
        };
        let words = format!("q quit  ? help  {page}  p pause  / search  f filter  s sort  w write");
        self.text(1, keys, &words, Style::new());
        self.bar(keys, REVERSED);
    }

    fn tree(&mut self, state: &State) {
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

    /// The lines that are for rows.
    fn lines(&self, state: &State) -> impl Iterator<Item = u16> + use<> {
        let rows = u16::try_from(state.room.0).unwrap_or(u16::MAX);
        (3..3 + rows).take_while({
            let end = self.area.height - 2;
            move |&y| y < end
        })
    }

    fn slowest(&mut self, state: &State) {
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
                self.buffer.set_style(Rect::new(0, y, 11, 1), style);
            }
            if number == cursor {
                self.bar(y, REVERSED);
            }
        }
    }

    fn open(&mut self, state: &State) {
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

    fn call(&mut self, state: &State, open: &OpenCall) {
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

    fn help(&mut self) {
        self.text(1, 2, "keys", BOLD);
        for ((keys, meaning), y) in HELP.iter().zip(3..self.area.height - 2) {
            self.text(1, y, keys, BOLD);
            self.text(18, y, meaning, Style::new());
        }
    }
}

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);
const UNDERLINED: Style = Style::new()
    .add_modifier(Modifier::BOLD)
    .add_modifier(Modifier::UNDERLINED);

/// Where the columns before the name end.
const COLUMNS: [u16; 6] = [7, 13, 21, 29, 37, 44];
/// What is in them.
const HEADS: [&str; 6] = ["calls/s", "calls", "total", "avg", "p99", "errors"];

const SLOWEST_HEAD: &str = "  duration    off-cpu       ago  CPU   calls  returned    task";

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

/// Minutes and seconds.
fn clock(time: Nanoseconds) -> String {
    let seconds = time.0 / 1_000_000_000;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}
