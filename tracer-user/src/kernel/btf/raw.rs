//! The bytes of BTF (Documentation/bpf/btf.rst, include/uapi/linux/btf.h): a header, a sequence of
//! types numbered from 1, and a store of names.
//!
//! Every read is checked against the length of the file: damaged bytes give an error when the file
//! is parsed, and "nothing there" afterwards, never a panic. Only the byte order of the machine
//! itself is understood, because the only files of interest are the running kernel's.
//!
//! The file of a module is split: its types and names carry on where those of the kernel's own file
//! end, and refer to them (Documentation/bpf/btf.rst, "split BTF").

mod entry;

use std::sync::Arc;

use super::BtfError;
pub(super) use entry::{Entry, Kind, Parameter, TypeId};
use entry::{entry_at, word_at};

const MAGIC: u16 = 0xeb9f;

const HEADER_BYTES: usize = 24;

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
