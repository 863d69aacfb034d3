//! System calls: which functions are their entries, and what each was given.
//!
//! An entry, such as `__x64_sys_close`, takes the address of the process's registers and nothing
//! else, and its type says so (asm/syscall_wrapper.h of each processor). What the call takes stands
//! in the type of the function that its source defines, `__do_sys_close`, where the compiler kept
//! that. Mostly it is part of the entry; then the kernel's tracepoint describes it, in
//! `events/syscalls/sys_enter_close/format`, and else `__se_sys_close` has the names.

use super::{
    btf::{Parameter, ParameterKind, Types},
    tracefs::Tracefs,
};
pub use crate::arch::Convention;
use crate::{
    arch::{REGISTER_BYTES, SYSCALL_ENTRIES},
    model::ValueType,
};

/// Arguments that a system call has at most.
const MOST_ARGUMENTS: usize = 6;

/// What a system call takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Where its arguments are.
    pub convention: Convention,
    /// What they are, in order, six at most.
    pub parameters: Vec<Parameter>,
}

/// The entry of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The call's name in the source of the kernel, such as `newstat`.
    pub call: &'a str,
    /// Where its arguments are.
    pub convention: Convention,
    /// Whether it has a definition of its own for 32-bit programs (`COMPAT_SYSCALL_DEFINE`).
    is_compat: bool,
}

impl<'a> Entry<'a> {
    /// What the name of a function says.
    pub fn of(function: &'a str) -> Option<Self> {
        SYSCALL_ENTRIES.iter().find_map(|entry| {
            Some(Self {
                call: function.strip_prefix(entry.prefix)?,
                convention: entry.convention,
                is_compat: entry.is_compat,
            })
        })
    }

    /// What the call takes; none if nothing describes it.
    pub fn describe(&self, types: &Types) -> Option<SystemCall> {
        let call = self.call;
        let kind = if self.is_compat { "compat_sys" } else { "sys" };
        let of_type = |function: String| Some(types.prototype(&function)?.parameters);
        let mut parameters = of_type(format!("__do_{kind}_{call}"))
            .or_else(|| self.described(types))
            .or_else(|| of_type(format!("__se_{kind}_{call}")))?;
        // Without arguments it is the entry itself (`SYSCALL_DEFINE0`).
        parameters.retain(|parameter| parameter.type_name != "const struct pt_regs *");
        if self.convention == Convention::Compat {
            parameters.iter_mut().for_each(narrow);
        }
        (parameters.len() <= MOST_ARGUMENTS).then_some(SystemCall {
            convention: self.convention,
            parameters,
        })
    }

    /// What the tracepoint of the call says. The kernel describes no definition for 32-bit programs
    /// (`COMPAT_SYSCALL_DEFINE`, include/linux/compat.h); they take what the others take, in that
    /// order, but for those that split a number of 64 bits.
    fn described(&self, types: &Types) -> Option<Vec<Parameter>> {
        const SPLIT: [&str; 2] = ["fanotify_mark", "lookup_dcookie"];
        if self.is_compat && SPLIT.contains(&self.call) {
            return None;
        }
        let file = format!("events/syscalls/sys_enter_{}/format", self.call);
        let format = Tracefs::open().ok()?.read(&file).ok()?;
        parse(str::from_utf8(&format).ok()?, types)
    }
}

/// Reads the arguments from a tracepoint's format: `field:const char * filename;` and where it
/// lies. Other fields have names with two underscores, or stand before them all.
fn parse(format: &str, types: &Types) -> Option<Vec<Parameter>> {
    let fields = format.lines().filter_map(|line| {
        let declared = line.trim_start().strip_prefix("field:")?;
        declared.split_once(';').map(|(declared, _)| declared)
    });
    let arguments = fields
        .skip_while(|declared| !declared.ends_with(" __syscall_nr") && !declared.ends_with(" nr"))
        .skip(1)
        .filter(|declared| !declared.starts_with("__data_loc"));
    arguments
        .map(|declared| {
            let (type_name, name) = declared.rsplit_once(' ')?;
            Some(parameter(type_name, name, types))
        })
        .collect()
}

fn parameter(type_name: &str, name: &str, types: &Types) -> Parameter {
    Parameter {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        size: REGISTER_BYTES,
        kind: ParameterKind::Scalar,
        value: value_type(type_name, types),
    }
}

/// Half a register is all that a 32-bit program has for a number.
fn narrow(parameter: &mut Parameter) {
    const HALF: u32 = REGISTER_BYTES / 2;
    if let ValueType::Signed { bytes } | ValueType::Unsigned { bytes } = &mut parameter.value {
        *bytes = (*bytes).min(HALF);
    }
}

/// How a value of a type reads that stands as in C. A type that is not known is taken for a number.
fn value_type(type_name: &str, types: &Types) -> ValueType {
    if type_name.contains('*') {
        return ValueType::Pointer;
    }
    let type_name = type_name.strip_prefix("const ").unwrap_or(type_name);
    let known = match type_name.strip_prefix("enum ") {
        Some(tag) => types.enum_value(tag),
        None => number(type_name).or_else(|| types.typedef_value(type_name)),
    };
    known.unwrap_or(ValueType::Unsigned {
        bytes: REGISTER_BYTES,
    })
}

/// The number of a type that C has by itself.
fn number(type_name: &str) -> Option<ValueType> {
    let mut bytes = 4;
    let mut is_signed = true;
    for word in type_name.split(' ') {
        match word {
            "int" | "signed" => {}
            "unsigned" => is_signed = false,
            "long" => bytes = 8,
            "short" => bytes = 2,
            "char" => bytes = 1,
            _ => return None,
        }
    }
    Some(if is_signed {
        ValueType::Signed { bytes }
    } else {
        ValueType::Unsigned { bytes }
    })
}

#[cfg(test)]
mod tests;
