//! Arguments of a call.
//!
//! The probes deliver the registers, the function's type says what is in them. A structure of up to
//! 16 bytes that is passed by value, or a number of that size, takes two, and a larger structure
//! none: it is on the stack, which is not recorded, and reads `{...}`. After a value that would
//! take more registers than are left, the caller's order and the kernel's differ by mechanism, so
//! nothing is shown from there on. At most six registers are recorded; a function without a type
//! has no parameters that could be named. Where the text was recorded that a register points to, it
//! is shown in its place.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    Style, Typed, Values, escape, format_return, register::IN_PARTS, returned::place,
    sign_extended, string::quoted, typed,
};
use crate::arch::REGISTER_BYTES;
use crate::model::{
    Details, FunctionInfo, FunctionTable, ParameterInfo, RecordedString, ValueType,
    first_argument_register,
};

/// What of a function says where its arguments are.
#[derive(Clone, Copy)]
pub struct Signature<'a> {
    /// What names the addresses among them; nothing where it is not at hand.
    functions: Option<&'a FunctionTable>,
    parameters: &'a [ParameterInfo],
    /// The register that the first of them is in.
    first: usize,
}

impl<'a> Signature<'a> {
    /// That of a function of which this is known.
    pub fn of(functions: &'a FunctionTable, info: Option<&'a FunctionInfo>) -> Self {
        Self {
            functions: Some(functions),
            ..Self::without_places(info)
        }
    }

    /// As [`Self::of`], but addresses stay numbers.
    pub fn without_places(info: Option<&'a FunctionInfo>) -> Self {
        let returns = info.and_then(|info| info.returns.as_ref());
        Self {
            functions: None,
            parameters: info.map_or(&[], |info| &info.parameters),
            first: first_argument_register(returns),
        }
    }
}

/// The arguments of a call as C writes them, with the names of the parameters:
/// `sk=0xffff888004a3c000, size=7`. Those that were not recorded are skipped after `...`.
pub fn format_arguments(signature: Signature<'_>, details: &Details) -> String {
    let mut shown: Vec<String> = recorded(signature, details)
        .map(|(parameter, given)| {
            let value = match given {
                Given::String(_, text) => Some(quoted(text)),
                Given::Register(register) => {
                    readable(signature.functions, &parameter.value, register)
                }
                Given::Elsewhere => None,
            };
            let value = value.unwrap_or_else(|| IN_PARTS.to_owned());
            if parameter.name.is_empty() {
                value
            } else {
                format!("{}={value}", escape::visible(&parameter.name))
            }
        })
        .collect();
    if shown.len() < signature.parameters.len() {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}

/// As a return value reads, but a negative number is no error.
pub(super) fn readable(
    functions: Option<&FunctionTable>,
    value: &ValueType,
    register: u64,
) -> Option<String> {
    match value {
        ValueType::Signed { bytes } if *bytes <= REGISTER_BYTES => {
            Some(sign_extended(register, *bytes).to_string())
        }
        other => format_return(functions, Some(other), register, Style::Typed),
    }
}

/// An argument for programs that read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypedArgument<'p, 't> {
    /// The parameter's name.
    pub name: &'p str,
    /// Nothing for what takes several registers, or is on the stack.
    pub value: Option<Typed>,
    /// The place in the kernel's text that it is the address of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<&'p str>,
    /// The text that it points to, if it was recorded; bytes that are no UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'t, str>>,
    /// Whether the text goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub text_is_cut: bool,
}

/// The arguments of a call for programs, as far as they were recorded.
pub fn typed_arguments<'p, 't>(
    signature: Signature<'p>,
    details: &'t Details,
) -> Vec<TypedArgument<'p, 't>> {
    recorded(signature, details)
        .map(|(parameter, given)| {
            let (register, text) = match given {
                Given::String(register, text) => (Some(register), Some(text)),
                Given::Register(register) => (Some(register), None),
                Given::Elsewhere => (None, None),
            };
            TypedArgument {
                name: &parameter.name,
                value: register
                    .and_then(|register| typed(Some(&parameter.value), register, Values::Typed)),
                symbol: register
                    .and_then(|register| place(signature.functions, &parameter.value, register)),
                text: text.map(|text| String::from_utf8_lossy(&text.bytes)),
                text_is_cut: text.is_some_and(|text| !text.is_whole),
            }
        })
        .collect()
}

/// What a parameter was given.
enum Given<'a> {
    /// A register.
    Register(u64),
    /// A register that points to a text.
    String(u64, &'a RecordedString),
    /// Several registers, or a place on the stack.
    Elsewhere,
}

