//! Where a path has come to: a type, and how memory is read to get there.

use tracer_common::{FieldKind, FieldRead, MAX_STEPS};

use super::{
    Types,
    raw::{Kind, TypeId},
};
use crate::expr::Problem;

/// The type of what a path has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// One of the file.
    Known(TypeId),
    /// What a cast made of it.
    PointerTo(TypeId),
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the argument's register.
    Register,
    /// So many bits from where the last pointer leads.
    Memory(u64),
}

/// Where a path has come to.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    types: &'a Types,
    register: u8,
    /// The pointers that were followed: bytes from one to the next.
    followed: Vec<u64>,
    pub(super) place: Place,
    /// Bits that it has, if it is a bit field.
    width: u32,
    pub(super) at: Type,
}

impl<'a> Cursor<'a> {
    /// At an argument.
    pub(super) const fn new(types: &'a Types, register: u8, type_id: TypeId) -> Self {
        Self {
            types,
            register,
            followed: Vec::new(),
            place: Place::Register,
            width: 0,
            at: Type::Known(type_id),
        }
    }

    /// The types that it goes through.
    pub(super) const fn types(&self) -> &'a Types {
        self.types
    }

    /// The type without names and qualifiers; none of a pointer that a cast made.
    pub(super) fn kind(&self) -> Option<(TypeId, Kind)> {
        match self.at {
            Type::PointerTo(_) => None,
            Type::Known(id) => {
                let id = self.types.resolve(id);
                let kind = self.types.raw.get(id)?.kind();
                Some((id, kind))
            }
        }
    }

    /// What the pointer leads to, if it is one.
    pub(super) fn pointee(&self) -> Option<TypeId> {
        match self.at {
            Type::PointerTo(id) => Some(id),
            Type::Known(id) => {
                let entry = self.types.raw.get(self.types.resolve(id))?;
                (entry.kind() == Kind::Pointer).then(|| entry.referred())
            }
        }
    }

    /// As C writes the type.
    pub(super) fn shown(&self) -> String {
        match self.at {
            Type::Known(id) => self.types.type_name(id, 0),
            Type::PointerTo(id) => format!("{} *", self.types.type_name(id, 0)),
        }
    }

    /// Goes on to what the pointer here leads to, so many bytes from there.
    pub(super) fn follow(&mut self, to: TypeId, bytes: u64) -> Result<(), Problem> {
        if let Place::Memory(bits) = self.place {
            if self.followed.len() + 1 >= MAX_STEPS {
                return Err(Problem::TooDeep(MAX_STEPS - 1));
            }
            self.followed.push(bits / 8);
        }
        self.place = Place::Memory(bytes * 8);
        self.at = Type::Known(to);
        Ok(())
    }

    /// Goes on to what lies so many bits further on.
    pub(super) fn advance(&mut self, to: TypeId, bits: u64, width: u32) {
        if let Place::Memory(place) = self.place {
            self.place = Place::Memory(place + bits);
        }
        self.at = Type::Known(to);
        self.width = width;
    }

    /// The size of a type in bytes; none if it has none.
    pub(super) fn size(&self, id: TypeId) -> Option<u32> {
        self.types.bytes_of(id, 0)
    }

    fn offsets(&self, last: u64) -> Option<([i32; MAX_STEPS], u8)> {
        let mut offsets = [0; MAX_STEPS];
        let mut steps = 0;
        for (to, &from) in offsets.iter_mut().zip(self.followed.iter().chain([&last])) {
            *to = i32::try_from(from).ok()?;
            steps += 1;
        }
        Some((offsets, steps))
    }

    fn read(&self, kind: FieldKind, bytes: u32, last: Option<u64>) -> Option<FieldRead> {
        let (offsets, steps) = match last {
            Some(last) => self.offsets(last)?,
            None => ([0; MAX_STEPS], 0),
        };
        Some(FieldRead {
            offsets,
            steps,
            register: self.register,
            kind: kind as u8,
            bytes: u8::try_from(bytes).ok()?,
            place: if steps > 0 { FieldRead::AT_EXIT } else { 0 },
            ..FieldRead::NONE
        })
    }

    /// Reads a number of so many bytes here; none if it cannot be one.
    pub(super) fn number(&self, bytes: u32, flags: u8) -> Option<FieldRead> {
        if bytes == 0 || bytes > 8 {
            return None;
        }
        let (place, shift, width) = match self.place {
            Place::Register => (None, 0, bytes * 8),
            Place::Memory(bits) if self.width > 0 => {
                #[allow(clippy::cast_possible_truncation, reason = "less than 8")]
                let shift = (bits % 8) as u32;
                (Some(bits / 8), shift, self.width)
            }
            Place::Memory(bits) => (Some(bits / 8), 0, bytes * 8),
        };
        let bytes = (shift + width).div_ceil(8);
        let read = self.read(FieldKind::Number, bytes, place)?;
        let (up, down) = if flags & FieldRead::SWAPPED != 0 {
            // Turned round, the bytes are the highest.
            (0, 64 - width)
        } else {
            (64_u32.checked_sub(shift + width)?, 64 - width)
        };
        Some(FieldRead {
            up: u8::try_from(up).ok()?,
            down: u8::try_from(down).ok()?,
            flags,
            ..read
        })
    }

    /// Reads so many bytes here.
    pub(super) fn bytes(&self, bytes: u32) -> Option<FieldRead> {
        match self.place {
            Place::Register => None,
            Place::Memory(bits) => self.read(FieldKind::Bytes, bytes, Some(bits / 8)),
        }
    }

    /// Reads the text that the pointer here leads to.
    pub(super) fn text(&self) -> Result<Option<FieldRead>, Problem> {
        let mut end = self.clone();
        end.follow(TypeId(0), 0)?;
        Ok(end.read(FieldKind::String, 0, Some(0)))
    }
}
