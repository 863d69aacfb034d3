//! How fields of a call read.
//!
//! `sk->sk_wmem_queued=8192→8199` is one that was 8192 when the call was entered and 8199 when it
//! returned; one value alone did not change, or was read once. `?` stands for memory that could not
//! be read: a pointer on the way there was no address, or the page was not in memory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use super::{Typed, Values, arguments::readable, register::IN_PARTS, string::quoted, typed};
use crate::model::{
    Details, Field, FieldInfo, FieldMember, FieldShape, FunctionTable, RecordedString, ValueType,
};

/// What stands for memory that could not be read.
pub const UNREADABLE: &str = "?";

/// A field of a call for programs that read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TypedField<'a> {
    /// As C writes it.
    pub name: &'a str,
    /// At the entry; nothing if it could not be read.
    pub value: Option<FieldValue>,
    /// At the exit, if it was read there and differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_exit: Option<Option<FieldValue>>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A number or an address.
    Number(Typed),
    /// Something that is written.
    Written(String),
}

/// One that was read, as it is shown and as it is told to programs.
struct Read {
    shown: String,
    value: Option<FieldValue>,
}

/// The fields of a call as text: `a->b=1→2, c=3`; none if it has none.
pub(super) fn format_fields(
    functions: Option<&FunctionTable>,
    fields: &[FieldInfo],
    details: &Details,
) -> Option<String> {
    let shown: Vec<String> = fields
        .iter()
        .filter_map(|field| {
            let [entry, exit] = ends(functions, field, details);
            let entry = entry?.shown;
            let name = &field.name;
            Some(match exit {
                Some(exit) if exit.shown != entry => format!("{name}={entry}→{}", exit.shown),
                _ => format!("{name}={entry}"),
            })
        })
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// The fields of a call for programs.
pub(super) fn typed_fields<'a>(
    functions: Option<&FunctionTable>,
    fields: &'a [FieldInfo],
    details: &Details,
) -> Vec<TypedField<'a>> {
    fields
        .iter()
        .filter_map(|field| {
            let [entry, exit] = ends(functions, field, details);
            let entry = entry?;
            let at_exit = exit.filter(|exit| exit.shown != entry.shown);
            Some(TypedField {
                name: &field.name,
                value: entry.value,
                at_exit: at_exit.map(|exit| exit.value),
            })
        })
        .collect()
}

/// The field at both ends of the call, as far as it was read.
fn ends(
    functions: Option<&FunctionTable>,
    info: &FieldInfo,
    details: &Details,
) -> [Option<Read>; 2] {
    [false, true].map(|at_exit| {
        let read = |number: u8| {
            let number = u32::from(info.read) + u32::from(number);
            details.field(number, at_exit)
        };
        read(0).map(|first| value(functions, &info.shape, first, read(1)))
    })
}

fn value(
    functions: Option<&FunctionTable>,
    shape: &FieldShape,
    first: &Field,
    second: Option<&Field>,
) -> Read {
    if first.is_unreadable() {
        return Read {
            shown: UNREADABLE.to_owned(),
            value: None,
        };
    }
    let written = |shown: String| Read {
        value: Some(FieldValue::Written(shown.clone())),
        shown,
    };
    match shape {
        FieldShape::Value(value) => {
            let number = first.parts.first().copied().unwrap_or(0);
            Read {
                shown: readable(functions, value, number).unwrap_or_else(|| IN_PARTS.to_owned()),
                value: typed(Some(value), number, Values::Typed).map(FieldValue::Number),
            }
        }
        FieldShape::Text => text(first, true),
        FieldShape::Characters => text(first, false),
        FieldShape::Structure { bytes, members } => {
            written(structure(functions, &first.bytes(), *bytes, members))
        }
        FieldShape::Tuple => written(tuple(&first.bytes(), second.map(Field::bytes))),
    }
}

/// A text, up to its first zero. One from an array may fill it and is whole then.
fn text(field: &Field, can_be_cut: bool) -> Read {
    let mut bytes = field.bytes();
    let end = bytes.iter().position(|&byte| byte == 0);
    let is_whole = end.is_some_and(|end| end + 1 < tracer_common::MAX_FIELD_BYTES) || !can_be_cut;
    bytes.truncate(end.unwrap_or(bytes.len()));
    let value = String::from_utf8_lossy(&bytes).into_owned();
    let text = RecordedString {
        argument: 0,
        bytes,
        is_whole,
    };
    Read {
        shown: quoted(&text),
        value: Some(FieldValue::Written(value)),
    }
}

