//! Where something is drawn: text in a line, at a column.
//!
//! What does not fit is cut off at the right, and what no terminal should get is escaped here, for
//! all that is drawn.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use crate::{output::ftrace::Colour, top::state::State, values::escape};

pub const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
pub const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);
pub const UNDERLINED: Style = Style::new()
    .add_modifier(Modifier::BOLD)
    .add_modifier(Modifier::UNDERLINED);

/// Where something is drawn.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    pub(super) area: Rect,
    colour: Colour,
}

/// The first of `all` rows that is to be seen, so that the cursor is in the middle or no row is
/// wasted.
pub fn first_row(cursor: usize, all: usize, height: usize) -> usize {
    cursor
        .saturating_sub(height / 2)
        .min(all.saturating_sub(height))
}

impl<'a> Canvas<'a> {
    /// All of the buffer.
    pub fn new(buffer: &'a mut Buffer, colour: Colour) -> Self {
        let area = buffer.area;
        Self {
            buffer,
            area,
            colour,
        }
    }

    /// Writes from a column on; what does not fit is cut off, and what no terminal should get is
    /// escaped.
    pub fn text(&mut self, x: u16, y: u16, text: &str, style: Style) {
        if x >= self.area.width || y >= self.area.height {
            return;
        }
        let room = usize::from(self.area.width - x);
        self.buffer
            .set_stringn(x, y, escape::visible(text), room, style);
    }

    /// Writes so that it ends before a column.
    pub fn text_to(&mut self, end: u16, y: u16, text: &str, style: Style) {
        let text = &*escape::visible(text);
        let length = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        self.text(end.saturating_sub(length), y, text, style);
    }

    pub fn bar(&mut self, y: u16, style: Style) {
        let line = Rect::new(0, y, self.area.width, 1);
        self.buffer.set_style(line, style);
    }

    pub fn colour(&self, colour: Color) -> Style {
        match self.colour {
            Colour::Ansi => Style::new().fg(colour),
            Colour::Plain => Style::new(),
        }
    }

    /// The lines that are for rows.
    pub fn lines(&self, state: &State) -> impl Iterator<Item = u16> + use<> {
        let rows = u16::try_from(state.room.0).unwrap_or(u16::MAX);
        (3..3 + rows).take_while({
            let end = self.area.height - 2;
            move |&y| y < end
        })
    }

    /// Gives the first columns of a line this style.
    pub fn mark(&mut self, y: u16, columns: u16, style: Style) {
        self.buffer.set_style(Rect::new(0, y, columns, 1), style);
    }
}
