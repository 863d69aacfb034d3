//! The kernel's types, from `/sys/kernel/btf/vmlinux`: what functions take and return, and where
//! members of structures lie. Those of modules stand beside it, and refer to the kernel's own.
//!
//! The file is read in one pass that notes where each type stands and which functions there are;
//! everything else is looked up when it is asked for. That is a few milliseconds for a whole
//! kernel, where a general library (btf-rs 2: 80 to 120 ms) builds every type first.
//!
//! `raw` knows the format, this file the meaning, `trampoline` what BPF can attach to.

mod raw;
mod trampoline;

use std::{fs, io, sync::Arc};

use raw::{Kind, Raw, TypeId};
use serde::{Deserialize, Serialize};

pub use trampoline::{Obstacle, TrampolineLimits};

use super::names::NameIndex;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// Where the types of each module are, under its name.
const DIRECTORY: &str = "/sys/kernel/btf";

/// The longest chain of typedefs and qualifiers that is followed; real ones have five links or so.
const LONGEST_CHAIN: usize = 32;

/// The size of a pointer on the 64-bit kernels that tracer supports, bytes.
const POINTER_BYTES: u32 = 8;

/// Why there are no types.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The kernel has no type information.
    #[error(
        "this kernel has no {VMLINUX}; use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of the large distributions are"
    )]
    Absent,
    /// It is there, and cannot be read.
    #[error("cannot read {VMLINUX}: {0}; run as root and see that /sys is mounted")]
    Read(io::Error),
    /// It is not what the format says.
    #[error(
        "{VMLINUX} is damaged or of an unknown form at byte {offset}: {what}; please report it with the kernel's version"
    )]
    Malformed {
        /// Where, bytes from the start of the file.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// What a function returns or takes, as far as printing it needs to know. It stands in recordings as it is: see [`crate::recording::form`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueType {
    /// Nothing is returned: the register holds what was left in it.
    Void,
    /// True or false, one byte.
    Bool,
    /// A signed number of that many bytes.
    Signed {
        /// Width in bytes.
        bytes: u32,
    },
    /// An unsigned number of that many bytes.
    Unsigned {
        /// Width in bytes.
        bytes: u32,
    },
    /// One of a list of named numbers.
    Enum {
        /// Its tag or its typedef's name, empty if it has neither.
        name: String,
        /// Whether its numbers are signed.
        signed: bool,
        /// Width in bytes.
        bytes: u32,
        /// The numbers and their names.
        names: Vec<(i64, String)>,
    },
    /// An address, or an error number in the highest page (IS_ERR, include/linux/err.h).
    Pointer,
    /// A structure, a union, or something else that is not one number.
    Aggregate {
        /// Size in bytes.
        bytes: u32,
    },
}

/// What a parameter is made of, as far as passing it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A number, an enum or a pointer: one register.
    Scalar,
    /// A structure passed by value.
    Structure,
    /// Something else by value: a union, a floating-point number.
    Other,
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, empty if the source has none.
    pub name: String,
    /// Its type as C writes it, such as `struct sock *`; a pointer to a function is `fn *`.
    pub type_name: String,
    /// Its size in bytes.
    pub size: u32,
    /// How it is passed.
    pub kind: ParameterKind,
    /// How its value reads.
    pub value: ValueType,
}

/// What a function takes and returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// What it returns.
    pub returns: ValueType,
    /// What it takes, in order; the `...` of a variadic function is not among them.
    pub parameters: Vec<Parameter>,
    /// Whether it takes any number of arguments more.
    pub variadic: bool,
}

/// The types of the running kernel, of one of its modules, or of a BPF program.
#[derive(Debug)]
pub struct Types {
    raw: Arc<Raw>,
    /// Functions in the order of the file.
    functions: Vec<TypeId>,
    index: NameIndex,
}

