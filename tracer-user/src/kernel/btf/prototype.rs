//! What a function takes and returns, as C writes it.

use super::{
    LONGEST_CHAIN, Types,
    raw::{self, Kind, TypeId},
};
use crate::model::ValueType;

/// The size of a pointer on the 64-bit kernels that tracer supports, bytes.
const POINTER_BYTES: u32 = 8;

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

impl Types {
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

    /// How a value of the typedef of that name reads.
    pub fn typedef_value(&self, name: &str) -> Option<ValueType> {
        let id = self.id_of(Kind::Typedef, name)?;
        Some(self.value_type(TypeId(id)))
    }

    /// How a value of the enum of that tag reads.
    pub fn enum_value(&self, tag: &str) -> Option<ValueType> {
        let id = self
            .id_of(Kind::Enum, tag)
            .or_else(|| self.id_of(Kind::Enum64, tag))?;
        Some(self.value_type(TypeId(id)))
    }

    pub(super) fn value_type(&self, id: TypeId) -> ValueType {
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

    pub(super) fn parameter(&self, raw: &raw::Parameter) -> Parameter {
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
    pub(super) fn type_name(&self, id: TypeId, nesting: usize) -> String {
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
