//! Fields of calls: what was asked to be read of arguments and of the memory that they point to.
//!
//! A function says what its fields are called and how they read ([`FieldInfo`]), a call has what
//! was read ([`Field`]), at its entry and, where that can have changed, at its exit.

use serde::{Deserialize, Serialize};

use super::ValueType;

/// A field of a function. It stands in recordings as it is: see [`crate::recording::form`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldInfo {
    /// As C writes it, such as `sk->sk_wmem_queued`.
    pub name: String,
    /// The number of its first read; one of [`FieldShape::Tuple`] has up to two.
    pub read: u8,
    /// How it reads.
    pub shape: FieldShape,
}

/// How a field reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldShape {
    /// One value.
    Value(ValueType),
    /// The text that a pointer leads to.
    Text,
    /// A text in an array of its own.
    Characters,
    /// A structure, a union or an array.
    Structure {
        /// Its size, bytes.
        bytes: u32,
        /// Numbers within it, as far as they are shown.
        members: Vec<FieldMember>,
    },
    /// The addresses and ports of a socket: see `kernel::btf::path`.
    Tuple,
}

/// A number within a structure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldMember {
    /// Its name.
    pub name: String,
    /// Where it begins, bits.
    pub bits: u32,
    /// How many bits it has.
    pub width: u32,
    /// Whether its bytes are in network order.
    pub swapped: bool,
    /// How it reads.
    pub value: ValueType,
}

/// What was read of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The number of the read in its function.
    pub read: u32,
    /// Whether it was read when the call returned, and not when it was entered.
    pub at_exit: bool,
    /// Eight bytes each; nothing if the memory could not be read.
    pub parts: Vec<u64>,
}

impl Field {
    /// Whether the memory could not be read.
    #[must_use]
    pub const fn is_unreadable(&self) -> bool {
        self.parts.is_empty()
    }

    /// The bytes, in order.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let bytes = self.parts.iter().flat_map(|part| part.to_ne_bytes());
        bytes.collect()
    }
}