impl Types {
    /// Reads the types of the running kernel. Takes a few milliseconds.
    pub fn load() -> Result<Self, BtfError> {
        let bytes = fs::read(VMLINUX).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BtfError::Absent,
            _ => BtfError::Read(error),
        })?;
        Self::parse(bytes)
    }

    /// Reads the types of a loaded module; these are the kernel's own.
    pub fn load_module(&self, module: &str) -> Result<Self, BtfError> {
        let bytes = fs::read(format!("{DIRECTORY}/{module}")).map_err(BtfError::Read)?;
        self.parse_module(bytes)
    }

    /// Reads types from the bytes of such a file.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BtfError> {
        Self::parse_file(bytes, None)
    }

    /// Reads the types of a module from the bytes of its file; these are the kernel's own.
    pub fn parse_module(&self, bytes: Vec<u8>) -> Result<Self, BtfError> {
        Self::parse_file(bytes, Some(Arc::clone(&self.raw)))
    }

    fn parse_file(bytes: Vec<u8>, base: Option<Arc<Raw>>) -> Result<Self, BtfError> {
        let (raw, functions) = Raw::parse(bytes, base)?;
        let index = NameIndex::build(functions.iter().map(|id| raw.name_bytes(*id)));
        Ok(Self {
            raw: Arc::new(raw),
            functions,
            index,
        })
    }

    /// The type id of the first function of that name: the one that BPF finds by name.
    pub fn function_id(&self, name: &str) -> Option<u32> {
        self.named(name).next().map(|id| id.0)
    }

    /// The name of the function of that type id.
    pub fn function_name(&self, id: u32) -> Option<String> {
        let entry = self.raw.get(TypeId(id))?;
        (entry.kind() == Kind::Function).then(|| self.raw.name(TypeId(id)))
    }

    /// The type id of the variable of that name.
    pub fn variable_id(&self, name: &str) -> Option<u32> {
        self.raw
            .ids()
            .find(|id| {
                self.raw
                    .get(*id)
                    .is_some_and(|entry| entry.kind() == Kind::Variable)
                    && self.raw.name_bytes(*id) == name.as_bytes()
            })
            .map(|id| id.0)
    }

    /// Whether more than one function has that name, so that the prototype may be another's.
    pub fn is_ambiguous(&self, name: &str) -> bool {
        self.named(name).nth(1).is_some()
    }

    /// What the first function of that name takes and returns; none if it is not known.
    pub fn prototype(&self, name: &str) -> Option<Prototype> {
        let function = self.raw.get(self.named(name).next()?)?;
        let prototype = self.raw.get(function.referred())?;
        if prototype.kind() != Kind::FunctionPrototype {
            return None;
        }
        let parameters = prototype.parameters();
        let variadic = parameters.last().is_some_and(|last| last.type_id.is_void());
        let named = &parameters[..parameters.len() - usize::from(variadic)];
        Some(Prototype {
            returns: self.value_type(prototype.referred()),
            parameters: named.iter().map(|raw| self.parameter(raw)).collect(),
            variadic,
        })
    }

    /// How many bytes into a structure a member lies, also one of an anonymous structure or union
    /// within. None if there is no such member, or if it is a bit field that starts within a byte.
    pub fn member_offset(&self, structure: &str, member: &str) -> Option<u64> {
        self.raw
            .ids()
            .filter(|id| {
                self.raw
                    .get(*id)
                    .is_some_and(|entry| entry.kind().has_members())
                    && self.raw.name_bytes(*id) == structure.as_bytes()
            })
            .find_map(|id| self.bits_into(id, member.as_bytes(), 0))
            .filter(|bits| bits % 8 == 0)
            .map(|bits| bits / 8)
    }

    fn bits_into(&self, structure: TypeId, member: &[u8], nesting: usize) -> Option<u64> {
        if nesting > LONGEST_CHAIN {
            return None;
        }
        let members = self.raw.get(structure)?.members();
        members.into_iter().find_map(|inner| {
            let name = self.raw.string(inner.name);
            if name == member {
                return Some(inner.bits);
            }
            if !name.is_empty() {
                return None;
            }
            let within = self.bits_into(self.resolve(inner.type_id), member, nesting + 1)?;
            Some(inner.bits + within)
        })
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.index
            .candidates(name.as_bytes())
            .filter_map(|number| self.functions.get(number as usize).copied())
            .filter(|id| self.raw.name_bytes(*id) == name.as_bytes())
    }

    /// Follows typedefs and qualifiers to what they stand for.
    fn resolve(&self, mut id: TypeId) -> TypeId {
        for _ in 0..LONGEST_CHAIN {
            match self.raw.get(id) {
                Some(entry) if entry.kind().is_alias() => id = entry.referred(),
                _ => break,
            }
        }
        id
    }

    fn value_type(&self, id: TypeId) -> ValueType {
        let resolved = self.resolve(id);
        if resolved.is_void() {
            return ValueType::Void;
        }
        let Some(entry) = self.raw.get(resolved) else {
            return ValueType::Aggregate { bytes: 0 };
        };
        let bytes = entry.size();
        match entry.kind() {
            Kind::Pointer => ValueType::Pointer,
            Kind::Integer => {
                let encoding = entry.integer_encoding();
                if encoding.is_bool {
                    ValueType::Bool
                } else if encoding.is_signed {
                    ValueType::Signed { bytes }
                } else {
                    ValueType::Unsigned { bytes }
                }
            }
            Kind::Enum | Kind::Enum64 => ValueType::Enum {
                name: self.enum_name(id, resolved),
                signed: entry.enum_is_signed(),
                bytes,
                names: self.raw.enumerators(entry),
            },
            _ => ValueType::Aggregate { bytes },
        }
    }

    /// The tag of an enum, or else the first name on the way to it.
    fn enum_name(&self, mut id: TypeId, resolved: TypeId) -> String {
        let tag = self.raw.name(resolved);
        for _ in 0..LONGEST_CHAIN {
            if !tag.is_empty() || id == resolved {
                break;
            }
            let name = self.raw.name(id);
            if !name.is_empty() {
                return name;
            }
            match self.raw.get(id) {
                Some(entry) => id = entry.referred(),
                None => break,
            }
        }
        tag
    }

    fn parameter(&self, raw: &raw::Parameter) -> Parameter {
        let entry = self.raw.get(self.resolve(raw.type_id));
        let (size, kind) = match entry.map(|entry| (entry.kind(), entry.size())) {
            Some((Kind::Pointer, _)) => (POINTER_BYTES, ParameterKind::Scalar),
            Some((Kind::Integer | Kind::Enum | Kind::Enum64, size)) => {
                (size, ParameterKind::Scalar)
            }
            Some((Kind::Structure, size)) => (size, ParameterKind::Structure),
            Some((_, size)) => (size, ParameterKind::Other),
            None => (0, ParameterKind::Other),
        };
        Parameter {
            name: String::from_utf8_lossy(self.raw.string(raw.name)).into_owned(),
            type_name: self.type_name(raw.type_id, 0),
            size,
            kind,
            value: self.value_type(raw.type_id),
        }
    }

    /// A type as C writes it, without the declarator's brackets.
    fn type_name(&self, id: TypeId, nesting: usize) -> String {
        if id.is_void() {
            return "void".to_owned();
        }
        let Some(entry) = self.raw.get(id).filter(|_| nesting < LONGEST_CHAIN) else {
            return "?".to_owned();
        };
        let inner = || self.type_name(entry.referred(), nesting + 1);
        let tagged = |keyword: &str| match self.raw.name(id) {
            name if name.is_empty() => format!("{keyword} {{...}}"),
            name => format!("{keyword} {name}"),
        };
        match entry.kind() {
            Kind::Pointer => match inner() {
                pointer if pointer.ends_with('*') => pointer + "*",
                other => other + " *",
            },
            Kind::Const => match inner() {
                pointer if pointer.ends_with('*') => pointer + "const",
                other => format!("const {other}"),
            },
            Kind::Volatile => format!("volatile {}", inner()),
            Kind::Restrict | Kind::TypeTag => inner(),
            Kind::Structure => tagged("struct"),
            Kind::Union => tagged("union"),
            Kind::Enum | Kind::Enum64 => tagged("enum"),
            Kind::Forward => tagged(if entry.flag() { "union" } else { "struct" }),
            Kind::Array => self.type_name(entry.element_type(), nesting + 1) + "[]",
            Kind::FunctionPrototype => "fn".to_owned(),
            _ => self.raw.name(id),
        }
    }
}

#[cfg(test)]
mod tests;