/// The members of a structure, or its bytes in hex if it has none that are numbers.
fn structure(
    functions: Option<&FunctionTable>,
    bytes: &[u8],
    size: u32,
    members: &[FieldMember],
) -> String {
    if members.is_empty() {
        let digits = bytes.iter().take(size as usize).flat_map(|byte| {
            let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('?');
            [digit(byte >> 4), digit(byte & 0xf)]
        });
        return digits.collect();
    }
    let shown: Vec<String> = members
        .iter()
        .filter_map(|member| {
            let number = bits(bytes, member)?;
            let value = readable(functions, &member.value, number)?;
            Some(format!("{}={value}", member.name))
        })
        .collect();
    format!("{{{}}}", shown.join(", "))
}

/// The number that a member is.
fn bits(bytes: &[u8], member: &FieldMember) -> Option<u64> {
    let (start, shift) = (member.bits as usize / 8, member.bits % 8);
    let length = (shift + member.width).div_ceil(8) as usize;
    if length > 8 || member.width == 0 {
        return None;
    }
    let mut word = [0; 8];
    word[..length].copy_from_slice(bytes.get(start..start + length)?);
    let mut number = u64::from_le_bytes(word) >> shift;
    let spare = 64 - member.width;
    if member.swapped {
        return Some(number.swap_bytes() >> spare);
    }
    number <<= spare;
    let is_signed = matches!(
        member.value,
        ValueType::Signed { .. } | ValueType::Enum { signed: true, .. }
    );
    Some(if is_signed {
        (number.cast_signed() >> spare).cast_unsigned()
    } else {
        number >> spare
    })
}

/// Addresses and ports, this end first: `127.0.0.1:40000 > 127.0.0.1:443`. `head` is the beginning
/// of `struct sock_common`, `far` are the two addresses of IPv6, the other end's first.
fn tuple(head: &[u8], far: Option<Vec<u8>>) -> String {
    const INET: u16 = 2;
    const INET6: u16 = 10;
    const UNIX: u16 = 1;
    let Some(head) = head.first_chunk::<24>() else {
        return UNREADABLE.to_owned();
    };
    let short = |at: usize| [head[at], head[at + 1]];
    let four = |at: usize| Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]);
    let (remote, local) = (u16::from_be_bytes(short(12)), u16::from_ne_bytes(short(14)));
    let pair = |from: IpAddr, to: IpAddr| {
        let (from, to) = (SocketAddr::new(from, local), SocketAddr::new(to, remote));
        format!("{from} > {to}")
    };
    match u16::from_ne_bytes(short(16)) {
        INET => pair(four(4).into(), four(0).into()),
        INET6 => {
            let far = far.unwrap_or_default();
            let six = |at: usize| {
                let bytes = far.get(at..at + 16)?.first_chunk::<16>()?;
                Some(Ipv6Addr::from(*bytes))
            };
            match (six(16), six(0)) {
                (Some(from), Some(to)) => pair(from.into(), to.into()),
                _ => UNREADABLE.to_owned(),
            }
        }
        UNIX => "unix".to_owned(),
        family => format!("family {family}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_says_both_ends() {
        let mut head = vec![0; 24];
        head[..8].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
        head[12..14].copy_from_slice(&443_u16.to_be_bytes());
        head[14..16].copy_from_slice(&4000_u16.to_ne_bytes());
        head[16..18].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(tuple(&head, None), "10.0.0.1:4000 > 10.0.0.2:443");
        head[16..18].copy_from_slice(&10_u16.to_ne_bytes());
        let mut far = vec![0; 32];
        (far[15], far[31]) = (1, 2);
        assert_eq!(tuple(&head, Some(far)), "[::2]:4000 > [::1]:443");
        assert_eq!(tuple(&head, None), UNREADABLE);
        head[16..18].copy_from_slice(&16_u16.to_ne_bytes());
        assert_eq!(tuple(&head, None), "family 16");
    }

    #[test]
    fn bits_of_a_structure_are_numbers() {
        let member = |bits, width, swapped, value| FieldMember {
            name: "m".to_owned(),
            bits,
            width,
            swapped,
            value,
        };
        let bytes = [0b1011_0100, 0x01, 0x01, 0xbb];
        let unsigned = || ValueType::Unsigned { bytes: 4 };
        assert_eq!(bits(&bytes, &member(2, 3, false, unsigned())), Some(0b101));
        let signed = ValueType::Signed { bytes: 4 };
        assert_eq!(
            bits(&bytes, &member(5, 3, false, signed)),
            Some((-3_i64).cast_unsigned())
        );
        assert_eq!(bits(&bytes, &member(16, 16, true, unsigned())), Some(443));
        assert_eq!(bits(&bytes, &member(24, 16, false, unsigned())), None);
    }
}
