//! What the output needs to know of each function: its name and its types.
//!
//! A function is looked up in the kernel when it is first asked for, and kept. So the table knows
//! every function that has probes, also those that get them while the trace goes on.

use std::{borrow::Cow, sync::Arc};

use elsa::FrozenMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::{
    graph::FunctionId,
    kernel::{
        Address, Kernel,
        btf::{Parameter, ParameterKind, Prototype, ValueType},
        objects,
        symbols::Function,
    },
};

/// How far behind a function's beginning its probe may sit, bytes: with indirect branch tracking it
/// is behind `endbr64` (`is_endbr`, arch/x86/kernel/ftrace.c).
pub const LANDING_PAD: u64 = 4;

/// Bytes of a register.
const REGISTER_BYTES: u32 = 8;
/// Bytes of the largest value that is passed or returned in registers.
const LARGEST_IN_REGISTERS: u32 = 2 * REGISTER_BYTES;

/// One function. It stands in recordings as it is: see [`crate::recording::form`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// What it returns; none where the kernel has no type for it.
    pub returns: Option<ValueType>,
    /// What it takes; nothing where the kernel has no type for it.
    pub parameters: Vec<ParameterInfo>,
}

impl FunctionInfo {
    /// One of which no parameters are known.
    #[must_use]
    pub const fn new(name: String, returns: Option<ValueType>) -> Self {
        Self {
            name,
            returns,
            parameters: Vec::new(),
        }
    }

    /// What the kernel says of a function.
    #[must_use]
    pub fn of(kernel: &Kernel, function: &Function<'_>) -> Self {
        Self::typed(function.shown(), kernel.given(function))
    }

    /// What a BPF program says of its function that begins at `start`: it may have been loaded
    /// after the kernel's symbols were read.
    fn of_program(start: Address) -> Option<Self> {
        let function = objects::program_function(start).ok()??;
        Some(Self::typed(
            format!("{} [bpf]", function.name),
            function.prototype,
        ))
    }

    fn typed(name: String, prototype: Option<Prototype>) -> Self {
        let (returns, parameters) = prototype.map_or((None, Vec::new()), |prototype| {
            let parameters = prototype.parameters.into_iter().map(ParameterInfo::from);
            (Some(prototype.returns), parameters.collect())
        });
        Self {
            name,
            returns,
            parameters,
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

impl From<Parameter> for ParameterInfo {
    fn from(parameter: Parameter) -> Self {
        let registers = match parameter.kind {
            // Its type is not known.
            ParameterKind::Other if parameter.size == 0 => 1,
            _ if parameter.size > LARGEST_IN_REGISTERS => 0,
            _ => parameter.size.div_ceil(REGISTER_BYTES),
        };
        Self {
            name: parameter.name,
            value: parameter.value,
            registers,
        }
    }
}

/// The first argument register that holds an argument of a function which returns this: what is
/// returned in memory has its address in the register before. Trampolines serve no such function,
/// so its registers are as the caller left them.
pub fn first_argument_register(returns: Option<&ValueType>) -> usize {
    let in_memory = |returns: &ValueType| matches!(returns, ValueType::Aggregate { bytes } if *bytes > LARGEST_IN_REGISTERS);
    usize::from(returns.is_some_and(in_memory))
}

/// All functions of a trace.
#[derive(Default)]
pub struct FunctionTable {
    kernel: Option<Arc<Kernel>>,
    known: FrozenMap<FunctionId, Box<FunctionInfo>, FxBuildHasher>,
}

impl FunctionTable {
    /// The functions of the running kernel.
    #[must_use]
    pub fn of(kernel: Arc<Kernel>) -> Self {
        Self {
            kernel: Some(kernel),
            known: FrozenMap::default(),
        }
    }

    /// A table of these functions and no others.
    pub fn new(functions: impl Iterator<Item = (FunctionId, FunctionInfo)>) -> Self {
        let table = Self::default();
        for (id, info) in functions {
            table.known.insert(id, Box::new(info));
        }
        table
    }

    /// Makes a function known that was not.
    pub fn insert(&self, id: FunctionId, info: FunctionInfo) {
        self.known.insert(id, Box::new(info));
    }

    /// A function's name; one of an unknown function says where it is.
    pub fn name(&self, id: FunctionId) -> Cow<'_, str> {
        name(id, self.get(id))
    }

    /// What a function returns, if that is known.
    pub fn returns(&self, id: FunctionId) -> Option<&ValueType> {
        self.get(id).and_then(|info| info.returns.as_ref())
    }

    /// Where the kernel's text begins, named as a function is. 0 where no kernel is known.
    pub fn base(&self) -> FunctionId {
        let kernel = self.kernel.as_ref();
        let text = kernel.and_then(|kernel| kernel.symbols.address_of("_text"));
        text.map_or(FunctionId(0), super::function_id)
    }

    /// Whether calls that seem to come from here were made elsewhere: it is what a probe puts in
    /// the place of the return address, so whoever is jumped to at the end of the probed function
    /// finds it there. That is an fprobe's (up to 6.13 and since), and a trampoline.
    pub fn is_hook(&self, id: FunctionId) -> bool {
        const HOOKS: [&str; 3] = [
            "arch_rethook_trampoline",
            "return_to_handler",
            "bpf_trampoline_",
        ];
        let info = self.get(id);
        info.is_some_and(|info| HOOKS.iter().any(|hook| info.name.starts_with(hook)))
    }

    /// The name of the place in the kernel's text that a value is the address of, such as
    /// `lock_sock_nested+0x35`.
    pub fn place(&self, value: u64) -> Option<&str> {
        /// The text lies in the last 2 GiB, so all bits above are set.
        const BELOW: u32 = 31;
        if value >> BELOW != u64::MAX >> BELOW {
            return None;
        }
        let address = Address(value);
        let id = super::function_id(address);
        let info = match &self.kernel {
            Some(kernel) if kernel.is_place(address) => self.get(id),
            Some(_) => None,
            // Of a recording: see `recording::columns`.
            None => self.known.get(&id),
        };
        info.map(|info| info.name.as_str())
    }

    /// What is known of a function, or of a place within one, of which no more is known than how it
    /// is called.
    pub fn get(&self, id: FunctionId) -> Option<&FunctionInfo> {
        if let Some(info) = self.known.get(&id) {
            return Some(info);
        }
        let kernel = self.kernel.as_ref()?;
        let address = super::address_of(id);
        let function = kernel.symbols.function_at(address);
        let of_kernel = function.filter(|function| {
            address.since(function.start) <= Some(LANDING_PAD) && function.module != Some("bpf")
        });
        let info = match of_kernel {
            Some(function) => FunctionInfo::of(kernel, &function),
            None => FunctionInfo::of_program(address).or_else(|| {
                let site = kernel.site(address)?;
                Some(FunctionInfo::new(site, None))
            })?,
        };
        Some(self.known.insert(id, Box::new(info)))
    }
}

/// The name of a function of which this is known.
pub fn name(id: FunctionId, info: Option<&FunctionInfo>) -> Cow<'_, str> {
    match info {
        Some(info) => Cow::Borrowed(&info.name),
        None => Cow::Owned(format!("unknown+{:#x}", id.0)),
    }
}
