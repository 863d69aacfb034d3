//! The bytes of BTF (Documentation/bpf/btf.rst, include/uapi/linux/btf.h): a header, a sequence of
//! types numbered from 1, and a store of names.
//!
//! Every read is checked against the length of the file: damaged bytes give an error when the file
//! is parsed, and "nothing there" afterwards, never a panic. Only the byte order of the machine
//! itself is understood, because the only files of interest are the running kernel's.
//!
//! The file of a module is split: its types and names carry on where those of the kernel's own file
//! end, and refer to them (Documentation/bpf/btf.rst, "split BTF").

use std::sync::Arc;

use super::BtfError;

const MAGIC: u16 = 0xeb9f;
const HEADER_BYTES: usize = 24;
const TYPE_BYTES: usize = 12;

/// The number of a type; 0 is `void`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(pub(super) u32);

impl TypeId {
    pub(super) const fn is_void(self) -> bool {
        self.0 == 0
    }
}

/// What a type is (BTF_KIND_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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
    const fn trailing_bytes(self, count: usize) -> usize {
        match self {
            Self::Integer | Self::Variable | Self::DeclarationTag => 4,
            Self::Array => 12,
            Self::Structure | Self::Union | Self::DataSection | Self::Enum64 => 12 * count,
            Self::Enum | Self::FunctionPrototype => 8 * count,
            _ => 0,
        }
    }

    /// Whether it is another name or a qualifier of the type it refers to.
    pub(super) const fn is_alias(self) -> bool {
        matches!(
            self,
            Self::Typedef | Self::Volatile | Self::Const | Self::Restrict | Self::TypeTag
        )
    }

    /// Whether it is asked for by its name, other than a function.
    pub(super) const fn is_other(self) -> bool {
        self.has_members()
            || matches!(
                self,
                Self::Variable | Self::Typedef | Self::Enum | Self::Enum64
            )
    }

    pub(super) const fn has_members(self) -> bool {
        matches!(self, Self::Structure | Self::Union)
    }
}

/// The common part of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// The file that it stands in.
    bytes: &'a [u8],
    kind: Kind,
    flag: bool,
    count: usize,
    size_or_type: u32,
    /// Where what follows the common part starts in the file.
    trailing: usize,
}

