//! Colours of the listing, for a terminal: of durations by their marks from `!` on, and of returned
//! errors.
//!
//! Where there is no colour, not a byte is different.

use anstyle::{AnsiColor, Style};

use super::time;
use crate::{model::ValueType, values};

const LONG: Style = AnsiColor::Yellow.on_default();
const LONGER: Style = AnsiColor::Red.on_default();
const LONGEST: Style = AnsiColor::Red.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default();

/// Whether the listing has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// It has none.
    #[default]
    Plain,
    /// ANSI's, as terminals have them.
    Ansi,
}

impl Colour {
    /// How a duration looks: yellow above 100 µs (`!`), red above 1 ms, bold above 100 ms.
    pub(super) const fn of_duration(self, ns: u64) -> Style {
        match (self, time::mark(ns)) {
            (Self::Plain, _) => Style::new(),
            (_, b'!') => LONG,
            (_, b'#' | b'*') => LONGER,
            (_, b'@' | b'$') => LONGEST,
            _ => Style::new(),
        }
    }

    /// How a return value looks: red if it is an error.
    pub(super) fn of_return(self, returns: Option<&ValueType>, register: u64) -> Style {
        match self {
            Self::Ansi if values::returned_error(returns, register).is_some() => ERROR,
            _ => Style::new(),
        }
    }
}

/// Writes something in a style.
pub(super) fn painted<T>(
    out: &mut Vec<u8>,
    style: Style,
    write: impl FnOnce(&mut Vec<u8>) -> T,
) -> T {
    if style.is_plain() {
        return write(out);
    }
    out.extend_from_slice(style.render().to_string().as_bytes());
    let result = write(out);
    out.extend_from_slice(style.render_reset().to_string().as_bytes());
    result
}
