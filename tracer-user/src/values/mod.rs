//! A value as its type says it should read.
//!
//! The probes deliver the whole return register, whatever the function returns. A `void` function
//! leaves rubbish there, an `int` function leaves rubbish in the upper half, and `-11` means more
//! with its name. So: nothing for `void`; numbers cut to their width, signed ones with the name of
//! the error where they are one; pointers in hex, unless they are an error in disguise, which reads
//! as the kernel writes it in C.
//!
//! `Style::Hex` is what function_graph prints with `funcgraph-retval-hex` (print_graph_retval,
//! kernel/trace/trace_functions_graph.c): the register, of every function alike.
//!
//! `arguments` does the same for what is passed, [`number`] is a value as conditions compare it,
//! `errno` has the names of errors, `text` is for strings, [`View`] brings together what is known
//! of a call, [`words`] has what is said of it. Every value and name that comes from outside passes
//! [`escape`] before it is written.

mod arguments;
mod bytes;
mod errno;
pub mod escape;
mod fields;
pub mod number;
mod print;
mod record;
mod span;
mod stack;
mod text;
mod view;
pub mod words;

pub use arguments::{Signature, TypedArgument, format_arguments, typed_arguments};
pub use fields::{FieldValue, TypedField, UNREADABLE};
pub use record::{MarkView, RecordValue};
pub use span::span;
pub use stack::{UserFrame, why_short};
pub use view::View;

use std::{borrow::Cow, fmt};

use serde::Serialize;

use crate::{
    arch::REGISTER_BYTES,
    model::{FunctionTable, GFP, ValueType},
};

/// What stands for a value of which one register is not all.
const IN_PARTS: &str = "{...}";

/// Whether one register is not all of a value of that type: `__int128`, structures. The second
/// half, and what is returned in memory, are not recorded.
const fn is_in_parts(returns: &ValueType) -> bool {
    match returns {
        ValueType::Signed { bytes }
        | ValueType::Unsigned { bytes }
        | ValueType::Enum { bytes, .. }
        | ValueType::Aggregate { bytes } => *bytes > REGISTER_BYTES,
        ValueType::Record(_) => true,
        ValueType::Void | ValueType::Bool | ValueType::Pointer => false,
    }
}

/// How return values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// By the function's type.
    #[default]
    Typed,
    /// The whole register in hex.
    Hex,
}

/// How the user wants return values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Values {
    /// By the function's type; nothing for `void`.
    #[default]
    Typed,
    /// Every return register in hex, as function_graph's `funcgraph-retval-hex`.
    Hex,
    /// Not at all.
    Hidden,
}

/// A return value for programs that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Typed {
    /// True or false.
    Bool(bool),
    /// A signed number, which may be an error number.
    Signed(i64),
    /// A number of a list, in which negative ones are no error numbers.
    Listed(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// An address, or whatever else was in the register; as a string in hex, because it may not fit
    /// a double.
    #[serde(serialize_with = "in_hex")]
    Bits(u64),
}

impl fmt::Display for Typed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(formatter),
            Self::Signed(value) | Self::Listed(value) => value.fmt(formatter),
            Self::Unsigned(value) => value.fmt(formatter),
            Self::Bits(bits) => write!(formatter, "{bits:#x}"),
        }
    }
}

impl Typed {
    /// The name of the error that it is, such as `EAGAIN`.
    #[must_use]
    pub fn error_name(self) -> Option<&'static str> {
        match self {
            Self::Signed(number) => error_name(number),
            _ => None,
        }
    }
}

/// The name of the error that a register holds by the function's type, such as `EAGAIN`.
#[must_use]
pub fn returned_error(returns: Option<&ValueType>, register: u64) -> Option<&'static str> {
    typed(returns, register, Values::Typed).and_then(Typed::error_name)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn in_hex<S: serde::Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{bits:#x}"))
}

/// A return value for programs, or none where there is nothing to say.
#[must_use]
pub fn typed(returns: Option<&ValueType>, register: u64, values: Values) -> Option<Typed> {
    let returns = match values {
        Values::Typed => returns,
        Values::Hex => None,
        Values::Hidden => return None,
    };
    Some(match returns {
        Some(ValueType::Void) => return None,
        Some(returns) if is_in_parts(returns) => return None,
        Some(ValueType::Bool) => Typed::Bool(register & 0xff != 0),
        Some(ValueType::Signed { bytes }) => Typed::Signed(sign_extended(register, *bytes)),
        Some(ValueType::Enum {
            signed: true,
            bytes,
            ..
        }) => Typed::Listed(sign_extended(register, *bytes)),
        Some(ValueType::Unsigned { bytes } | ValueType::Enum { bytes, .. }) => {
            Typed::Unsigned(truncated(register, *bytes))
        }
        Some(ValueType::Pointer) if error_name(register.cast_signed()).is_some() => {
            Typed::Signed(register.cast_signed())
        }
        Some(ValueType::Aggregate { bytes }) => Typed::Bits(truncated(register, *bytes)),
        Some(ValueType::Pointer | ValueType::Record(_)) | None => Typed::Bits(register),
    })
}

/// Appends a return value for the reader; says whether there is something to say. The numbers that
/// are usual go without a detour.
pub fn append_return(
    out: &mut Vec<u8>,
    functions: Option<&FunctionTable>,
    returns: Option<&ValueType>,
    value: u64,
    style: Style,
) -> bool {
    match returns.filter(|_| style == Style::Typed) {
        Some(ValueType::Signed { bytes }) if *bytes <= REGISTER_BYTES => {
            let number = sign_extended(value, *bytes);
            append_number(out, number);
            if let Some(name) = error_name(number) {
                out.extend_from_slice(b" (");
                out.extend_from_slice(name.as_bytes());
                out.push(b')');
            }
        }
        Some(ValueType::Unsigned { bytes }) if *bytes < REGISTER_BYTES => {
            append_number(out, truncated(value, *bytes));
        }
        _ => match format_return(functions, returns, value, style) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => return false,
        },
    }
    true
}

