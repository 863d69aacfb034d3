//! The picture: what [`State`] knows, in so many lines and columns.
//!
//! A line for what is traced, one for the sums, the heads of the columns, the rows, one for what
//! there is to say or to type, and one for the keys. What does not fit is cut off at the right; a
//! deep tree moves to the left so that the name under the cursor can be read, and what then stands
//! left of the edge is marked. Without colours what matters is bold or reversed.

mod calls;
mod canvas;
mod tree;

use ratatui::{buffer::Buffer, style::Style};

use self::canvas::{BOLD, Canvas, REVERSED};
use super::{
    keys::HELP,
    numbers,
    state::{Asks, Origin, Page, State},
};
use crate::{model::Nanoseconds, output::ftrace::Colour, values::escape};

/// The smallest screen that has room for anything.
pub const SMALLEST: (u16, u16) = (60, 12);
/// Lines that are not for rows: two above, the heads, two below.
const OTHER_LINES: u16 = 5;

/// Draws all of it.
pub fn draw(state: &mut State, colour: Colour, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut canvas = Canvas::new(buffer, colour);
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

    fn titles(&mut self, state: &State) {
        let roots: Vec<&str> = state.head.roots.iter().map(|it| it.name.as_str()).collect();
        self.text(1, 0, &format!("tracer top  {}", roots.join(", ")), BOLD);
        let elapsed = clock(state.elapsed());
        let source = match (&state.source, state.ended) {
            (Origin::Recording(name), _) => format!(" {name}, {} ", numbers::time(state.elapsed())),
            (Origin::Live, None) => format!(" live {elapsed} "),
            (Origin::Live, Some(why)) => format!(" {why}, {elapsed} "),
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

    fn help(&mut self) {
        self.text(1, 2, "keys", BOLD);
        for ((keys, meaning), y) in HELP.iter().zip(3..self.area.height - 2) {
            self.text(1, y, keys, BOLD);
            self.text(18, y, meaning, Style::new());
        }
    }
}

/// Minutes and seconds.
fn clock(time: Nanoseconds) -> String {
    let seconds = time.0 / 1_000_000_000;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}
