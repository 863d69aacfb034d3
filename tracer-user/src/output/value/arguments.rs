//! Arguments of a call.
//!
//! The probes deliver the registers, the function's type says what is in them: a structure that is passed by value may take two. At most
//! six registers are recorded; a function without a type has no parameters that could be named.

use serde::Serialize;

use super::{Style, Typed, Values, format_return, sign_extended, typed};
use crate::{kernel::btf::ValueType, plan::ParameterInfo};

/// The arguments of a call as C writes them, with the names of the parameters: `sk=0xffff888004a3c000, size=7`. Those that
/// were not recorded are left out behind `...`.
pub fn format_arguments(parameters: &[ParameterInfo], registers: &[u64]) -> String {
    let mut shown: Vec<String> = recorded(parameters, registers)
        .map(|(parameter, register)| {
            let value = register
                .and_then(|register| readable(&parameter.value, register))
                .unwrap_or_else(|| "{...}".to_owned());
            if parameter.name.is_empty() {
                value
            } else {
                format!("{}={value}", parameter.name)
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TypedArgument<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// Nothing for a structure that takes several registers.
    pub value: Option<Typed>,
}

/// The arguments of a call for programs, as far as they were recorded.
pub fn typed_arguments<'a>(
    parameters: &'a [ParameterInfo],
    registers: &[u64],
) -> Vec<TypedArgument<'a>> {
    recorded(parameters, registers)
        .map(|(parameter, register)| TypedArgument {
            name: &parameter.name,
            value: register
                .and_then(|register| typed(Some(&parameter.value), register, Values::Typed)),
        })
        .collect()
}

/// The parameters whose registers were recorded, each with its register if it is one.
fn recorded<'a, 'b>(
    parameters: &'a [ParameterInfo],
    registers: &'b [u64],
) -> impl Iterator<Item = (&'a ParameterInfo, Option<u64>)> + use<'a, 'b> {
    let mut rest = registers;
    parameters.iter().map_while(move |parameter| {
        let (own, others) = rest.split_at_checked(parameter.registers as usize)?;
        rest = others;
        let register = match own {
            [register] => Some(*register),
            _ => None,
        };
        Some((parameter, register))
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
            format_arguments(&parameters, &registers),
            "sk=0xffff888000000000, where={...}, flags=READ|WAIT, -11, last=false, ..."
        );
        assert_eq!(
            format_arguments(&parameters[..1], &registers),
            "sk=0xffff888000000000"
        );
        assert_eq!(format_arguments(&[], &registers), "");
    }
}
