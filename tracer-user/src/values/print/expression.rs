//! The part of C that formats use: evaluated while it is read.

use std::borrow::Cow;

use super::list;
use crate::{
    model::{Field, FieldKind, RecordType},
    values::record,
};

/// Nesting that is followed.
const DEEPEST: u32 = 64;

/// What an expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, of whatever type.
    Number(i128),
    /// Text.
    Text(Cow<'a, str>),
    /// What an array has, or a field whose address is taken.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// As a number.
    pub fn into_number(self) -> Option<i128> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(_) | Self::Bytes(_) => None,
        }
    }

    /// As text.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => Some(record::text(bytes)),
            Self::Number(_) => None,
        }
    }
}

/// What is left to read.
pub struct Parser<'a> {
    of: &'a RecordType,
    record: &'a [u8],
    rest: &'a str,
    depth: u32,
}

/// Operators of two sides, those that bind weakest first.
const BINARY: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl<'a> Parser<'a> {
    /// Of the format of a record.
    pub fn new(of: &'a RecordType, record: &'a [u8]) -> Self {
        Self {
            of,
            record,
            rest: of.print.trim(),
            depth: 0,
        }
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    /// Takes this, which must come next.
    pub fn expect(&mut self, token: &str) -> Option<()> {
        self.take(token).then_some(())
    }

    /// Takes this, if it comes next.
    pub fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(token);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    /// A string, or several side by side, which are one.
    pub fn literal(&mut self) -> Option<String> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let letter = self.letter()?;
            match letter {
                '"' if self.take("\"") => {}
                '"' => return Some(text),
                '\\' => text.push(match self.letter()? {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                _ => text.push(letter),
            }
        }
    }

    fn letter(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    /// An expression with `?:`.
    pub fn expression(&mut self) -> Option<Value<'a>> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let value = self.conditional();
        self.depth -= 1;
        value
    }

    fn conditional(&mut self) -> Option<Value<'a>> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Some(condition);
        }
        let one = self.expression()?;
        self.expect(":")?;
        let other = self.expression()?;
        Some(if is_true(&condition) { one } else { other })
    }

    fn binary(&mut self, level: usize) -> Option<Value<'a>> {
        let Some(operators) = BINARY.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.binary(level + 1)?;
            left = Value::Number(apply(operator, left.into_number()?, right.into_number()?)?);
        }
        Some(left)
    }

    /// One of these, if it comes next and is not the beginning of a longer one.
    fn operator(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        let rest = self.rest.trim_start();
        let doubled = ["||", "&&", "<<", ">>"];
        let found = *operators
            .iter()
            .find(|operator| rest.starts_with(**operator))?;
        let is_longer = found.len() == 1 && doubled.iter().any(|long| rest.starts_with(long));
        if is_longer {
            return None;
        }
        self.rest = &rest[found.len()..];
        Some(found)
    }

    fn unary(&mut self) -> Option<Value<'a>> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let value = self.unary_within();
        self.depth -= 1;
        value
    }

    fn unary_within(&mut self) -> Option<Value<'a>> {
        for operator in ["-", "~", "!", "+", "&", "*"] {
            if !self.take(operator) {
                continue;
            }
            let value = self.unary()?;
            return Some(match (operator, value) {
                ("&", value @ Value::Bytes(_)) => value,
                ("-", value) => Value::Number(value.into_number()?.wrapping_neg()),
                ("~", value) => Value::Number(!value.into_number()?),
                ("!", value) => Value::Number(i128::from(!is_true(&value))),
                ("+", value) => value,
                _ => return None,
            });
        }
        self.primary()
    }

    fn primary(&mut self) -> Option<Value<'a>> {
        let rest = self.rest.trim_start();
        self.rest = rest;
        match rest.chars().next()? {
            '"' => Some(Value::Text(self.literal()?.into())),
            '(' => self.parenthesis(),
            '0'..='9' => self.number().map(Value::Number),
            _ => {
                let word = self.word()?;
                self.named(word)
            }
        }
    }

    /// A cast, or an expression.
    fn parenthesis(&mut self) -> Option<Value<'a>> {
        self.expect("(")?;
        let before = self.rest;
        if let Some(cast) = self.cast() {
            let value = self.unary()?;
            return Some(match value {
                Value::Number(number) => Value::Number(cast.of(number)),
                other => other,
            });
        }
        self.rest = before;
        let value = self.expression()?;
        self.expect(")")?;
        self.indexed(value)
    }

    /// A type up to its parenthesis, if it is one.
    fn cast(&mut self) -> Option<Cast> {
        let mut words = Vec::new();
        while let Some(word) = self.word() {
            words.push(word);
        }
        let mut pointer = false;
        while self.take("*") {
            pointer = true;
        }
        if words.is_empty() || !self.take(")") {
            return None;
        }
        Cast::of_type(&words, pointer)
    }

    fn number(&mut self) -> Option<i128> {
        let rest = self.rest;
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        let number = number.trim_end_matches(['u', 'U', 'l', 'L']);
        let hex = number.strip_prefix("0x").or(number.strip_prefix("0X"));
        let number = match hex {
            Some(hex) => u64::from_str_radix(hex, 16),
            None if number.len() > 1 && number.starts_with('0') => u64::from_str_radix(number, 8),
            None => number.parse(),
        };
        number.ok().map(i128::from)
    }

    /// A word of C, if one comes next.
    pub fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest
            .find(|letter: char| !is_part(letter))
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        let begins = word.starts_with(|letter: char| !letter.is_ascii_digit());
        if word.is_empty() || !begins {
            return None;
        }
        self.rest = rest;
        Some(word)
    }

    /// What a word means.
    fn named(&mut self, word: &str) -> Option<Value<'a>> {
        if word == "REC" {
            self.expect("->")?;
            let name = self.word()?;
            let value = self.field(name)?;
            return self.indexed(value);
        }
        if word == "true" || word == "false" {
            return Some(Value::Number(i128::from(word == "true")));
        }
        self.expect("(")?;
        let value = list::call(self, word)?;
        self.expect(")")?;
        self.indexed(value)
    }

    /// An element of an array, if one is asked for.
    fn indexed(&mut self, value: Value<'a>) -> Option<Value<'a>> {
        if !self.take("[") {
            return Some(value);
        }
        let index = usize::try_from(self.expression()?.into_number()?).ok()?;
        self.expect("]")?;
        match value {
            // Of bytes alone it is known how large an element is.
            Value::Bytes(bytes) => bytes.get(index).map(|byte| Value::Number((*byte).into())),
            _ => None,
        }
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        let field = self.find(name)?;
        let bytes = record::own(field, self.record)?;
        Some(match field.kind {
            FieldKind::Number { signed: true } => Value::Number(record::signed(bytes).into()),
            FieldKind::Number { signed: false } | FieldKind::Pointer => {
                Value::Number(record::word(bytes).into())
            }
            FieldKind::Text | FieldKind::Numbers { .. } => Value::Bytes(bytes),
            FieldKind::VariableText | FieldKind::VariableNumbers { .. } => return None,
        })
    }

    /// What stands after the fields.
    pub fn variable(&self, name: &str) -> Option<&'a [u8]> {
        let field = self.find(name).filter(|field| field.kind.is_variable())?;
        record::variable(record::own(field, self.record)?, self.record)
    }

    fn find(&self, name: &str) -> Option<&'a Field> {
        self.of.fields.iter().find(|field| field.name == name)
    }
}

