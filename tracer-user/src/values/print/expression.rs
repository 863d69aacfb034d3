//! The part of C that formats use: evaluated while it is read.

use super::{
    cast::Cast,
    list,
    parser::Parser,
    value::{Value, is_true},
};

/// Nesting that is followed.
const DEEPEST: u32 = 64;

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
        if !self.tokens.take("?") {
            return Some(condition);
        }
        let one = self.expression()?;
        self.tokens.expect(":")?;
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
        let rest = self.tokens.ahead();
        let doubled = ["||", "&&", "<<", ">>"];
        let found = *operators
            .iter()
            .find(|operator| rest.starts_with(**operator))?;
        let is_longer = found.len() == 1 && doubled.iter().any(|long| rest.starts_with(long));
        if is_longer {
            return None;
        }
        self.tokens.return_to(&rest[found.len()..]);
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
            if !self.tokens.take(operator) {
                continue;
            }
            let value = self.unary()?;
            return Some(match (operator, value) {
                ("&", value @ Value::Array(_)) | ("+", value) => value,
                ("-", value) => Value::Number(value.into_number()?.wrapping_neg()),
                ("~", value) => Value::Number(!value.into_number()?),
                ("!", value) => Value::Number(i128::from(!is_true(&value))),
                _ => return None,
            });
        }
        self.primary()
    }

    fn primary(&mut self) -> Option<Value<'a>> {
        match self.tokens.ahead().chars().next()? {
            '"' => Some(Value::Text(self.tokens.literal()?.into())),
            '(' => self.parenthesis(),
            '0'..='9' => self.tokens.number().map(Value::Number),
            _ => {
                let word = self.tokens.word()?;
                self.named(word)
            }
        }
    }

    /// A cast, or an expression.
    fn parenthesis(&mut self) -> Option<Value<'a>> {
        self.tokens.expect("(")?;
        let before = self.tokens.ahead();
        if let Some(cast) = self.cast() {
            let value = self.unary()?;
            return Some(match value {
                Value::Number(number) => Value::Number(cast.of(number)),
                other => other,
            });
        }
        self.tokens.return_to(before);
        let value = self.expression()?;
        self.tokens.expect(")")?;
        self.indexed(value)
    }

    /// A type up to its parenthesis, if it is one.
    fn cast(&mut self) -> Option<Cast> {
        let mut words = Vec::new();
        while let Some(word) = self.tokens.word() {
            words.push(word);
        }
        let mut pointer = false;
        while self.tokens.take("*") {
            pointer = true;
        }
        if words.is_empty() || !self.tokens.take(")") {
            return None;
        }
        Cast::of_type(&words, pointer)
    }

    /// What a word means.
    fn named(&mut self, word: &str) -> Option<Value<'a>> {
        if word == "REC" {
            self.tokens.expect("->")?;
            let name = self.tokens.word()?;
            let value = self.field(name)?;
            return self.indexed(value);
        }
        if word == "true" || word == "false" {
            return Some(Value::Number(i128::from(word == "true")));
        }
        self.tokens.expect("(")?;
        let value = list::call(self, word)?;
        self.tokens.expect(")")?;
        self.indexed(value)
    }

    /// An element of an array, if one is asked for.
    fn indexed(&mut self, value: Value<'a>) -> Option<Value<'a>> {
        if !self.tokens.take("[") {
            return Some(value);
        }
        let index = usize::try_from(self.expression()?.into_number()?).ok()?;
        self.tokens.expect("]")?;
        match value {
            Value::Array(array) => array.at(index).map(Value::Number),
            _ => None,
        }
    }
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
