//! `--where` on a recording, and `--where-exit`: conditions on a root call that has returned.
//!
//! What a condition names is what was recorded of the root: its fields and arguments, and besides
//! them `retval`, what it returned, and `duration`, in ns. At the entry a field is what it was
//! then, at the exit what it was at the end. A comparison with what was not recorded, or could not
//! be read, does not hold, as on the kernel side (`plan::fields::condition`).

use crate::{
    expr::{Comparison, Condition, DURATION, Operand, Path, RETURNED, Where},
    model::{Call, FieldShape, FunctionTable, SleepTime, ValueType},
    values::{self, FieldValue, Values, View, number},
};

/// When a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the root was entered.
    Entry,
    /// When it returned.
    Exit,
}

/// Whether a root's call meets a condition.
pub fn holds(
    condition: &Where,
    root: &Call,
    functions: &FunctionTable,
    (moment, sleep): (Moment, SleepTime),
) -> bool {
    meets(&condition.condition, root, functions, (moment, sleep))
}

/// Whether a call, a root's or another one, meets a condition that has no text any more.
pub(super) fn meets(
    condition: &Condition,
    call: &Call,
    functions: &FunctionTable,
    (moment, sleep): (Moment, SleepTime),
) -> bool {
    let known = Known {
        root: call,
        functions,
        moment,
        sleep,
    };
    known.holds(condition)
}

/// What is known of a root.
struct Known<'a> {
    root: &'a Call,
    functions: &'a FunctionTable,
    moment: Moment,
    sleep: SleepTime,
}

/// What a path leads to.
enum Value {
    Number { number: i128, value: ValueType },
    Text(String),
}

impl Known<'_> {
    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Both(one, other) => self.holds(one) && self.holds(other),
            Condition::Either(one, other) => self.holds(one) || self.holds(other),
            Condition::Not(inner) => !self.holds(inner),
            Condition::Compare {
                left,
                comparison,
                right,
                ..
            } => self
                .compare(left, *comparison, right)
                .or_else(|| self.compare(right, comparison.mirrored(), left))
                .unwrap_or(false),
        }
    }

    /// None if the left side is nothing that is known of the call, or the right side cannot be
    /// compared with it.
    fn compare(&self, left: &Operand, comparison: Comparison, right: &Operand) -> Option<bool> {
        let Operand::Path { path, mask } = left else {
            return None;
        };
        match (self.value(path)?, right) {
            (
                Value::Text(text),
                Operand::Text {
                    text: wanted,
                    is_prefix,
                },
            ) => {
                let is_equal = if *is_prefix {
                    text.as_bytes().starts_with(wanted)
                } else {
                    text.as_bytes() == wanted.as_slice()
                };
                match comparison {
                    Comparison::Equal => Some(is_equal),
                    Comparison::NotEqual => Some(!is_equal),
                    _ => None,
                }
            }
            (Value::Number { number, value }, right) => {
                let wanted = constant(right, &value).or_else(|| self.other(right))?;
                let number = masked(number, mask.as_deref(), &value)?;
                Some(comparison.holds(number.cmp(&wanted)))
            }
            (Value::Text(_), _) => None,
        }
    }

    /// The number of a field that another one is compared with, as in `retval == size`.
    fn other(&self, operand: &Operand) -> Option<i128> {
        let Operand::Path { path, mask } = operand else {
            return None;
        };
        match self.value(path)? {
            Value::Number { number, value } => masked(number, mask.as_deref(), &value),
            Value::Text(_) => None,
        }
    }

    fn value(&self, path: &Path) -> Option<Value> {
        let name = path.to_string();
        let info = self.functions.get(self.root.function);
        match name.as_str() {
            RETURNED => {
                let returns = info.and_then(|info| info.returns.as_ref());
                let number = number::of(returns, self.root.closed.value()?)?;
                return Some(Value::Number {
                    number,
                    value: returns.cloned().unwrap_or(ValueType::Pointer),
                });
            }
            DURATION => {
                let duration = self.root.duration(self.sleep)?;
                return Some(Value::Number {
                    number: duration.0.into(),
                    value: ValueType::Unsigned { bytes: 8 },
                });
            }
            _ => {}
        }
        let field = info?.fields.iter().find(|field| field.name == name);
        let Some(field) = field else {
            return self.argument(&name);
        };
        let read = |at_exit| self.root.details.field(field.read.into(), at_exit);
        let found = match self.moment {
            Moment::Entry => read(false),
            Moment::Exit => read(true).or_else(|| read(false)),
        }?;
        if let FieldShape::Value(value) = &field.shape {
            let number = number::of(Some(value), *found.parts.first()?)?;
            return Some(Value::Number {
                number,
                value: value.clone(),
            });
        }
        let view = View::new(self.functions, self.root, Values::Typed);
        let typed = view.typed_fields().into_iter().find(|it| it.name == name)?;
        let at_end = typed.at_exit.filter(|_| self.moment == Moment::Exit);
        match at_end.unwrap_or(typed.value)? {
            FieldValue::Written(text) => Some(Value::Text(text)),
            FieldValue::Number(_) => None,
        }
    }

    /// An argument of which the register was recorded.
    fn argument(&self, name: &str) -> Option<Value> {
        let view = View::new(self.functions, self.root, Values::Typed);
        let given = view
            .typed_arguments()
            .into_iter()
            .find(|it| it.name == name)?;
        if let Some(text) = given.text {
            return Some(Value::Text(text.into_owned()));
        }
        let (number, value) = match given.value? {
            values::Typed::Bool(value) => (value.into(), ValueType::Bool),
            values::Typed::Signed(value) | values::Typed::Listed(value) => {
                (value.into(), ValueType::Signed { bytes: 8 })
            }
            values::Typed::Unsigned(value) => (value.into(), ValueType::Unsigned { bytes: 8 }),
            values::Typed::Bits(bits) => (bits.into(), ValueType::Pointer),
        };
        Some(Value::Number { number, value })
    }
}

