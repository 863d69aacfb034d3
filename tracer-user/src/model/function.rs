//! What is known of a function: its name, what it takes and what it returns.

use serde::{Deserialize, Serialize};

use super::{FieldInfo, RecordType, ValueType};
use crate::arch::LARGEST_IN_REGISTERS;

/// One function. It stands in recordings as it is: see [`crate::recording::form`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// What it returns; none where the kernel has no type for it. Of a mark it is what is recorded.
    pub returns: Option<ValueType>,
    /// What it takes; nothing where the kernel has no type for it.
    pub parameters: Vec<ParameterInfo>,
    /// What is read of these, where that was asked for. A recording has it beside this: see
    /// [`crate::recording::form::Frame::DataWithFields`].
    #[serde(skip)]
    pub fields: Vec<FieldInfo>,
}

impl FunctionInfo {
    /// What is recorded of it, if it is a mark.
    #[must_use]
    pub const fn record(&self) -> Option<&RecordType> {
        match &self.returns {
            Some(ValueType::Record(record)) => Some(record),
            _ => None,
        }
    }

    /// One of which no parameters are known.
    #[must_use]
    pub const fn new(name: String, returns: Option<ValueType>) -> Self {
        Self {
            name,
            returns,
            parameters: Vec::new(),
            fields: Vec::new(),
        }
    }
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterInfo {
    /// Its name, empty if the source has none.
    pub name: String,
    /// How its value reads.
    pub value: ValueType,
    /// Argument registers that it takes: two for a structure of up to 16 bytes that is passed by
    /// value, none for a larger one, which is passed on the stack, and none for one that is empty
    /// (System V ABI for x86-64, 3.2.3).
    pub registers: u32,
}

/// The first argument register that holds an argument of a function which returns this: what is
/// returned in memory has its address in the register before. Trampolines serve no such function,
/// so its registers are as the caller left them. That is x86-64's rule; where there is no such
/// register, no function is described as returning in memory (`kernel::btf`).
pub fn first_argument_register(returns: Option<&ValueType>) -> usize {
    let in_memory = |returns: &ValueType| matches!(returns, ValueType::Aggregate { bytes } if *bytes > LARGEST_IN_REGISTERS);
    usize::from(returns.is_some_and(in_memory))
}
