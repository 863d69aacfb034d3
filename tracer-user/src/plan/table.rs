//! What the output needs to know of each function: name and return type.

use std::collections::HashMap;

use crate::{graph::FunctionId, kernel::btf::ReturnType};

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// What it returns; none where the kernel has no type for it.
    pub returns: Option<ReturnType>,
}

/// All functions of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionTable {
    by_id: HashMap<FunctionId, FunctionInfo>,
}

impl FunctionTable {
    /// A table of these functions.
    pub fn new(functions: impl Iterator<Item = (FunctionId, FunctionInfo)>) -> Self {
        Self {
            by_id: functions.collect(),
        }
    }

    /// What is known of a function. An event may name it by a few bytes more than its beginning: with
    /// indirect branch tracking the probe sits behind `endbr64` (4 bytes).
    pub fn get(&self, id: FunctionId) -> Option<&FunctionInfo> {
        self.by_id
            .get(&id)
            .or_else(|| self.by_id.get(&FunctionId(id.0.wrapping_sub(4))))
    }
}