/// The parameters whose registers were recorded.
fn recorded<'a, 't>(
    signature: Signature<'a>,
    details: &'t Details,
) -> impl Iterator<Item = (&'a ParameterInfo, Given<'t>)> + use<'a, 't> {
    let registers = details.arguments();
    let mut first = signature.first;
    signature.parameters.iter().map_while(move |parameter| {
        let own = first..first + parameter.registers as usize;
        let text = details
            .strings()
            .find(|text| text.argument as usize == first);
        first = own.end;
        let given = match (registers.get(own)?, text) {
            (&[register], Some(text)) => Given::String(register, text),
            (&[register], None) => Given::Register(register),
            _ => Given::Elsewhere,
        };
        Some((parameter, given))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Detail, FunctionId};

    fn given(registers: &[u64], texts: &[RecordedString]) -> Details {
        let texts = texts.iter().cloned().map(Detail::String);
        let registers = Detail::Arguments(registers.to_vec());
        std::iter::once(registers).chain(texts).collect()
    }

    fn parameter(name: &str, value: ValueType, registers: u32) -> ParameterInfo {
        ParameterInfo {
            name: name.to_owned(),
            value,
            registers,
        }
    }

    fn plain(parameters: &[ParameterInfo]) -> Signature<'_> {
        Signature {
            functions: None,
            parameters,
            first: 0,
        }
    }

    #[test]
    fn registers_go_to_parameters_by_their_size() {
        let flags = ValueType::Enum {
            name: String::new(),
            signed: false,
            bytes: 4,
            names: vec![(1, "READ".to_owned()), (4, "WAIT".to_owned())],
        };
        let parameters = [
            parameter("sk", ValueType::Pointer, 1),
            parameter("where", ValueType::Aggregate { bytes: 16 }, 2),
            parameter("flags", flags, 1),
            parameter("", ValueType::Signed { bytes: 4 }, 1),
            parameter("last", ValueType::Bool, 1),
            parameter("seventh", ValueType::Bool, 1),
        ];
        let registers = [0xffff_8880_0000_0000, 1, 2, 5, 0xffff_fff5, 0xff00];
        assert_eq!(
            format_arguments(plain(&parameters), &given(&registers, &[])),
            "sk=0xffff888000000000, where={...}, flags=READ|WAIT, -11, last=false, ..."
        );
        assert_eq!(
            format_arguments(plain(&parameters[..1]), &given(&registers, &[])),
            "sk=0xffff888000000000"
        );
        assert_eq!(format_arguments(plain(&[]), &given(&registers, &[])), "");
    }

    #[test]
    fn an_address_in_the_text_is_a_place() {
        let place = FunctionInfo::new("lock_sock_nested+0x35".to_owned(), None);
        let functions = FunctionTable::new([(FunctionId(0x8100_0135), place)].into_iter());
        let parameters = [
            parameter("ip", ValueType::Unsigned { bytes: 8 }, 1),
            parameter("fn", ValueType::Pointer, 1),
            parameter("cnt", ValueType::Unsigned { bytes: 4 }, 1),
            parameter("other", ValueType::Pointer, 1),
        ];
        let signature = Signature {
            functions: Some(&functions),
            ..plain(&parameters)
        };
        let ip = 0xffff_ffff_8100_0135;
        assert_eq!(
            format_arguments(signature, &given(&[ip, ip, ip, ip + 1], &[])),
            "ip=lock_sock_nested+0x35, fn=lock_sock_nested+0x35, cnt=2164261173, \
             other=0xffffffff81000136"
        );
        let given = given(&[ip], &[]);
        let typed = typed_arguments(signature, &given);
        assert_eq!(typed[0].symbol, Some("lock_sock_nested+0x35"));
    }

    #[test]
    fn a_text_stands_for_the_register_that_points_to_it() {
        let parameters = [
            parameter("where", ValueType::Aggregate { bytes: 16 }, 2),
            parameter("name", ValueType::Pointer, 1),
            parameter("other", ValueType::Pointer, 1),
        ];
        let texts = [RecordedString {
            argument: 2,
            bytes: b"etc\xff".to_vec(),
            is_whole: false,
        }];
        let registers = [1, 2, 0xffff_8880_0000_0000, 0x7000];
        assert_eq!(
            format_arguments(plain(&parameters), &given(&registers, &texts)),
            r#"where={...}, name="etc\xff"..., other=0x7000"#
        );
        assert_eq!(
            serde_json::to_string(&typed_arguments(plain(&parameters), &given(&registers, &texts))).unwrap(),
            concat!(
                r#"[{"name":"where","value":null},"#,
                r#"{"name":"name","value":"0xffff888000000000","text":"etc\u{fffd}","text_is_cut":true},"#,
                r#"{"name":"other","value":"0x7000"}]"#
            )
            .replace("\\u{fffd}", "\u{fffd}")
        );
    }
}
