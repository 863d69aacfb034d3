//! A record as the kernel prints it, by the event's own `print fmt`: a format of printf's and what
//! it takes, in C.
//!
//! Most events use a small part of C: fields, constants, casts, operators, `?:`, and the kernel's
//! macros for flags, names, strings and lists (include/trace/stages/stage3_trace_output.h). That
//! part is understood here; where something else is used, its fields are shown side by side. What a
//! format says may come from a file, so nothing is taken for granted: numbers wrap, and nesting has
//! an end.
//!
//! Addresses read as they are, where the kernel hides them from those that may not see them
//! (`hash-ptr`).

mod cast;
mod expression;
mod list;
mod parser;
mod tokens;
mod value;

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use parser::Parser;
use value::{Value, low_half};

use super::sign_extended;
use crate::model::RecordType;

/// The text of a record; none if the format uses what is not understood, or if a field that it
/// shows did not come.
pub fn print(of: &RecordType, record: &[u8]) -> Option<String> {
    let mut parser = Parser::new(of, record);
    let format = parser.tokens.literal()?;
    let mut arguments = Vec::new();
    while !parser.tokens.is_at_end() {
        parser.tokens.expect(",")?;
        arguments.push(parser.expression()?);
    }
    format_with(&format, arguments.into_iter())
}

/// What stands between `%` and the letter.
#[derive(Clone, Copy, Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "flags that stand beside each other"
)]
struct Spec {
    left: bool,
    zeros: bool,
    plus: bool,
    alternative: bool,
    width: usize,
    precision: Option<usize>,
    /// Bytes of the number.
    bytes: u32,
}

/// No column is wider.
const WIDEST: usize = 256;

fn format_with<'a>(format: &str, mut values: impl Iterator<Item = Value<'a>>) -> Option<String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (spec, letter, after) = spec(after, &mut values)?;
        rest = after;
        let text = match letter {
            '%' => {
                out.push('%');
                continue;
            }
            'p' => {
                let (text, after) = pointer(values.next()?, rest)?;
                rest = after;
                text
            }
            's' => {
                let mut text = values.next()?.into_text()?.into_owned();
                if let Some(precision) = spec.precision {
                    text = text.chars().take(precision).collect();
                }
                text
            }
            'c' => {
                let code = u8::try_from(values.next()?.into_number()? & 0xff).ok()?;
                char::from(code).to_string()
            }
            _ => number(values.next()?.into_number()?, spec, letter)?,
        };
        pad(&mut out, &text, spec);
    }
    out.push_str(rest);
    values.next().is_none().then_some(out)
}

/// Reads up to the letter, and says what is left after it.
fn spec<'f, 'a>(
    mut rest: &'f str,
    values: &mut impl Iterator<Item = Value<'a>>,
) -> Option<(Spec, char, &'f str)> {
    let mut spec = Spec {
        bytes: 4,
        ..Spec::default()
    };
    let mut next = || {
        let letter = rest.chars().next()?;
        rest = &rest[letter.len_utf8()..];
        Some(letter)
    };
    let mut letter = next()?;
    loop {
        match letter {
            '-' => spec.left = true,
            '0' => spec.zeros = true,
            '+' => spec.plus = true,
            '#' => spec.alternative = true,
            ' ' => {}
            _ => break,
        }
        letter = next()?;
    }
    let mut count = |letter: &mut char| {
        let mut count = 0usize;
        if *letter == '*' {
            count = usize::try_from(values.next()?.into_number()?).ok()?;
            *letter = next()?;
        }
        while let Some(digit) = letter.to_digit(10) {
            count = count.saturating_mul(10).saturating_add(digit as usize);
            *letter = next()?;
        }
        Some(count.min(WIDEST))
    };
    spec.width = count(&mut letter)?;
    if letter == '.' {
        letter = '0';
        spec.precision = Some(count(&mut letter)?);
    }
    loop {
        spec.bytes = match letter {
            'h' => spec.bytes / 2,
            'l' | 'L' | 'q' | 'z' | 't' | 'j' => 8,
            _ => break,
        };
        letter = next()?;
    }
    Some((spec, letter, rest))
}

