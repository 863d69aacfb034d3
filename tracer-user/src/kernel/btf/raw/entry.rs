//! One type in the bytes of BTF: what kind it is, and what follows its common part.
//!
//! Every read is checked against the length of the file.

const TYPE_BYTES: usize = 12;

/// The number of a type; 0 is `void`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct TypeId(pub(in super::super) u32);

impl TypeId {
    pub(in super::super) const fn is_void(self) -> bool {
        self.0 == 0
    }
}

/// What a type is (BTF_KIND_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Integer,
    Pointer,
    Array,
    Structure,
    Union,
    Enum,
    Forward,
    Typedef,
    Volatile,
    Const,
    Restrict,
    Function,
    FunctionPrototype,
    Variable,
    DataSection,
    Float,
    DeclarationTag,
    TypeTag,
    Enum64,
}

impl Kind {
    const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Integer,
            2 => Self::Pointer,
            3 => Self::Array,
            4 => Self::Structure,
            5 => Self::Union,
            6 => Self::Enum,
            7 => Self::Forward,
            8 => Self::Typedef,
            9 => Self::Volatile,
            10 => Self::Const,
            11 => Self::Restrict,
            12 => Self::Function,
            13 => Self::FunctionPrototype,
            14 => Self::Variable,
            15 => Self::DataSection,
            16 => Self::Float,
            17 => Self::DeclarationTag,
            18 => Self::TypeTag,
            19 => Self::Enum64,
            _ => return None,
        })
    }

    /// Bytes that follow the common part, for `count` elements.
    pub(super) const fn trailing_bytes(self, count: usize) -> usize {
        match self {
            Self::Integer | Self::Variable | Self::DeclarationTag => 4,
            Self::Array => 12,
            Self::Structure | Self::Union | Self::DataSection | Self::Enum64 => 12 * count,
            Self::Enum | Self::FunctionPrototype => 8 * count,
            _ => 0,
        }
    }

    /// Whether it is another name or a qualifier of the type it refers to.
    pub(in super::super) const fn is_alias(self) -> bool {
        matches!(
            self,
            Self::Typedef | Self::Volatile | Self::Const | Self::Restrict | Self::TypeTag
        )
    }

    /// Whether it is asked for by its name, other than a function.
    pub(in super::super) const fn is_other(self) -> bool {
        self.has_members()
            || matches!(
                self,
                Self::Variable | Self::Typedef | Self::Enum | Self::Enum64
            )
    }

    pub(in super::super) const fn has_members(self) -> bool {
        matches!(self, Self::Structure | Self::Union)
    }
}

/// The common part of a type.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Entry<'a> {
    /// The file that it stands in.
    bytes: &'a [u8],
    pub(super) kind: Kind,
    flag: bool,
    pub(super) count: usize,
    size_or_type: u32,
    /// Where what follows the common part starts in the file.
    pub(super) trailing: usize,
}

impl Entry<'_> {
    pub(in super::super) const fn kind(self) -> Kind {
        self.kind
    }

    /// The "kind flag", whose meaning is the kind's own.
    pub(in super::super) const fn flag(self) -> bool {
        self.flag
    }

    /// The type it refers to, for kinds that do.
    pub(in super::super) const fn referred(self) -> TypeId {
        TypeId(self.size_or_type)
    }

    /// Its size in bytes, for kinds that have one.
    pub(in super::super) const fn size(self) -> u32 {
        self.size_or_type
    }

    /// The word that starts so many bytes into what follows the common part.
    pub(super) fn word(self, offset: usize) -> Option<u32> {
        word_at(self.bytes, self.trailing + offset)
    }

    pub(in super::super) fn parameters(self) -> Vec<Parameter> {
        (0..self.count)
            .map_while(|number| {
                let place = 8 * number;
                Some(Parameter {
                    name: self.word(place)?,
                    type_id: TypeId(self.word(place + 4)?),
                })
            })
            .collect()
    }

    /// The members of a structure or union; none for anything else.
    pub(in super::super) fn members(self) -> Vec<Member> {
        if !self.kind.has_members() {
            return Vec::new();
        }
        (0..self.count)
            .map_while(|number| {
                let place = 12 * number;
                let bits = self.word(place + 8)?;
                Some(Member {
                    name: self.word(place)?,
                    type_id: TypeId(self.word(place + 4)?),
                    // With the flag, the high byte is the width of a bit field.
                    bits: u64::from(if self.flag { bits & 0xff_ffff } else { bits }),
                    width: if self.flag { bits >> 24 } else { 0 },
                })
            })
            .collect()
    }

    pub(in super::super) fn integer_encoding(self) -> IntegerEncoding {
        let encoding = self.word(0).unwrap_or(0) >> 24;
        IntegerEncoding {
            is_signed: encoding & 1 != 0,
            is_bool: encoding & 4 != 0,
        }
    }

    /// The flag says so since 6.0; before, a value with the highest bit does.
    pub(in super::super) fn enum_is_signed(self) -> bool {
        self.flag
            || self.kind == Kind::Enum
                && self.size() == 4
                && (0..self.count).any(|number| {
                    let value = self.word(8 * number + 4);
                    value.is_some_and(|value| value > i32::MAX.cast_unsigned())
                })
    }

    pub(in super::super) fn element_type(self) -> TypeId {
        TypeId(self.word(0).unwrap_or(0))
    }

    /// Elements of an array.
    pub(in super::super) fn elements(self) -> u32 {
        self.word(8).unwrap_or(0)
    }
}

pub(in super::super) struct Member {
    pub(in super::super) name: u32,
    pub(in super::super) type_id: TypeId,
    pub(in super::super) bits: u64,
    /// Bits that it has, if it is a bit field; 0 if it is none.
    pub(in super::super) width: u32,
}

pub(in super::super) struct Parameter {
    pub(in super::super) name: u32,
    pub(in super::super) type_id: TypeId,
}

pub(in super::super) struct IntegerEncoding {
    pub(in super::super) is_signed: bool,
    pub(in super::super) is_bool: bool,
}

pub(super) fn word_at(bytes: &[u8], place: usize) -> Option<u32> {
    let word = bytes.get(place..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*word))
}

pub(super) fn entry_at(bytes: &[u8], place: usize) -> Option<Entry<'_>> {
    let info = word_at(bytes, place + 4)?;
    Some(Entry {
        bytes,
        kind: Kind::from_number((info >> 24) & 0x1f)?,
        flag: info >> 31 != 0,
        count: (info & 0xffff) as usize,
        size_or_type: word_at(bytes, place + 8)?,
        trailing: place + TYPE_BYTES,
    })
}
