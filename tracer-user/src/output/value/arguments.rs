//! Arguments of a call.
//!
//! The probes deliver the registers, the function's type says what is in them: a structure that is passed by value may take two. At most
//! six registers are recorded; a function without a type has no parameters that could be named. Where the text was recorded that a register
//! points to, it is shown in its place.

use std::borrow::Cow;

use serde::Serialize;

use super::{Style, Typed, Values, format_return, sign_extended, text::quoted, typed};
use crate::{
    graph::{Call, Text},
    kernel::btf::ValueType,
    output::escape,
    plan::{FunctionInfo, ParameterInfo},
};

/// The arguments of a call as [`format_arguments`] writes them; none if none were recorded. `info` is what is known of its function.
pub fn given_to(call: &Call, info: Option<&FunctionInfo>) -> Option<String> {
    let parameters = info.map_or(&[][..], |info| &info.parameters);
    (!call.arguments.is_empty()).then(|| format_arguments(parameters, &call.arguments, &call.texts))
}

/// The arguments of a call as C writes them, with the names of the parameters: `sk=0xffff888004a3c000, size=7`. Those that
/// were not recorded are left out behind `...`.
pub fn format_arguments(parameters: &[ParameterInfo], registers: &[u64], texts: &[Text]) -> String {
    let mut shown: Vec<String> = recorded(parameters, registers, texts)
        .map(|(parameter, given)| {
            let value = match given {
                Given::Text(_, text) => Some(quoted(text)),
                Given::Register(register) => readable(&parameter.value, register),
                Given::Several => None,
            };
            let value = value.unwrap_or_else(|| "{...}".to_owned());
            if parameter.name.is_empty() {
                value
            } else {
                format!("{}={value}", escape::visible(&parameter.name))
            }
        })
        .collect();
    if shown.len() < parameters.len() {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}

/// As a return value reads, but a negative number is no error.
fn readable(value: &ValueType, register: u64) -> Option<String> {
    match value {
        ValueType::Signed { bytes } => Some(sign_extended(register, *bytes).to_string()),
        other => format_return(Some(other), register, Style::Typed),
    }
}

/// An argument for programs that read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypedArgument<'p, 't> {
    /// The parameter's name.
    pub name: &'p str,
    /// Nothing for a structure that takes several registers.
    pub value: Option<Typed>,
    /// The text that it points to, if it was recorded; bytes that are no UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'t, str>>,
    /// Whether the text goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub text_is_cut: bool,
}

/// The arguments of a call for programs, as far as they were recorded.
pub fn typed_arguments<'p, 't>(
    parameters: &'p [ParameterInfo],
    registers: &[u64],
    texts: &'t [Text],
) -> Vec<TypedArgument<'p, 't>> {
    recorded(parameters, registers, texts)
        .map(|(parameter, given)| {
            let (register, text) = match given {
                Given::Text(register, text) => (Some(register), Some(text)),
                Given::Register(register) => (Some(register), None),
                Given::Several => (None, None),
            };
            TypedArgument {
                name: &parameter.name,
                value: register
                    .and_then(|register| typed(Some(&parameter.value), register, Values::Typed)),
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
    Text(u64, &'a Text),
    /// Several registers, a structure.
    Several,
}

/// The parameters whose registers were recorded.
fn recorded<'a, 'b, 't>(
    parameters: &'a [ParameterInfo],
    registers: &'b [u64],
    texts: &'t [Text],
) -> impl Iterator<Item = (&'a ParameterInfo, Given<'t>)> + use<'a, 'b, 't> {
    let mut first = 0;
    parameters.iter().map_while(move |parameter| {
        let own = first..first + parameter.registers as usize;
        let text = texts.iter().find(|text| text.argument as usize == first);
        first = own.end;
        let given = match (registers.get(own)?, text) {
            (&[register], Some(text)) => Given::Text(register, text),
            (&[register], None) => Given::Register(register),
            _ => Given::Several,
        };
        Some((parameter, given))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: ValueType, registers: u32) -> ParameterInfo {
        ParameterInfo {
            name: name.to_owned(),
            value,
            registers,
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
            format_arguments(&parameters, &registers, &[]),
            "sk=0xffff888000000000, where={...}, flags=READ|WAIT, -11, last=false, ..."
        );
        assert_eq!(
            format_arguments(&parameters[..1], &registers, &[]),
            "sk=0xffff888000000000"
        );
        assert_eq!(format_arguments(&[], &registers, &[]), "");
    }

    #[test]
    fn a_text_stands_for_the_register_that_points_to_it() {
        let parameters = [
            parameter("where", ValueType::Aggregate { bytes: 16 }, 2),
            parameter("name", ValueType::Pointer, 1),
            parameter("other", ValueType::Pointer, 1),
        ];
        let texts = [Text {
            argument: 2,
            bytes: b"etc\xff".to_vec(),
            is_whole: false,
        }];
        let registers = [1, 2, 0xffff_8880_0000_0000, 0x7000];
        assert_eq!(
            format_arguments(&parameters, &registers, &texts),
            r#"where={...}, name="etc\xff"..., other=0x7000"#
        );
        assert_eq!(
            serde_json::to_string(&typed_arguments(&parameters, &registers, &texts)).unwrap(),
            concat!(
                r#"[{"name":"where","value":null},"#,
                r#"{"name":"name","value":"0xffff888000000000","text":"etc\u{fffd}","text_is_cut":true},"#,
                r#"{"name":"other","value":"0x7000"}]"#
            )
            .replace("\\u{fffd}", "\u{fffd}")
        );
    }
}
