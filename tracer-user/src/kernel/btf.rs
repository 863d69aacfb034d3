//! The kernel's types, from `/sys/kernel/btf/vmlinux`: what functions take and return, and where
//! members of structures lie. Those of modules stand beside it, and refer to the kernel's own.
//!
//! The file is read in one pass that notes where each type stands and which functions there are;
//! everything else is looked up when it is asked for. That is a few milliseconds for a whole
//! kernel, where a general library (btf-rs 2: 80 to 120 ms) builds every type first.
//!
//! `raw` knows the format, this file finds things, `prototype` reads what a function takes and
//! returns, `path` follows a path from an argument to a field (`cursor` step by step, `accessor`
//! has the short names), `trampoline` knows what BPF can attach to.

mod accessor;
mod cursor;
mod members;
mod path;
mod prototype;
mod raw;
mod trampoline;

use std::{
    collections::BTreeSet,
    fs, io,
    sync::{Arc, OnceLock},
};

use raw::{Kind, Raw, TypeId};

pub use path::{Found, PathTypes};
pub use prototype::{Parameter, ParameterKind, Prototype};
pub use trampoline::{Obstacle, TrampolineLimits};

use super::names::NameIndex;
use crate::exit_code::{Exit, HasExit};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// Where the types of each module are, under its name.
const DIRECTORY: &str = "/sys/kernel/btf";

/// The longest chain of typedefs and qualifiers that is followed; real ones have five links or so.
const LONGEST_CHAIN: usize = 32;

/// Why there are no types.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The kernel has no type information.
    #[error(
        "this kernel has no {VMLINUX}; use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those \
        of the large distributions are"
    )]
    Absent,
    /// It is there, and cannot be read.
    #[error("cannot read {VMLINUX}: {0}; run as root and see that /sys is mounted")]
    Read(io::Error),
    /// It is not what the format says.
    #[error(
        "{VMLINUX} is damaged or of an unknown form at byte {offset}: {what}; please report it \
        with the kernel's version"
    )]
    Malformed {
        /// Where, bytes from the start of the file.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

impl HasExit for BtfError {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Kernel)
    }
}

/// The types of the running kernel, of one of its modules, or of a BPF program.
#[derive(Debug)]
pub struct Types {
    raw: Arc<Raw>,
    /// Functions in the order of the file.
    functions: Vec<TypeId>,
    index: NameIndex,
    /// Structures, unions, enums, variables and typedefs by name, once one was asked for.
    others: OnceLock<Others>,
}

#[derive(Debug)]
struct Others {
    ids: Vec<TypeId>,
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
            others: OnceLock::new(),
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
        self.id_of(Kind::Variable, name)
    }

    /// The number of that name in any enum.
    pub fn enumerator(&self, name: &str) -> Option<i64> {
        self.raw.ids().find_map(|id| {
            let entry = self.raw.get(id)?;
            if !matches!(entry.kind(), Kind::Enum | Kind::Enum64) {
                return None;
            }
            let mut names = self.raw.enumerators(entry).into_iter();
            names.find_map(|(number, known)| (known == name).then_some(number))
        })
    }

    /// The type id of the typedef of that name.
    pub fn typedef_id(&self, name: &str) -> Option<u32> {
        self.id_of(Kind::Typedef, name)
    }

    fn id_of(&self, kind: Kind, name: &str) -> Option<u32> {
        let is_it = |id: &TypeId| self.raw.get(*id).is_some_and(|entry| entry.kind() == kind);
        self.others_named(name).find(is_it).map(|id| id.0)
    }

    /// Whether more than one function has that name, so that the prototype may be another's.
    pub fn is_ambiguous(&self, name: &str) -> bool {
        self.named(name).nth(1).is_some()
    }

    /// How many bytes into a structure a member lies, also one of an anonymous structure or union
    /// within. None if there is no such member, or if it is a bit field that starts within a byte.
    pub fn member_offset(&self, structure: &str, member: &str) -> Option<u64> {
        self.structures_named(structure)
            .find_map(|id| self.bits_into(id, member.as_bytes(), 0, &mut BTreeSet::new()))
            .filter(|bits| bits % 8 == 0)
            .map(|bits| bits / 8)
    }

    /// How many bytes a structure takes.
    pub fn size_of(&self, structure: &str) -> Option<u32> {
        let id = self.structures_named(structure).next()?;
        Some(self.raw.get(id)?.size())
    }

    fn structures_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.others_named(name).filter(|id| {
            let entry = self.raw.get(*id);
            entry.is_some_and(|entry| entry.kind().has_members())
        })
    }

    fn others_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let others = self.others.get_or_init(|| {
            let is_it = |id: &TypeId| {
                let entry = self.raw.get(*id);
                entry.is_some_and(|entry| entry.kind().is_other())
                    && !self.raw.name_bytes(*id).is_empty()
            };
            let ids: Vec<TypeId> = self.raw.ids().filter(is_it).collect();
            let index = NameIndex::build(ids.iter().map(|id| self.raw.name_bytes(*id)));
            Others { ids, index }
        });
        others
            .index
            .candidates(name.as_bytes())
            .filter_map(|number| others.ids.get(number as usize).copied())
            .filter(|id| self.raw.name_bytes(*id) == name.as_bytes())
    }

    /// `seen` are structures that do not have it: made-up types may lead to one in very many ways.
    fn bits_into(
        &self,
        structure: TypeId,
        member: &[u8],
        nesting: usize,
        seen: &mut BTreeSet<u32>,
    ) -> Option<u64> {
        if nesting > LONGEST_CHAIN || !seen.insert(structure.0) {
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
            let within = self.bits_into(self.resolve(inner.type_id), member, nesting + 1, seen)?;
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
}

#[cfg(test)]
mod tests;