fn append_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A return value for the reader, or none where there is nothing to say.
///
/// A function without a known type reads in hex. An address in the kernel's text reads as the place
/// that it is, by the names that `functions` has.
pub fn format_return(
    functions: Option<&FunctionTable>,
    returns: Option<&ValueType>,
    value: u64,
    style: Style,
) -> Option<String> {
    let typed = returns.filter(|_| style == Style::Typed);
    if let Some(place) = typed.and_then(|returns| place(functions, returns, value)) {
        return Some(escape::visible(place).into_owned());
    }
    Some(match typed {
        Some(ValueType::Void) => return None,
        Some(returns) if is_in_parts(returns) => IN_PARTS.to_owned(),
        // The ABI leaves the other bits of the register undefined.
        Some(ValueType::Bool) => (value & 0xff != 0).to_string(),
        Some(ValueType::Signed { bytes }) => signed(value, *bytes),
        Some(ValueType::Enum {
            name, bytes, names, ..
        }) if name == GFP => flags(truncated(value, *bytes), names),
        Some(ValueType::Enum {
            signed,
            bytes,
            names,
            ..
        }) => listed(value, *signed, *bytes, names),
        Some(ValueType::Unsigned { bytes }) => truncated(value, *bytes).to_string(),
        Some(ValueType::Pointer | ValueType::Record(_)) => pointer(value),
        Some(ValueType::Aggregate { bytes }) => hex(truncated(value, *bytes)),
        None => hex(value),
    })
}

/// The name of the place in the kernel's text that a value of that type is the address of.
fn place<'f>(functions: Option<&'f FunctionTable>, of: &ValueType, value: u64) -> Option<&'f str> {
    match of {
        ValueType::Pointer | ValueType::Unsigned { bytes: 8 } => functions?.place(value),
        _ => None,
    }
}

/// Flags, each name taken that has all its bits among those that are left; names of several come
/// first (`format_flags`, lib/vsprintf.c).
fn flags(value: u64, names: &[(i64, String)]) -> String {
    let mut rest = value;
    let mut parts: Vec<Cow<'_, str>> = Vec::new();
    for (mask, name) in names {
        let mask = mask.cast_unsigned();
        if mask != 0 && rest & mask == mask {
            rest &= !mask;
            parts.push(escape::visible(name));
        }
    }
    if rest != 0 || parts.is_empty() {
        parts.push(hex(rest).into());
    }
    parts.join("|")
}

/// A number of a list by its name. A negative one is no error number.
fn listed(value: u64, signed: bool, bytes: u32, names: &[(i64, String)]) -> String {
    let number = if signed {
        sign_extended(value, bytes)
    } else {
        truncated(value, bytes).cast_signed()
    };
    named(number, names).unwrap_or_else(|| {
        if signed {
            number.to_string()
        } else {
            number.cast_unsigned().to_string()
        }
    })
}

/// A number by its name in the enum. One that has none may be several of them together, if they are
/// flags.
fn named(number: i64, names: &[(i64, String)]) -> Option<String> {
    if let Some((_, name)) = names.iter().find(|(value, _)| *value == number) {
        return Some(escape::visible(name).into_owned());
    }
    let mut rest = number;
    let mut parts = Vec::new();
    for (value, name) in names {
        if *value > 0 && value.count_ones() == 1 && rest & value != 0 {
            rest &= !value;
            parts.push(name.as_str());
        }
    }
    (rest == 0 && parts.len() > 1).then(|| escape::visible(&parts.join("|")).into_owned())
}

/// The value of a signed number of that many bytes, whatever the rest of the register holds.
pub fn sign_extended(value: u64, bytes: u32) -> i64 {
    let unused = unused_bits(bytes);
    (value << unused).cast_signed() >> unused
}

/// The value of an unsigned number of that many bytes, whatever the rest of the register holds.
pub fn truncated(value: u64, bytes: u32) -> u64 {
    let unused = unused_bits(bytes);
    (value << unused) >> unused
}

/// The register's upper bits that a number of that many bytes does not use.
fn unused_bits(bytes: u32) -> u32 {
    match bytes {
        1..8 => 64 - 8 * bytes,
        _ => 0,
    }
}

fn signed(value: u64, bytes: u32) -> String {
    let number = sign_extended(value, bytes);
    match error_name(number) {
        Some(name) => format!("{number} ({name})"),
        None => number.to_string(),
    }
}

fn pointer(value: u64) -> String {
    match error_name(value.cast_signed()) {
        Some(name) => format!("ERR_PTR(-{name})"),
        None => hex(value),
    }
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

/// The name of a negative error number.
fn error_name(number: i64) -> Option<&'static str> {
    if !number::is_error(number.into()) {
        return None;
    }
    errno::name(number.unsigned_abs())
}

/// The name of an error by its number, such as `EAGAIN` of 11.
pub fn name_of_error(number: u64) -> Option<&'static str> {
    errno::name(number)
}

/// The number of an error by its name, such as 11 of `EAGAIN`.
pub fn error_number(name: &str) -> Option<u64> {
    errno::number(name)
}

#[cfg(test)]
mod tests;