/// The bits of a number that are looked at.
fn masked(number: i128, mask: Option<&Operand>, value: &ValueType) -> Option<i128> {
    match mask {
        Some(mask) => Some(number & constant(mask, value)?),
        None => Some(number),
    }
}

/// The number that stands in a condition, for what is compared with it.
fn constant(operand: &Operand, value: &ValueType) -> Option<i128> {
    let named = |name: &str| match value {
        ValueType::Enum { names, .. } if names.iter().any(|(_, known)| known == name) => {
            let found = names.iter().find(|(_, known)| known == name);
            found.map(|(number, _)| i128::from(*number))
        }
        _ => values::error_number(name).map(i128::from),
    };
    match operand {
        // A negative number has all of its upper bits.
        Operand::Number(bits) if bits.cast_signed() < 0 => number::of(Some(value), *bits),
        Operand::Number(bits) => Some(number::of_bits(Some(value), *bits)),
        Operand::Path { path, mask: None } if path.steps.is_empty() => named(&path.argument.text),
        Operand::Negative(name) => named(&name.text).map(|number| -number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Closed, CpuId, Detail, Details, Field, FieldInfo, FunctionId, FunctionInfo, Nanoseconds,
        ParameterInfo,
    };

    fn functions() -> FunctionTable {
        let value = |name: &str, read, value| FieldInfo {
            name: name.to_owned(),
            read,
            shape: FieldShape::Value(value),
        };
        let info = FunctionInfo {
            parameters: vec![ParameterInfo {
                name: "len".to_owned(),
                value: ValueType::Unsigned { bytes: 4 },
                registers: 1,
            }],
            fields: vec![
                value("sk->queued", 0, ValueType::Signed { bytes: 4 }),
                FieldInfo {
                    name: "file.path".to_owned(),
                    read: 1,
                    shape: FieldShape::Text,
                },
                value("sk->gone", 2, ValueType::Unsigned { bytes: 4 }),
            ],
            ..FunctionInfo::new("f".to_owned(), Some(ValueType::Signed { bytes: 4 }))
        };
        FunctionTable::new([(FunctionId(1), info)].into_iter())
    }

    fn call() -> Call {
        let field = |read, at_exit, parts: &[u64]| {
            Detail::Field(Field {
                read,
                at_exit,
                parts: parts.to_vec(),
            })
        };
        let details: Details = [
            Detail::Arguments(vec![1000]),
            field(0, false, &[(-3_i64).cast_unsigned()]),
            field(1, false, &[u64::from_ne_bytes(*b"log\0\0\0\0\0")]),
            field(2, false, &[]),
            field(0, true, &[8]),
        ]
        .into_iter()
        .collect();
        Call {
            function: FunctionId(1),
            depth: 0,
            entered: Some(Nanoseconds(10)),
            cpu: CpuId(0),
            context: tracer_common::Context::Task,
            off_cpu: Nanoseconds(0),
            closed: Closed::Returned {
                at: Nanoseconds(2_000_010),
                value: (-11_i64).cast_unsigned(),
                cpu: CpuId(0),
            },
            details,
            folded: None,
            frame: 0,
        }
    }

    #[test]
    fn a_condition_is_about_what_was_recorded() {
        let (functions, call) = (functions(), call());
        for (condition, at_entry, at_exit) in [
            ("sk->queued == -3", true, false),
            ("sk.queued < 0", true, false),
            ("8 == sk->queued", false, true),
            ("sk->queued & 8 && len > 999", true, true),
            ("len == 1000 || sk->queued == 1", true, true),
            ("len > sk->queued", true, true),
            ("sk->queued == len", false, false),
            ("retval < len && retval != sk->queued", true, true),
            ("sk->queued & 8 == len & 8", true, true),
            ("len != sk->gone", false, false),
            ("file.path == \"log\"", true, true),
            ("file.path == \"lo\"*", true, true),
            ("file.path != \"lo\"*", false, false),
            ("sk->gone == 0", false, false),
            ("sk->gone != 0", false, false),
            ("!(sk->gone != 0)", true, true),
            ("sk->never == 1", false, false),
            ("retval == -EAGAIN", true, true),
            ("retval < 0 && duration > 1ms", true, true),
            ("duration > 2ms", false, false),
            ("0xfffffff5 == retval", true, true),
        ] {
            let wanted = Where::parse(condition).unwrap();
            let met = |moment| holds(&wanted, &call, &functions, (moment, SleepTime::Counted));
            assert_eq!(
                [met(Moment::Entry), met(Moment::Exit)],
                [at_entry, at_exit],
                "{condition}"
            );
        }
    }
}
