//! What was recorded of a mark, field by field.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use serde::Serialize;

use super::{
    FieldValue, Typed,
    bytes::{own, signed, text, variable, word},
    escape, print,
};
use crate::model::{FunctionInfo, FunctionTable, Mark, RecordField, RecordFieldKind, table};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RecordValue<'a> {
    /// A number or an address.
    Number(Typed),
    /// Text.
    Text(Cow<'a, str>),
    /// Numbers.
    Numbers(Vec<Typed>),
}

impl fmt::Display for RecordValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
            Self::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(Typed::to_string).collect();
                write!(formatter, "{{{}}}", numbers.join(","))
            }
        }
    }
}

/// Numbers are said in one text.
impl From<RecordValue<'_>> for FieldValue {
    fn from(value: RecordValue<'_>) -> Self {
        match value {
            RecordValue::Number(number) => Self::Number(number),
            other => Self::Written(other.to_string()),
        }
    }
}

/// A mark as outputs show it, with what is known of it.
#[derive(Clone, Copy)]
pub struct MarkView<'a, 'm> {
    mark: &'m Mark,
    info: Option<&'a FunctionInfo>,
}

impl<'a, 'm> MarkView<'a, 'm> {
    /// Of a mark that is in the table.
    #[must_use]
    pub fn new(functions: &'a FunctionTable, mark: &'m Mark) -> Self {
        Self::known(functions.get(mark.event), mark)
    }

    /// Of one of which this is known.
    #[must_use]
    pub const fn known(info: Option<&'a FunctionInfo>, mark: &'m Mark) -> Self {
        Self { mark, info }
    }

    /// Its name, such as `sched_waking`.
    #[must_use]
    pub fn name(self) -> Cow<'a, str> {
        table::name(self.mark.event, self.info)
    }

    /// What it belongs to, such as `sched`.
    #[must_use]
    pub fn system(self) -> Option<&'a str> {
        Some(&self.info?.record()?.system)
    }

    /// Its fields with their values, as far as they came.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, RecordValue<'m>)> {
        let record = self.info.and_then(FunctionInfo::record);
        let fields = record.map_or(&[][..], |record| &record.fields);
        let record = &self.mark.record;
        fields
            .iter()
            .filter_map(|field| Some((field.name.as_str(), value(field, record)?)))
    }

    /// What was recorded of it, for the reader: as the kernel prints it, or else field by field.
    #[must_use]
    pub fn text(self) -> String {
        let record = self.info.and_then(FunctionInfo::record);
        if let Some(text) = record.and_then(|of| print::print(of, &self.mark.record)) {
            return escape::visible(&text).into_owned();
        }
        let mut text = String::new();
        for (name, value) in self.fields() {
            let between = if text.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{between}{name}={value}");
        }
        escape::visible(&text).into_owned()
    }
}

/// The value of a field in a record; none where it did not come.
fn value<'a>(field: &RecordField, record: &'a [u8]) -> Option<RecordValue<'a>> {
    let bytes = own(field, record)?;
    Some(match field.kind {
        RecordFieldKind::Number { signed } => RecordValue::Number(number(bytes, signed)),
        RecordFieldKind::Pointer => RecordValue::Number(Typed::Bits(word(bytes))),
        RecordFieldKind::Text => RecordValue::Text(text(bytes)),
        RecordFieldKind::Numbers { each, signed } => numbers(bytes, each, signed),
        RecordFieldKind::VariableText => RecordValue::Text(text(variable(bytes, record)?)),
        RecordFieldKind::VariableNumbers { each, signed } => {
            numbers(variable(bytes, record)?, each, signed)
        }
    })
}

fn numbers(bytes: &[u8], each: u32, signed: bool) -> RecordValue<'static> {
    let numbers = bytes.chunks(each.max(1) as usize);
    RecordValue::Numbers(numbers.map(|bytes| number(bytes, signed)).collect())
}

fn number(bytes: &[u8], is_signed: bool) -> Typed {
    if is_signed {
        Typed::Listed(signed(bytes))
    } else {
        Typed::Unsigned(word(bytes))
    }
}
