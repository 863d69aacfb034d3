//! Numbers that have names: those of enums, alone and as flags.

use std::borrow::Cow;

use super::{
    escape,
    register::{sign_extended, truncated},
    returned::hex,
};

/// Flags, each name taken that has all its bits among those that are left; names of several come
/// first (`format_flags`, lib/vsprintf.c).
pub(super) fn flags(value: u64, names: &[(i64, String)]) -> String {
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
pub(super) fn listed(value: u64, signed: bool, bytes: u32, names: &[(i64, String)]) -> String {
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
