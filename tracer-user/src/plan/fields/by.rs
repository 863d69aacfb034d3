//! The number by which the calls of each root are counted.
//!
//! It is read as a test of a condition is, by the same table; the test compares nothing.

use tracer_common::{FieldRead, FieldTable, FieldTest};

use super::{FieldError, condition, no_type, types_of};
use crate::{
    expr::{By, ExprError, Operand, Problem},
    kernel::{Address, Kernel, btf::PathTypes},
    model::{FieldShape, ValueType},
    plan::Planned,
};

/// How the calls of all roots are told apart.
#[derive(Clone, Debug)]
pub struct ByPlan {
    /// The number, as it was typed.
    pub source: String,
    /// Each root with the table that has it read, and how it reads.
    pub roots: Vec<(Address, FieldTable, ValueType)>,
}

impl ByPlan {
    /// Finds what was typed on this kernel. Every root must have it.
    pub fn find(kernel: &Kernel, by: &By, roots: &[Planned]) -> Result<Self, FieldError> {
        let find = |root: &Planned| {
            let unknown = || by.error(0..by.source.len(), no_type(root));
            let function = kernel.symbols.function_at(root.address);
            let function = function.ok_or_else(unknown)?;
            let found = types_of(kernel, &function, &by.source, |types| {
                number(types, function.name, by)
            });
            let (test, value) = found.ok_or_else(unknown)??;
            let mut table = FieldTable::EMPTY;
            table.test[0] = test;
            table.tests = 1;
            Ok((root.address, table, value))
        };
        Ok(Self {
            source: by.source.clone(),
            roots: roots.iter().map(find).collect::<Result<_, ExprError>>()?,
        })
    }
}

/// The test that reads the number, and how it reads.
fn number(
    types: PathTypes<'_>,
    function: &str,
    by: &By,
) -> Result<(FieldTest, ValueType), ExprError> {
    let found = types.find(function, &by.path)?;
    let FieldShape::Value(value) = found.shape else {
        return Err(by.error(by.path.span.clone(), Problem::NoNumber(by.path.to_string())));
    };
    let mask = match &by.mask {
        None => None,
        Some(Operand::Number(number)) => Some(*number),
        Some(Operand::Path { path, mask: None }) if path.steps.is_empty() => {
            let number = condition::named(types.kernel, &path.argument.text);
            let unknown = || {
                let problem = Problem::NoNumber(path.argument.text.clone());
                by.error(path.span.clone(), problem)
            };
            Some(number.ok_or_else(unknown)?)
        }
        Some(_) => {
            let problem = Problem::NoNumber("what stands after `&`".to_owned());
            return Err(by.error(0..by.source.len(), problem));
        }
    };
    let read = found.reads.first().copied().unwrap_or(FieldRead::NONE);
    let test = FieldTest {
        read,
        mask: mask.unwrap_or(u64::MAX),
        ..FieldTest::NONE
    };
    // Some of its bits are no number of the list that it may be of, nor an error.
    let value = match mask {
        Some(_) => ValueType::Unsigned { bytes: 8 },
        None => value,
    };
    Ok((test, value))
}
