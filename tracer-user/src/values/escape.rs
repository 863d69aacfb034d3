//! What comes from outside, as it may be shown.
//!
//! A task chooses its own name, a recording may come from anywhere, and a string of a call holds
//! what a user has typed. Any of them may hold an escape sequence, a newline or a bidirectional
//! override, with which a local user would write lines into root's listing, or drive root's
//! terminal. So every output passes what comes from outside through this module, and nothing else
//! decides what can be seen:
//!
//! - [`visible`] is for text: what cannot be seen becomes `\x1b`, `\n` or `\u{202e}`, a byte that
//!   is no UTF-8 becomes `\xff`. The result has no control character, is UTF-8, and is one line. To
//!   pass it through once more changes nothing, so a sentence may be made of parts that were made
//!   visible before.
//! - [`cell`] is for a spreadsheet: what it would take for a formula has an apostrophe before it.
//! - [`json`] keeps the original. A reader of the JSON gets every character as it was; what cannot
//!   be seen is written as `\u001b`, so the JSON itself can go to a terminal. A byte that is no
//!   UTF-8 is replaced, since JSON has no way to say it.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::model::{CommandName, RootCall};

/// What can be seen of a text.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    // Nearly all names are such.
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|one| push(&mut out, one));
    Cow::Owned(out)
}

/// What can be seen of bytes that should be a text.
#[must_use]
pub fn visible_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => visible(text),
        Err(_) => Cow::Owned(pieces(bytes).collect()),
    }
}

/// The name of a root call's task.
#[must_use]
pub fn comm(root: &RootCall) -> Cow<'_, str> {
    task_name(&root.comm)
}

/// The name of a root call's process, if it is known and another than the task's.
#[must_use]
pub fn other_process(root: &RootCall) -> Option<String> {
    let name = root.other_process()?;
    Some(visible_bytes(name.bytes()).into_owned())
}

/// A root call's task, `comm-pid`, and its process where that has another name.
#[must_use]
pub fn task(root: &RootCall) -> String {
    let task = format!("{}-{}", comm(root), root.task.id().0);
    task_of(task, root.other_process())
}

/// A task, and after it its process in brackets where that has another name.
#[must_use]
pub fn task_of(task: String, process: Option<CommandName>) -> String {
    match process {
        Some(name) => format!("{task} ({})", visible_bytes(name.bytes())),
        None => task,
    }
}

/// The name of a task, which zeros pad.
#[must_use]
pub fn task_name(comm: &[u8]) -> Cow<'_, str> {
    visible_bytes(comm_bytes(comm))
}

/// The name of a task, which zeros pad, cut to so many characters. An escape counts as what it
/// stands for.
#[must_use]
pub fn short_comm(comm: &[u8], most: usize) -> String {
    pieces(comm_bytes(comm)).take(most).collect()
}

fn comm_bytes(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}

/// A text as a cell that a spreadsheet takes for a text, whatever it begins with. No other cell
/// begins with an apostrophe.
#[must_use]
pub fn cell(text: Cow<'_, str>) -> Cow<'_, str> {
    match visible_owned(text) {
        text if text.starts_with(['=', '+', '-', '@', '\'']) => Cow::Owned(format!("'{text}")),
        text => text,
    }
}

/// What can be seen of a text that is owned, perhaps.
#[must_use]
pub fn visible_owned(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => visible(text),
        Cow::Owned(text) if text.bytes().all(is_plain) => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(visible(&text).into_owned()),
    }
}

/// Writes something as JSON that can go to a terminal.
pub fn json<W: Write>(out: W, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Visible);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Each character of bytes as it may be shown, and each byte that belongs to none.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let characters = chunk.valid().chars().map(|one| {
            let mut piece = String::new();
            push(&mut piece, one);
            piece
        });
        let others = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        characters.chain(others)
    })
}

/// Appends a character as it may be shown.
pub(super) fn push(out: &mut String, character: char) {
    match character {
        ' '..='~' => out.push(character),
        '\n' | '\r' | '\t' => out.extend(character.escape_default()),
        '\0'..='\x7f' => {
            // A string takes all.
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        }
        _ if is_hidden(character) => out.extend(character.escape_unicode()),
        _ => out.push(character),
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Whether a character shows nothing of itself: a control character, one that directs how others
/// are shown, one that is not assigned. The standard library knows them.
fn is_hidden(character: char) -> bool {
    !matches!(character, '"' | '\'' | '\\') && character.escape_debug().len() > 1
}

/// Compact JSON in which every character can be seen.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(is_plain) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        // serde_json itself escapes what is below a space.
        while let Some((place, hidden)) = rest.char_indices().find(|&(_, one)| is_hidden(one)) {
            writer.write_all(&rest.as_bytes()[..place])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[place + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for (bytes, expected) in [
            (&b"kworker/0:1-events"[..], "kworker/0:1-events"),
            (b"\x1b[31m\nx\xff", r"\x1b[31m\nx\xff"),
            (b"\r\t\x07\x7f", r"\r\t\x07\x7f"),
            (
                "Gr\u{fc}n\u{202e}\u{9b}".as_bytes(),
                "Gr\u{fc}n\\u{202e}\\u{9b}",
            ),
            (
                "\u{2066}\u{2028}\u{feff}".as_bytes(),
                r"\u{2066}\u{2028}\u{feff}",
            ),
            (b"\xe2\x82", r"\xe2\x82"),
            (br#"it's "\""#, r#"it's "\""#),
        ] {
            assert_eq!(visible_bytes(bytes), expected);
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", r"\t=1"),
            ("'=1", "''=1"),
            ("vfs_read", "vfs_read"),
        ] {
            assert_eq!(cell(text.into()), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_excluded_is_left(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let shown = visible_bytes(&bytes).into_owned();
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert_eq!(visible(&shown), shown.as_str());
        }

        #[test]
        fn json_keeps_the_original(text in any::<String>()) {
            let mut out = Vec::new();
            json(&mut out, &text).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert!(!out.chars().any(is_hidden), "{}", out);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