fn number(number: i128, spec: Spec, letter: char) -> Option<String> {
    let bits = super::truncated(low_half(number), spec.bytes);
    let signed = sign_extended(bits, spec.bytes);
    let (sign, mut digits) = match letter {
        'd' | 'i' => (
            if signed < 0 { "-" } else { "" },
            signed.unsigned_abs().to_string(),
        ),
        'u' => ("", bits.to_string()),
        'x' => ("", format!("{bits:x}")),
        'X' => ("", format!("{bits:X}")),
        'o' => ("", format!("{bits:o}")),
        _ => return None,
    };
    let sign = if spec.plus && sign.is_empty() && matches!(letter, 'd' | 'i') {
        "+"
    } else {
        sign
    };
    let prefix = match letter {
        // Also of 0, unlike printf's in C (number, lib/vsprintf.c).
        'x' | 'X' if spec.alternative => "0x",
        _ => "",
    };
    let width = match spec.precision {
        Some(precision) => precision,
        None if spec.zeros && !spec.left => spec.width.saturating_sub(sign.len() + prefix.len()),
        None => 0,
    };
    if digits.len() < width {
        digits = format!("{digits:0>width$}");
    }
    Some(format!("{sign}{prefix}{digits}"))
}

fn pad(out: &mut String, text: &str, spec: Spec) {
    let width = spec.width;
    // Writing to a string cannot fail.
    let _ = if spec.left {
        write!(out, "{text:<width$}")
    } else {
        write!(out, "{text:>width$}")
    };
}

/// `%p` and what may stand after it (Documentation/core-api/printk-formats.rst); says what is left
/// of the format.
fn pointer<'f>(value: Value<'_>, rest: &'f str) -> Option<(String, &'f str)> {
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
    let kind = &rest[..end.unwrap_or(rest.len())];
    if let Value::Array(array) = value {
        let (text, kind_length) = bytes_as(array.bytes, kind)?;
        return Some((text, &rest[kind_length..]));
    }
    let length = usize::from(kind.starts_with(['x', 'K', 'S', 's', 'F', 'f', 'B']));
    let address = value.into_number()?;
    let text = format!("{:016x}", low_half(address));
    Some((text, &rest[length..]))
}

/// Bytes as `%p` and this would show them, and how many letters that is.
fn bytes_as(bytes: &[u8], kind: &str) -> Option<(String, usize)> {
    let kinds = [
        "ISpc", "ISc", "ISp", "IS", "I4", "i4", "I6c", "I6", "M", "m",
    ];
    let kind = kinds.into_iter().find(|known| kind.starts_with(known))?;
    let text = match kind {
        "I4" | "i4" => ipv4(bytes)?.to_string(),
        "I6c" => ipv6(bytes)?.to_string(),
        "I6" => {
            let groups = ipv6(bytes)?.segments().map(|group| format!("{group:04x}"));
            groups.join(":")
        }
        "M" | "m" => {
            let bytes = bytes.get(..6)?.iter().map(|byte| format!("{byte:02x}"));
            let bytes: Vec<String> = bytes.collect();
            bytes.join(if kind == "M" { ":" } else { "" })
        }
        _ => socket_address(bytes, kind.contains('p'))?,
    };
    Some((text, kind.len()))
}

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?))
}

fn ipv6(bytes: &[u8]) -> Option<Ipv6Addr> {
    Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?))
}

/// A `struct sockaddr_in` or `sockaddr_in6`.
fn socket_address(bytes: &[u8], with_port: bool) -> Option<String> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    Some(match (i32::from(family), with_port) {
        (libc::AF_INET, false) => ipv4(bytes.get(4..)?)?.to_string(),
        (libc::AF_INET, true) => format!("{}:{port}", ipv4(bytes.get(4..)?)?),
        (libc::AF_INET6, false) => ipv6(bytes.get(8..)?)?.to_string(),
        (libc::AF_INET6, true) => format!("[{}]:{port}", ipv6(bytes.get(8..)?)?),
        _ => "(invalid address)".to_owned(),
    })
}

#[cfg(test)]
mod tests;
