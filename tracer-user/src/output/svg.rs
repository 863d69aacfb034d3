//! A flame graph: the paths of calls as bars, as wide as the time that was spent on them. One SVG
//! file that needs nothing else.
//!
//! It shows what the folded stacks say ([`crate::summary::flame`]). The root stands at the top, as
//! in a listing. Calls are merged while they come, and bars too narrow to be seen are skipped and
//! counted: the file has some ten thousand bars on each level at most, however many calls there
//! were. A click shows a path alone, and a search marks functions: that needs the script, all else
//! is there without.

use std::io::{self, Write};

use super::ftrace::time;
use crate::{
    model::{FunctionTable, many},
    summary::{Bar, Flame, Merged},
    values::escape,
};

/// The share of the whole from which on a bar is seen: a tenth of a pixel on a usual screen.
const NARROWEST: f64 = 1e-4;
/// The height of a level, pixels.
const LEVEL: usize = 18;
/// What stands above the bars, pixels.
const HEAD: usize = 52;
/// What stands below, pixels.
const FOOT: usize = 26;
/// Colours among which functions are distributed.
const COLOURS: u32 = 8;

const STYLE: &str = include_str!("svg/flame.css");
const SCRIPT: &str = include_str!("svg/flame.js");

/// Writes the flame graph of what was merged.
pub fn write(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    let mut flame = Flame::of(merged);
    flame.keep_share(NARROWEST);
    let height = HEAD + flame.levels() * LEVEL + FOOT;
    writeln!(
        out,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="{height}" font-size="12">
<title>tracer: flame graph</title>
<style>{STYLE}</style>
<rect class="ground" width="100%" height="100%"/>
<text class="head" x="8" y="20">{} in {}</text>
<text class="help" x="8" y="40">A click shows a path alone.</text>
<text class="button" id="search" x="100%" dx="-8" y="20" text-anchor="end">Search (Ctrl-F)</text>
<text class="button" id="all" x="100%" dx="-8" y="40" text-anchor="end" visibility="hidden">Show all (Esc)</text>
<g id="bars">"#,
        time::span(flame.whole.0),
        many(flame.calls, "root call")
    )?;
    for bar in &flame.bars {
        draw(bar, &flame, functions, out)?;
    }
    let skipped = match (flame.whole.0, flame.skipped) {
        (0, _) => "There is no call of which both ends were seen.".to_owned(),
        (_, 0) => String::new(),
        (_, 1) => "1 path with less than 0.01% of the time is skipped.".to_owned(),
        (_, narrow) => format!("{narrow} paths with less than 0.01% of the time are skipped."),
    };
    writeln!(
        out,
        r#"</g>
<text class="help" id="about" x="8" y="{}">{skipped}</text>
<script>{SCRIPT}</script>
</svg>"#,
        height - 9
    )
}

fn draw(
    bar: &Bar,
    flame: &Flame,
    functions: &FunctionTable,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = functions.name(bar.function);
    let colour = crc32fast::hash(name.as_bytes()) % COLOURS;
    let name = escaped(&name);
    let percent = 100.0 * flame.share(bar.width);
    let left = 100.0 * flame.share(bar.from);
    let top = HEAD + bar.level * LEVEL;
    writeln!(
        out,
        r#"<g class="c{colour}"><title>{name}: {}, {percent:.2}%, {}, {} of its own</title><svg x="{left:.5}%" y="{top}" width="{percent:.5}%" height="{}"><rect width="100%" height="100%"/><text x="3" y="13">{name}</text></svg></g>"#,
        time::span(bar.width.0),
        many(bar.calls, "call"),
        time::span(bar.own.0),
        LEVEL - 1,
    )
}

/// A text as XML has it. A recording may have any name, also one with what XML cannot say.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in escape::visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
