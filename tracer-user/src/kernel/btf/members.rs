//! Members of structures: where they lie, what they are called, and what kind of value they are.

use std::collections::BTreeSet;

use super::{
    LONGEST_CHAIN, Types,
    raw::{Entry, Kind, TypeId},
};
use crate::{arch::REGISTER_BYTES, expr::near_names, model::FieldMember};

/// Structures within one that are looked into.
const MOST_STRUCTURES: usize = 256;

/// A member with its place in the structure around it.
pub(super) struct Inner {
    /// Its type.
    pub(super) type_id: TypeId,
    /// Where it begins, bits.
    pub(super) bits: u64,
    /// Bits that it has, if it is a bit field; 0 if it is none.
    pub(super) width: u32,
}

impl Types {
    /// A member, also one of an anonymous structure or union within.
    pub(super) fn find_member(&self, id: TypeId, name: &[u8]) -> Option<Inner> {
        self.member_within(id, name, &mut BTreeSet::new())
    }

    /// `seen` are structures that do not have it: made-up types may lead to one in very many ways.
    fn member_within(&self, id: TypeId, name: &[u8], seen: &mut BTreeSet<u32>) -> Option<Inner> {
        if name.is_empty() || seen.len() > MOST_STRUCTURES || !seen.insert(id.0) {
            return None;
        }
        let members = self.raw.get(id)?.members();
        let mut direct = members.iter();
        if let Some(inner) = direct.find(|inner| self.raw.string(inner.name) == name) {
            return Some(Inner {
                type_id: inner.type_id,
                bits: inner.bits,
                width: inner.width,
            });
        }
        let mut anonymous = members
            .iter()
            .filter(|inner| self.raw.string(inner.name).is_empty());
        anonymous.find_map(|inner| {
            let within = self.member_within(self.resolve(inner.type_id), name, seen)?;
            Some(Inner {
                bits: inner.bits + within.bits,
                ..within
            })
        })
    }

    /// The names of members, those of anonymous ones too.
    pub(super) fn member_names(&self, id: TypeId) -> Vec<String> {
        let mut names = Vec::new();
        self.names_within(id, &mut BTreeSet::new(), &mut names);
        names
    }

    fn names_within(&self, id: TypeId, seen: &mut BTreeSet<u32>, names: &mut Vec<String>) {
        if seen.len() > MOST_STRUCTURES || !seen.insert(id.0) {
            return;
        }
        for inner in self.raw.get(id).map(Entry::members).unwrap_or_default() {
            match self.raw.string(inner.name) {
                [] => self.names_within(self.resolve(inner.type_id), seen, names),
                name => names.push(String::from_utf8_lossy(name).into_owned()),
            }
        }
    }

    /// Numbers within a structure, as far as they are shown.
    pub(super) fn leaves(&self, id: TypeId) -> Vec<FieldMember> {
        let mut found = Vec::new();
        self.leaves_within(id, 0, &mut { MOST_STRUCTURES }, &mut found);
        found
    }

    /// `budget` is how many structures may still be looked into.
    fn leaves_within(
        &self,
        id: TypeId,
        bits: u64,
        budget: &mut usize,
        found: &mut Vec<FieldMember>,
    ) {
        const MOST: usize = 16;
        let Some(left) = budget.checked_sub(1) else {
            return;
        };
        *budget = left;
        for inner in self.raw.get(id).map(Entry::members).unwrap_or_default() {
            if found.len() >= MOST {
                return;
            }
            let type_id = self.resolve(inner.type_id);
            let place = bits + inner.bits;
            match self.raw.get(type_id).map(Entry::kind) {
                Some(Kind::Structure | Kind::Union) => {
                    self.leaves_within(type_id, place, budget, found);
                }
                Some(Kind::Integer | Kind::Pointer | Kind::Enum | Kind::Enum64) => {
                    let bytes = self.bytes_of(type_id, 0).unwrap_or(0);
                    let all = bytes.saturating_mul(8);
                    let name = self.raw.string(inner.name);
                    found.push(FieldMember {
                        name: String::from_utf8_lossy(name).into_owned(),
                        bits: u32::try_from(place).unwrap_or(u32::MAX),
                        width: if inner.width > 0 { inner.width } else { all },
                        swapped: self.is_network_order(inner.type_id),
                        value: self.value_type(inner.type_id),
                    });
                }
                _ => {}
            }
        }
    }

    /// The type that a function returns, as C writes it.
    pub(super) fn returned_type(&self, function: &str) -> Option<String> {
        let function = self.raw.get(self.named(function).next()?)?;
        let prototype = self.raw.get(function.referred())?;
        Some(self.type_name(prototype.referred(), 0))
    }

    /// The type of each parameter of a function.
    pub(super) fn parameter_types(&self, function: &str) -> Option<Vec<TypeId>> {
        let function = self.raw.get(self.named(function).next()?)?;
        let prototype = self.raw.get(function.referred())?;
        if prototype.kind() != Kind::FunctionPrototype {
            return None;
        }
        let parameters = prototype.parameters().into_iter();
        Some(parameters.map(|parameter| parameter.type_id).collect())
    }

    /// The size of a type in bytes.
    pub(super) fn bytes_of(&self, id: TypeId, nesting: usize) -> Option<u32> {
        let id = self.resolve(id);
        let entry = self.raw.get(id).filter(|_| nesting < LONGEST_CHAIN)?;
        match entry.kind() {
            Kind::Pointer => Some(REGISTER_BYTES),
            Kind::Integer
            | Kind::Enum
            | Kind::Enum64
            | Kind::Structure
            | Kind::Union
            | Kind::Float => Some(entry.size()),
            Kind::Array => self
                .bytes_of(entry.element_type(), nesting + 1)?
                .checked_mul(entry.elements()),
            _ => None,
        }
    }

    /// Whether it is `char`.
    pub(super) fn is_char(&self, id: TypeId) -> bool {
        let id = self.resolve(id);
        let is_byte = self
            .raw
            .get(id)
            .is_some_and(|entry| entry.kind() == Kind::Integer && entry.size() == 1);
        is_byte && self.raw.name_bytes(id) == b"char"
    }

    /// Whether its bytes are in network order: `__be16` and the like (include/uapi/linux/types.h).
    pub(super) fn is_network_order(&self, mut id: TypeId) -> bool {
        for _ in 0..LONGEST_CHAIN {
            match self.raw.get(id) {
                Some(entry) if entry.kind().is_alias() => {
                    if matches!(self.raw.name_bytes(id), b"__be16" | b"__be32" | b"__be64") {
                        return true;
                    }
                    id = entry.referred();
                }
                _ => break,
            }
        }
        false
    }

    pub(super) fn near_types(&self, tag: &str) -> Vec<String> {
        let names: Vec<String> = self
            .raw
            .ids()
            .filter(|id| {
                let entry = self.raw.get(*id);
                entry.is_some_and(|entry| entry.kind().has_members())
            })
            .map(|id| self.raw.name(id))
            .collect();
        near_names(tag, names.iter().map(String::as_str))
    }
}
