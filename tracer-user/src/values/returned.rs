//! A return value for the reader.
//!
//! The probes deliver the whole return register, whatever the function returns. A `void` function
//! leaves rubbish there, an `int` function leaves rubbish in the upper half, and `-11` means more
//! with its name. So: nothing for `void`; numbers cut to their width, signed ones with the name of
//! the error where they are one; pointers in hex, unless they are an error in disguise, which reads
//! as the kernel writes it in C.

use super::{
    Style, escape,
    listed::{flags, listed},
    register::{IN_PARTS, error_name, is_in_parts, sign_extended, truncated},
};
use crate::{
    arch::REGISTER_BYTES,
    model::{FunctionTable, GFP, ValueType},
};

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
pub(super) fn place<'f>(
    functions: Option<&'f FunctionTable>,
    of: &ValueType,
    value: u64,
) -> Option<&'f str> {
    match of {
        ValueType::Pointer | ValueType::Unsigned { bytes: 8 } => functions?.place(value),
        _ => None,
    }
}

fn signed(value: u64, bytes: u32) -> String {
    let number = sign_extended(value, bytes);
    match error_name(number) {
        Some(name) => format!("{number} ({name})"),
        None => number.to_string(),
    }
}

pub(super) fn pointer(value: u64) -> String {
    match error_name(value.cast_signed()) {
        Some(name) => format!("ERR_PTR(-{name})"),
        None => hex(value),
    }
}

pub(super) fn hex(value: u64) -> String {
    format!("{value:#x}")
}
