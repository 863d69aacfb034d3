//! The kernel's macros in formats: lists of flags and of names, strings, bytes
//! (include/trace/stages/stage3_trace_output.h, kernel/trace/trace_output.c).

use std::fmt::Write as _;

use super::{
    parser::Parser,
    value::{Value, low_half},
};
use crate::values::bytes::word;

/// Names that are held against a value at most.
const MOST_NAMES: usize = 4096;

/// What a macro with what stands between its parentheses makes.
pub fn call<'a>(parser: &mut Parser<'a>, name: &str) -> Option<Value<'a>> {
    match name {
        "__print_flags" | "__print_flags_u64" => flags(parser),
        "__print_symbolic" | "__print_symbolic64" => symbolic(parser),
        "__get_str" | "__get_dynamic_array" | "__get_sockaddr" => {
            let field = parser.tokens.word()?;
            Some(Value::Array(parser.variable(field)?))
        }
        "__get_dynamic_array_len" => {
            let field = parser.tokens.word()?;
            Some(Value::Number(
                parser.variable(field)?.bytes.len().try_into().ok()?,
            ))
        }
        "__print_hex" => hex(parser, " "),
        "__print_hex_str" => hex(parser, ""),
        "__print_array" => array(parser),
        _ => None,
    }
}

/// `trace_print_flags_seq`: names of bits, and what is left in hex.
fn flags<'a>(parser: &mut Parser<'a>) -> Option<Value<'a>> {
    let mut left = parser.expression()?.into_number()?;
    parser.tokens.expect(",")?;
    let between = parser.tokens.literal()?;
    let mut parts: Vec<String> = Vec::new();
    each_name(parser, |mask, name| {
        if mask != 0 && left & mask == mask {
            left &= !mask;
            parts.push(name.to_owned());
        }
    })?;
    if left != 0 {
        parts.push(format!("{:#x}", low_half(left)));
    }
    Some(Value::Text(parts.join(&between).into()))
}

/// `trace_print_symbols_seq`: the name of a value, or the value in hex.
fn symbolic<'a>(parser: &mut Parser<'a>) -> Option<Value<'a>> {
    let value = parser.expression()?.into_number()?;
    let mut found = None;
    each_name(parser, |number, name| {
        if found.is_none() && low_half(number) == low_half(value) {
            found = Some(name.to_owned());
        }
    })?;
    let text = found.unwrap_or_else(|| format!("{:#x}", low_half(value)));
    Some(Value::Text(text.into()))
}

/// Reads `, {number, "name"}` as often as it comes.
fn each_name(parser: &mut Parser<'_>, mut take: impl FnMut(i128, &str)) -> Option<()> {
    for _ in 0..MOST_NAMES {
        if !parser.tokens.take(",") {
            return Some(());
        }
        parser.tokens.expect("{")?;
        let number = parser.expression()?.into_number()?;
        parser.tokens.expect(",")?;
        let name = parser.tokens.literal()?;
        parser.tokens.expect("}")?;
        take(number, &name);
    }
    None
}

/// `trace_print_hex_seq`.
fn hex<'a>(parser: &mut Parser<'a>, between: &str) -> Option<Value<'a>> {
    let bytes = bytes(parser)?;
    parser.tokens.expect(",")?;
    let length = usize::try_from(parser.expression()?.into_number()?).ok()?;
    let bytes = bytes
        .get(..length)?
        .iter()
        .map(|byte| format!("{byte:02x}"));
    let bytes: Vec<String> = bytes.collect();
    Some(Value::Text(bytes.join(between).into()))
}

/// `trace_print_array_seq`.
fn array<'a>(parser: &mut Parser<'a>) -> Option<Value<'a>> {
    let bytes = bytes(parser)?;
    parser.tokens.expect(",")?;
    let count = usize::try_from(parser.expression()?.into_number()?).ok()?;
    parser.tokens.expect(",")?;
    let size = usize::try_from(parser.expression()?.into_number()?).ok()?;
    let size = Some(size).filter(|size| matches!(size, 1 | 2 | 4 | 8))?;
    let mut text = String::from("{");
    for element in bytes.get(..count.checked_mul(size)?)?.chunks(size) {
        let between = if text.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{between}{:#x}", word(element));
    }
    text.push('}');
    Some(Value::Text(text.into()))
}

fn bytes<'a>(parser: &mut Parser<'a>) -> Option<&'a [u8]> {
    match parser.expression()? {
        Value::Array(array) => Some(array.bytes),
        Value::Number(_) | Value::Text(_) => None,
    }
}
