//! What the running kernel knows of functions: the table of a live trace asks it.

use std::sync::Arc;

use super::{Current, FieldPlan};
use crate::{
    arch::{
        FURTHEST_PROBE, LARGE_ARGUMENT_REGISTERS, LARGEST_IN_REGISTERS, NAMED_AT, REGISTER_BYTES,
    },
    kernel::{
        Address, Kernel,
        btf::{Parameter, ParameterKind, Prototype},
        programs::program_function,
        symbols::Function,
    },
    model::{Describe, FunctionId, FunctionInfo, ParameterInfo},
};

impl Describe for Kernel {
    fn describe(&self, id: FunctionId) -> Option<FunctionInfo> {
        let address = self.whole(id.0);
        let function = self.symbols.function_at(address);
        let of_kernel = function.filter(|function| {
            address.since(function.start) <= Some(FURTHEST_PROBE) && function.module != Some("bpf")
        });
        match of_kernel {
            Some(function) => Some(function_info(self, &function)),
            None => of_program(address).or_else(|| {
                let site = self.site(address).or_else(|| self.site_elsewhere(id.0))?;
                Some(FunctionInfo::new(site, None))
            }),
        }
    }

    fn place(&self, value: u64) -> Option<FunctionId> {
        let address = Address(value);
        self.is_place(address).then(|| super::function_id(address))
    }

    fn base(&self) -> Option<FunctionId> {
        self.symbols.address_of("_text").map(super::function_id)
    }
}

/// The running kernel, and the fields that are read of its functions.
pub struct WithFields {
    /// The kernel.
    pub kernel: Arc<Current>,
    /// The fields.
    pub fields: FieldPlan,
}

impl Describe for WithFields {
    fn describe(&self, id: FunctionId) -> Option<FunctionInfo> {
        let mut info = self.kernel.describe(id)?;
        let address = self.kernel.kernel().whole(id.0);
        let begins = NAMED_AT
            .iter()
            .map(|offset| address.0.wrapping_sub(*offset));
        let fields = begins.flat_map(|begin| self.fields.infos(Address(begin)));
        info.fields = fields.cloned().collect();
        Some(info)
    }

    fn place(&self, value: u64) -> Option<FunctionId> {
        self.kernel.place(value)
    }

    fn base(&self) -> Option<FunctionId> {
        self.kernel.base()
    }
}

/// What the kernel says of a function.
#[must_use]
pub fn function_info(kernel: &Kernel, function: &Function<'_>) -> FunctionInfo {
    typed(function.shown(), kernel.given(function))
}

/// What a BPF program says of its function that begins at `start`: it may have been loaded after
/// the kernel's symbols were read.
fn of_program(start: Address) -> Option<FunctionInfo> {
    let function = program_function(start).ok()??;
    Some(typed(
        format!("{} [bpf]", function.name),
        function.prototype,
    ))
}

fn typed(name: String, prototype: Option<Prototype>) -> FunctionInfo {
    let (returns, parameters) = prototype.map_or((None, Vec::new()), |prototype| {
        let parameters = prototype.parameters.into_iter().map(ParameterInfo::from);
        (Some(prototype.returns), parameters.collect())
    });
    FunctionInfo {
        name,
        returns,
        parameters,
        fields: Vec::new(),
    }
}

impl From<Parameter> for ParameterInfo {
    fn from(parameter: Parameter) -> Self {
        let registers = match parameter.kind {
            // Its type is not known.
            ParameterKind::Other if parameter.size == 0 => 1,
            _ if parameter.size > LARGEST_IN_REGISTERS => LARGE_ARGUMENT_REGISTERS,
            _ => parameter.size.div_ceil(REGISTER_BYTES),
        };
        Self {
            name: parameter.name,
            value: parameter.value,
            registers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Detail, ValueType},
        values::{Signature, format_arguments},
    };

    fn of_type(name: &str, size: u32, kind: ParameterKind, value: ValueType) -> Parameter {
        Parameter {
            name: name.to_owned(),
            type_name: String::new(),
            size,
            kind,
            value,
        }
    }

    /// The arguments of a function with this prototype, whose registers hold 1 to 6.
    fn shown_of(returns: ValueType, parameters: Vec<Parameter>) -> String {
        let info = FunctionInfo {
            name: String::new(),
            returns: Some(returns),
            parameters: parameters.into_iter().map(ParameterInfo::from).collect(),
            fields: Vec::new(),
        };
        format_arguments(
            Signature::without_places(Some(&info)),
            &[Detail::Arguments(vec![1, 2, 3, 4, 5, 6])]
                .into_iter()
                .collect(),
        )
    }

    #[test]
    fn arguments_are_where_the_calling_convention_puts_them() {
        let structure = |name, bytes| {
            of_type(
                name,
                bytes,
                ParameterKind::Structure,
                ValueType::Aggregate { bytes },
            )
        };
        let long = |name| {
            of_type(
                name,
                8,
                ParameterKind::Scalar,
                ValueType::Unsigned { bytes: 8 },
            )
        };
        let wide = of_type(
            "wide",
            16,
            ParameterKind::Scalar,
            ValueType::Unsigned { bytes: 16 },
        );
        let cases = [
            // On the stack: what comes after moves up.
            (
                ValueType::Void,
                vec![structure("s", 24), long("a")],
                "s={...}, a=1",
            ),
            (
                ValueType::Void,
                vec![structure("s", 16), long("a")],
                "s={...}, a=3",
            ),
            (
                ValueType::Void,
                vec![structure("s", 12), long("a")],
                "s={...}, a=3",
            ),
            (
                ValueType::Void,
                vec![structure("s", 8), long("a")],
                "s=0x1, a=2",
            ),
            (
                ValueType::Void,
                vec![structure("s", 0), long("a")],
                "s={...}, a=1",
            ),
            (ValueType::Void, vec![wide, long("a")], "wide={...}, a=3"),
            // The address of what is returned comes first.
            (
                ValueType::Aggregate { bytes: 24 },
                vec![long("a"), long("b")],
                "a=2, b=3",
            ),
            (ValueType::Aggregate { bytes: 16 }, vec![long("a")], "a=1"),
            // Two registers where one is left.
            (
                ValueType::Void,
                vec![
                    long("a"),
                    long("b"),
                    long("c"),
                    long("d"),
                    long("e"),
                    structure("s", 16),
                    long("f"),
                ],
                "a=1, b=2, c=3, d=4, e=5, ...",
            ),
        ];
        for (returns, parameters, expected) in cases {
            assert_eq!(shown_of(returns, parameters), expected);
        }
    }
}
