//! A recording as one page for a browser: a flame graph to zoom and search, how long root calls
//! took, the calls that are worth reading, and each function in numbers. Two recordings stand side
//! by side.
//!
//! The page needs nothing else, and its policy forbids it to load anything. All that comes from a
//! recording is in one JSON text ([`data`]) that no name can leave: `<` does not occur in it. The
//! script puts it on the page as text, never as HTML. The numbers are made before, so a page is
//! some 100 KB to a few MB, however many calls there were.

mod data;
mod live;

use std::io::{self, Write};

use serde_json::ser::Formatter;

use self::data::Data;
pub use self::{data::Recorded, live::live};
use crate::{
    model::Capture,
    output::ftrace,
    summary::{Diff, SortBy},
};

const STYLE: &str = include_str!("page/page.css");
const BODY: &str = include_str!("page/body.html");
/// In the order in which they need each other.
const SCRIPTS: [&str; 7] = [
    include_str!("page/common.js"),
    include_str!("page/table.js"),
    include_str!("page/histogram.js"),
    include_str!("page/flame.js"),
    include_str!("page/calls.js"),
    include_str!("page/tables.js"),
    include_str!("page/main.js"),
];

/// What a page may have; all else is refused by the browser.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// What a page shows.
pub struct Page<'a> {
    /// One recording, or two to compare.
    pub recordings: &'a [Recorded<'a>],
    /// What differs between two.
    pub diff: Option<Diff<'a>>,
    /// By what functions are sorted at first.
    pub sort: SortBy,
    /// How values read, and what a duration is.
    pub text: ftrace::TextOptions,
    /// What was recorded of calls, as far as it is wanted.
    pub capture: Capture,
}

impl Page<'_> {
    /// Writes the page.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>tracer report</title>
<style>
{STYLE}</style>
</head>
{BODY}<script type="application/json" id="data">"#
        )?;
        self.data(out)?;
        writeln!(out, "</script>\n<script>\n\"use strict\";")?;
        for script in SCRIPTS {
            out.write_all(script.as_bytes())?;
        }
        writeln!(out, "</script>\n</body>\n</html>")
    }

    fn data(&self, out: &mut impl Write) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::with_formatter(out, InScript);
        serde::Serialize::serialize(&Data::of(self), &mut serializer)?;
        Ok(())
    }
}

/// JSON that may stand in a script element: nothing in it can end the element, or begin a comment.
struct InScript;

impl Formatter for InScript {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for part in fragment.split_inclusive('<') {
            match part.strip_suffix('<') {
                Some(before) => {
                    writer.write_all(before.as_bytes())?;
                    writer.write_all(b"\\u003c")?;
                }
                None => writer.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }
}