fn is_true(value: &Value<'_>) -> bool {
    !matches!(value, Value::Number(0))
}

fn apply(operator: &str, left: i128, right: i128) -> Option<i128> {
    let shift = || u32::try_from(right).ok().filter(|bits| *bits < 64);
    let truth = |is_true: bool| Some(i128::from(is_true));
    match operator {
        "||" => truth(left != 0 || right != 0),
        "&&" => truth(left != 0 && right != 0),
        "==" => truth(left == right),
        "!=" => truth(left != right),
        "<=" => truth(left <= right),
        ">=" => truth(left >= right),
        "<" => truth(left < right),
        ">" => truth(left > right),
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "&" => Some(left & right),
        "<<" => Some(left << shift()?),
        ">>" => Some(left >> shift()?),
        "+" => Some(left.wrapping_add(right)),
        "-" => Some(left.wrapping_sub(right)),
        "*" => Some(left.wrapping_mul(right)),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        _ => None,
    }
}

/// What a cast makes of a number.
#[derive(Clone, Copy, Debug)]
struct Cast {
    bytes: u32,
    signed: bool,
}

impl Cast {
    fn of_type(words: &[&str], pointer: bool) -> Option<Self> {
        if pointer {
            return Some(Self {
                bytes: 8,
                signed: false,
            });
        }
        let mut cast = Self {
            bytes: 4,
            signed: true,
        };
        for word in words {
            match *word {
                "unsigned" => cast.signed = false,
                "long" | "size_t" | "ssize_t" | "ino_t" => cast.bytes = 8,
                "short" => cast.bytes = 2,
                "char" | "bool" => cast.bytes = 1,
                "int" | "const" | "signed" | "pid_t" | "enum" => {}
                "u64" | "__u64" | "sector_t" | "loff_t" | "dev_t" | "gfp_t" => {
                    cast = Self {
                        bytes: 8,
                        signed: false,
                    };
                }
                "s64" | "__s64" => {
                    cast = Self {
                        bytes: 8,
                        signed: true,
                    }
                }
                "u32" | "__u32" => {
                    cast = Self {
                        bytes: 4,
                        signed: false,
                    }
                }
                "s32" | "__s32" => {
                    cast = Self {
                        bytes: 4,
                        signed: true,
                    }
                }
                "u16" | "__u16" => {
                    cast = Self {
                        bytes: 2,
                        signed: false,
                    }
                }
                "u8" | "__u8" => {
                    cast = Self {
                        bytes: 1,
                        signed: false,
                    }
                }
                _ => return None,
            }
        }
        Some(cast)
    }

    fn of(self, number: i128) -> i128 {
        #[allow(clippy::cast_possible_truncation, reason = "that is what a cast does")]
        let bits = number as u64;
        if self.signed {
            super::sign_extended(bits, self.bytes).into()
        } else {
            crate::values::truncated(bits, self.bytes).into()
        }
    }
}