impl Entry<'_> {
    pub(super) const fn kind(self) -> Kind {
        self.kind
    }

    /// The "kind flag", whose meaning is the kind's own.
    pub(super) const fn flag(self) -> bool {
        self.flag
    }

    /// The type it refers to, for kinds that do.
    pub(super) const fn referred(self) -> TypeId {
        TypeId(self.size_or_type)
    }

    /// Its size in bytes, for kinds that have one.
    pub(super) const fn size(self) -> u32 {
        self.size_or_type
    }

    /// The word that starts so many bytes into what follows the common part.
    fn word(self, offset: usize) -> Option<u32> {
        word_at(self.bytes, self.trailing + offset)
    }

    pub(super) fn parameters(self) -> Vec<Parameter> {
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
    pub(super) fn members(self) -> Vec<Member> {
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

    pub(super) fn integer_encoding(self) -> IntegerEncoding {
        let encoding = self.word(0).unwrap_or(0) >> 24;
        IntegerEncoding {
            is_signed: encoding & 1 != 0,
            is_bool: encoding & 4 != 0,
        }
    }

    /// The flag says so since 6.0; before, a value with the highest bit does.
    pub(super) fn enum_is_signed(self) -> bool {
        self.flag
            || self.kind == Kind::Enum
                && self.size() == 4
                && (0..self.count).any(|number| {
                    let value = self.word(8 * number + 4);
                    value.is_some_and(|value| value > i32::MAX.cast_unsigned())
                })
    }

    pub(super) fn element_type(self) -> TypeId {
        TypeId(self.word(0).unwrap_or(0))
    }

    /// Elements of an array.
    pub(super) fn elements(self) -> u32 {
        self.word(8).unwrap_or(0)
    }
}

pub(super) struct Member {
    pub(super) name: u32,
    pub(super) type_id: TypeId,
    pub(super) bits: u64,
    /// Bits that it has, if it is a bit field; 0 if it is none.
    pub(super) width: u32,
}

pub(super) struct Parameter {
    pub(super) name: u32,
    pub(super) type_id: TypeId,
}

pub(super) struct IntegerEncoding {
    pub(super) is_signed: bool,
    pub(super) is_bool: bool,
}

/// A BTF file with the place of each type.
#[derive(Debug)]
pub(super) struct Raw {
    bytes: Vec<u8>,
    /// Where the names start and end in the file.
    strings: std::ops::Range<usize>,
    /// Where each type starts in the file, in order.
    places: Vec<u32>,
    /// What comes before, for the file of a module.
    base: Option<Arc<Raw>>,
    /// How many types and how many bytes of names that has.
    before: (u32, u32),
}

impl Raw {
    /// Notes where each type stands, and which of them are functions. `base` is what the file
    /// carries on.
    pub(super) fn parse(
        bytes: Vec<u8>,
        base: Option<Arc<Self>>,
    ) -> Result<(Self, Vec<TypeId>), BtfError> {
        let malformed = |offset, what| BtfError::Malformed { offset, what };
        let word = |offset| word_at(&bytes, offset).ok_or(malformed(offset, "the file ends early"));
        let magic = bytes.first_chunk().map(|magic| u16::from_ne_bytes(*magic));
        if magic != Some(MAGIC) {
            return Err(malformed(0, "it does not start with the magic number"));
        }
        let header = word(4)? as usize;
        if header < HEADER_BYTES {
            return Err(malformed(4, "the header is too short"));
        }
        let section = |offset: u32, length: u32| {
            let start = header.checked_add(offset as usize)?;
            let end = start.checked_add(length as usize)?;
            (end <= bytes.len() && u32::try_from(end).is_ok()).then_some(start..end)
        };
        let types = section(word(8)?, word(12)?)
            .ok_or(malformed(8, "the types reach beyond the end of the file"))?;
        let strings = section(word(16)?, word(20)?)
            .ok_or(malformed(16, "the names reach beyond the end of the file"))?;

        let before = base.as_ref().map_or((0, 0), |base| base.end());
        let mut places = Vec::with_capacity(types.len() / 24);
        let mut functions = Vec::new();
        let mut position = types.start;
        while position < types.end {
            let entry = entry_at(&bytes, position)
                .ok_or(malformed(position, "there is no type that is known"))?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the end was checked to fit"
            )]
            places.push(position as u32);
            if entry.kind == Kind::Function {
                #[expect(clippy::cast_possible_truncation, reason = "fewer than bytes")]
                let number = places.len() as u32;
                functions.push(TypeId(before.0.saturating_add(number)));
            }
            position = entry.trailing + entry.kind.trailing_bytes(entry.count);
        }
        if position != types.end {
            return Err(malformed(position, "a type reaches beyond the types"));
        }
        let raw = Self {
            bytes,
            strings,
            places,
            base,
            before,
        };
        Ok((raw, functions))
    }

    /// How many types there are up to the end of this file, and how many bytes of names.
    fn end(&self) -> (u32, u32) {
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        (
            self.before.0.saturating_add(count(self.places.len())),
            self.before.1.saturating_add(count(self.strings.len())),
        )
    }

    /// All types of this file, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        (self.before.0 + 1..=self.end().0).map(TypeId)
    }

    pub(super) fn get(&self, id: TypeId) -> Option<Entry<'_>> {
        let file = self.file_of(id)?;
        entry_at(&file.bytes, file.place(id)?)
    }

    /// The file that has a type: this one or one before.
    fn file_of(&self, id: TypeId) -> Option<&Self> {
        match &self.base {
            Some(base) if id.0 <= self.before.0 => base.file_of(id),
            _ => (!id.is_void()).then_some(self),
        }
    }

    /// Where a type of this file starts.
    fn place(&self, id: TypeId) -> Option<usize> {
        let position = id.0.checked_sub(self.before.0 + 1)? as usize;
        Some(*self.places.get(position)? as usize)
    }

    /// The name that starts at `offset` of the names; empty if there is none.
    pub(super) fn string(&self, offset: u32) -> &[u8] {
        let Some(offset) = offset.checked_sub(self.before.1) else {
            return self.base.as_ref().map_or(&[], |base| base.string(offset));
        };
        let names = &self.bytes[self.strings.clone()];
        let tail = names.get(offset as usize..).unwrap_or_default();
        let length = memchr::memchr(0, tail);
        &tail[..length.unwrap_or(tail.len())]
    }

    pub(super) fn name_bytes(&self, id: TypeId) -> &[u8] {
        let offset = self
            .file_of(id)
            .and_then(|file| word_at(&file.bytes, file.place(id)?));
        offset.map_or(&[], |offset| self.string(offset))
    }

    pub(super) fn name(&self, id: TypeId) -> String {
        String::from_utf8_lossy(self.name_bytes(id)).into_owned()
    }

    /// The numbers of an enum with their names.
    pub(super) fn enumerators(&self, entry: Entry<'_>) -> Vec<(i64, String)> {
        let signed = entry.enum_is_signed();
        (0..entry.count)
            .map_while(|number| {
                let (name, value) = if entry.kind == Kind::Enum64 {
                    let place = 12 * number;
                    let halves = [entry.word(place + 4)?, entry.word(place + 8)?];
                    let value = u64::from(halves[0]) | u64::from(halves[1]) << 32;
                    (entry.word(place)?, value.cast_signed())
                } else {
                    let place = 8 * number;
                    let value = entry.word(place + 4)?;
                    let value = if signed {
                        i64::from(value.cast_signed())
                    } else {
                        i64::from(value)
                    };
                    (entry.word(place)?, value)
                };
                Some((
                    value,
                    String::from_utf8_lossy(self.string(name)).into_owned(),
                ))
            })
            .collect()
    }
}

fn word_at(bytes: &[u8], place: usize) -> Option<u32> {
    let word = bytes.get(place..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*word))
}

fn entry_at(bytes: &[u8], place: usize) -> Option<Entry<'_>> {
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
