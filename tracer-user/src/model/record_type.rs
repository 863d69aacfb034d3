//! What an event of the kernel records: its fields, and how the kernel prints them.

use serde::{Deserialize, Serialize};

/// What is recorded of an event, as `format` in tracefs describes it (f_show,
/// kernel/trace/trace_events.c). It stands in recordings as it is: see [`crate::recording::form`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordType {
    /// What the event belongs to, such as `sched`.
    pub system: String,
    /// Its fields, in order.
    pub fields: Vec<RecordField>,
    /// How the kernel prints it: a format of printf's in quotation marks, and what it takes, in C.
    pub print: String,
}

impl RecordType {
    /// Bytes that every record of it has.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        let ends = self.fields.iter();
        let ends = ends.map(|field| field.offset.saturating_add(field.bytes));
        ends.max().unwrap_or(0)
    }
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordField {
    /// Its name.
    pub name: String,
    /// Where it is, bytes after what all events have in common.
    pub offset: u32,
    /// How many bytes it has there.
    pub bytes: u32,
    /// What it is.
    pub kind: RecordFieldKind,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordFieldKind {
    /// A number.
    Number {
        /// Whether it may be below 0.
        signed: bool,
    },
    /// An address.
    Pointer,
    /// Text, which ends with the field or before its first zero.
    Text,
    /// Numbers.
    Numbers {
        /// Bytes of each.
        each: u32,
        /// Whether they may be below 0.
        signed: bool,
    },
    /// Text that stands after the fields: in its low half where, counted from the record's
    /// beginning with what all events have in common, in its high half how many bytes
    /// (`__data_loc`).
    VariableText,
    /// Numbers that stand there.
    VariableNumbers {
        /// Bytes of each; 0 if that is not known.
        each: u32,
        /// Whether they may be below 0.
        signed: bool,
    },
}

impl RecordFieldKind {
    /// Whether it stands after the fields.
    #[must_use]
    pub const fn is_variable(self) -> bool {
        matches!(self, Self::VariableText | Self::VariableNumbers { .. })
    }
}
