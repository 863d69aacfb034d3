//! Tells the eBPF side which arguments are strings, and which functions are the entries of system
//! calls, before they get their probes.
//!
//! A string is a parameter that the function's type has as `char *`. Whether it can be read is
//! known only when the call is made: what a process hands in may not be in memory, and a buffer
//! that the function is to fill holds what it held before.

use aya::{Ebpf, maps::Array, maps::MapData};
use tracer_common::{CallRegisters, MAX_ARGUMENTS, StringArguments};

use super::{ObjectError, controls::again};
use crate::{
    arch::NAMED_AT,
    kernel::{
        Kernel,
        btf::{Parameter, Prototype},
        symbols::Function,
        system_calls::{Convention, SystemCall},
    },
    model::{ParameterInfo, first_argument_register},
    plan::{Planned, Reach, function_id},
};

/// The table of functions with strings among their arguments; see [`StringArguments`].
pub struct Strings {
    table: Array<MapData, StringArguments>,
}

impl Strings {
    /// That of a loaded object.
    pub(super) fn of(ebpf: &Ebpf) -> Result<Self, ObjectError> {
        Ok(Self {
            table: Array::try_from(again(ebpf, "STRINGS")?)?,
        })
    }

    /// Enters those of `functions` that have strings.
    pub(super) fn enter(
        &mut self,
        kernel: &Kernel,
        functions: &[Planned],
    ) -> Result<(), ObjectError> {
        for planned in functions {
            if planned.reach == Reach::Program {
                continue;
            }
            let arguments = kernel
                .symbols
                .function_at(planned.address)
                .map_or(0, |function| arguments_of(kernel, &function));
            if arguments != 0 {
                for &offset in NAMED_AT {
                    let address = planned.address.plus(offset);
                    self.put(function_id(address).0, arguments)?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, function: u32, arguments: u32) -> Result<(), ObjectError> {
        for attempt in 0..StringArguments::PLACES {
            let place = StringArguments::place(function, attempt);
            let found = self.table.get(&place, 0)?;
            if found.arguments == 0 || found.function == function {
                let entry = StringArguments {
                    function,
                    arguments,
                };
                return Ok(self.table.set(place, entry, 0)?);
            }
        }
        log::debug!(
            "no room for the strings of the function at {function:#x}: they stay addresses"
        );
        Ok(())
    }
}

/// What the eBPF side must know of a function's arguments.
fn arguments_of(kernel: &Kernel, function: &Function<'_>) -> u32 {
    match kernel.system_call(function) {
        Some(call) => strings_from(0, &call.parameters) | registers_of(&call),
        None => kernel
            .prototype(function)
            .map_or(0, |prototype| string_arguments(&prototype)),
    }
}

/// Where the arguments of a system call are.
fn registers_of(call: &SystemCall) -> u32 {
    let registers = match call.convention {
        Convention::Native => CallRegisters::Native,
        Convention::Compat => CallRegisters::Compat,
    };
    let count = u32::try_from(call.parameters.len()).unwrap_or(MAX_ARGUMENTS);
    StringArguments::system_call(registers, count)
}

/// Which argument registers hold the address of a string, a bit for each.
fn string_arguments(prototype: &Prototype) -> u32 {
    // More registers than there are mean nothing.
    let first = first_argument_register(Some(&prototype.returns));
    let first = u32::try_from(first).unwrap_or(MAX_ARGUMENTS);
    strings_from(first, &prototype.parameters)
}

fn strings_from(mut register: u32, parameters: &[Parameter]) -> u32 {
    let mut found = 0;
    for parameter in parameters {
        if is_string(parameter) && register < MAX_ARGUMENTS {
            found |= 1 << register;
        }
        register += ParameterInfo::from(parameter.clone()).registers;
    }
    found
}

fn is_string(parameter: &Parameter) -> bool {
    matches!(parameter.type_name.as_str(), "char *" | "const char *")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::btf::ParameterKind, model::ValueType};

    fn parameter(type_name: &str, size: u32) -> Parameter {
        Parameter {
            name: String::new(),
            type_name: type_name.to_owned(),
            size,
            kind: ParameterKind::Scalar,
            value: ValueType::Pointer,
        }
    }

    fn found(parameters: &[(&str, u32)]) -> u32 {
        found_of(ValueType::Void, parameters)
    }

    fn found_of(returns: ValueType, parameters: &[(&str, u32)]) -> u32 {
        string_arguments(&Prototype {
            returns,
            parameters: parameters
                .iter()
                .map(|&(type_name, size)| parameter(type_name, size))
                .collect(),
            variadic: false,
        })
    }

    #[test]
    fn texts_are_found_by_their_registers() {
        assert_eq!(found(&[("int", 4), ("const char *", 8)]), 0b10);
        assert_eq!(found(&[("struct path", 16), ("char *", 8)]), 0b100);
        // On the stack, and after the address of what is returned.
        assert_eq!(found(&[("struct large", 24), ("char *", 8)]), 0b1);
        let large = ValueType::Aggregate { bytes: 24 };
        assert_eq!(found_of(large, &[("char *", 8)]), 0b10);
        assert_eq!(found(&[("const unsigned char *", 8), ("char **", 8)]), 0);
        let many = [("char *", 8); 8];
        assert_eq!(found(&many), 0b11_1111);
    }
}
