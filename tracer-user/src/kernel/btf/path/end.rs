//! What is at the end of a path, and how it reads.

use tracer_common::{FieldRead, MAX_FIELD_BYTES};

use super::{Found, PathTypes, Taken};
use crate::{
    expr::Problem,
    kernel::btf::{
        cursor::{Cursor, Type},
        raw::{Kind, TypeId},
    },
    model::{FieldShape, ValueType},
};

impl PathTypes<'_> {
    /// Addresses and ports of a socket: the first 24 bytes of `struct sock_common` have them for
    /// IPv4 and say which family it is, and `skc_v6_daddr` and `skc_v6_rcv_saddr` follow one
    /// another (include/net/sock.h).
    pub(super) fn tuple(&self, cursor: &Cursor<'_>) -> Taken<Found> {
        const PLACES: [(&str, u64); 5] = [
            ("skc_daddr", 0),
            ("skc_rcv_saddr", 4),
            ("skc_dport", 12),
            ("skc_num", 14),
            ("skc_family", 16),
        ];
        const HEAD: u32 = 24;
        const ADDRESSES: u32 = 32;
        let unknown = || Problem::Opaque(cursor.shown());
        let (id, _) = cursor.kind().ok_or_else(unknown)?;
        let place = |name: &str| {
            let member = self.own.find_member(id, name.as_bytes())?;
            Some(member.bits / 8)
        };
        if PLACES.iter().any(|(name, at)| place(name) != Some(*at)) {
            return Err(unknown());
        }
        let mut reads = vec![cursor.bytes(HEAD).ok_or_else(unknown)?];
        if let Some(there) = place("skc_v6_daddr")
            && place("skc_v6_rcv_saddr") == Some(there + 16)
        {
            let mut far = cursor.clone();
            far.advance(id, there * 8, 0);
            reads.push(far.bytes(ADDRESSES).ok_or_else(unknown)?);
        }
        Ok(Found {
            reads,
            shape: FieldShape::Tuple,
        })
    }

    /// What is at the end of a path.
    pub(super) fn end(&self, cursor: &Cursor<'_>) -> Taken<Found> {
        let one = |read: Option<FieldRead>, shape| {
            let read = read.ok_or_else(|| Problem::Opaque(cursor.shown()))?;
            Ok(Found {
                reads: vec![read],
                shape,
            })
        };
        let Some((id, kind)) = cursor.kind() else {
            return one(cursor.number(8, 0), FieldShape::Value(ValueType::Pointer));
        };
        if let Some(to) = cursor.pointee() {
            if self.own.is_char(to) {
                return one(cursor.text()?, FieldShape::Text);
            }
            return one(cursor.number(8, 0), FieldShape::Value(ValueType::Pointer));
        }
        let Type::Known(written) = cursor.at else {
            return Err(Problem::Opaque(cursor.shown()));
        };
        match kind {
            Kind::Integer | Kind::Enum | Kind::Enum64 => {
                let value = self.own.value_type(written);
                let flags = self.flags(written, &value);
                let bytes = cursor.size(id).unwrap_or(0);
                one(cursor.number(bytes, flags), FieldShape::Value(value))
            }
            Kind::Forward | Kind::FunctionPrototype => Err(Problem::Opaque(cursor.shown())),
            _ => {
                let bytes = cursor.size(id).unwrap_or(0);
                if bytes as usize > MAX_FIELD_BYTES || bytes == 0 {
                    return Err(Problem::TooLarge {
                        name: cursor.shown(),
                        bytes,
                        most: MAX_FIELD_BYTES,
                    });
                }
                let is_text = kind == Kind::Array
                    && self
                        .own
                        .raw
                        .get(id)
                        .is_some_and(|array| self.own.is_char(array.element_type()));
                let shape = if is_text {
                    FieldShape::Characters
                } else {
                    FieldShape::Structure {
                        bytes,
                        members: self.own.leaves(id),
                    }
                };
                one(cursor.bytes(bytes), shape)
            }
        }
    }

    fn flags(&self, written: TypeId, value: &ValueType) -> u8 {
        let is_signed = matches!(
            value,
            ValueType::Signed { .. } | ValueType::Enum { signed: true, .. }
        );
        let mut flags = if is_signed { FieldRead::SIGNED } else { 0 };
        if self.own.is_network_order(written) {
            flags |= FieldRead::SWAPPED;
        }
        flags
    }
}
