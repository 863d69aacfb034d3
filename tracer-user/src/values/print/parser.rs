//! What is read where the expressions of a record's format are evaluated: its tokens, and the
//! fields of the record.

use super::{
    tokens::Tokens,
    value::{Array, Value},
};
use crate::{
    model::{RecordField, RecordFieldKind, RecordType},
    values::bytes,
};

/// Reads the expressions of a record's format.
pub struct Parser<'a> {
    of: &'a RecordType,
    record: &'a [u8],
    /// What is left to read.
    pub tokens: Tokens<'a>,
    /// Expressions that are open around what is read.
    pub depth: u32,
}

impl<'a> Parser<'a> {
    /// Of the format of a record.
    pub fn new(of: &'a RecordType, record: &'a [u8]) -> Self {
        Self {
            of,
            record,
            tokens: Tokens::new(of.print.trim()),
            depth: 0,
        }
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        let field = self.find(name)?;
        let bytes = bytes::own(field, self.record)?;
        Some(match field.kind {
            RecordFieldKind::Number { signed: true } => Value::Number(bytes::signed(bytes).into()),
            RecordFieldKind::Number { signed: false } | RecordFieldKind::Pointer => {
                Value::Number(bytes::word(bytes).into())
            }
            RecordFieldKind::Text => Value::Array(Array::text(bytes)),
            RecordFieldKind::Numbers { each, signed } => Value::Array(Array {
                bytes,
                each,
                signed,
            }),
            RecordFieldKind::VariableText | RecordFieldKind::VariableNumbers { .. } => return None,
        })
    }

    /// What stands after the fields.
    pub fn variable(&self, name: &str) -> Option<Array<'a>> {
        let field = self.find(name)?;
        let bytes = bytes::variable(bytes::own(field, self.record)?, self.record)?;
        match field.kind {
            RecordFieldKind::VariableText => Some(Array::text(bytes)),
            RecordFieldKind::VariableNumbers { each, signed } => Some(Array {
                bytes,
                each,
                signed,
            }),
            _ => None,
        }
    }

    fn find(&self, name: &str) -> Option<&'a RecordField> {
        self.of.fields.iter().find(|field| field.name == name)
    }
}
