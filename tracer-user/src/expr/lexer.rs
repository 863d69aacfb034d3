//! What was typed, as words, numbers and marks, each with its place.

use super::error::{ExprError, Problem, Span};

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, or a keyword.
    Word(String),
    /// A number, with its unit applied.
    Number(u64),
    /// A text in quotes; a `*` after it says that more may follow.
    Text(Vec<u8>),
    /// A mark: see [`MARKS`].
    Mark(&'static str),
    /// The end.
    End,
}

/// Marks, the longer ones first.
const MARKS: [&str; 25] = [
    "->", "==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "!", "&", "*", "(", ")", "[", "]",
    ".", ",", ":", "-", "^", "|", "~", "+",
];

/// Numbers with these after them are so many times as large.
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
];

impl Token {
    /// As an error names it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Text(_) => "a text".to_owned(),
            Self::Mark(mark) => format!("`{mark}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Takes an expression apart. The last piece is [`Token::End`].
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, Span)>, ExprError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token(rest, first)
            .map_err(|(problem, length)| ExprError::new(source, at..at + length, problem))?;
        tokens.push((token, at..at + length));
        at += length;
    }
    tokens.push((Token::End, source.len()..source.len()));
    Ok(tokens)
}

/// The first piece, and how long it is.
fn token(rest: &str, first: char) -> Result<(Token, usize), (Problem, usize)> {
    if first.is_ascii_digit() {
        return number(rest);
    }
    if is_of_word(first) {
        let word = word(rest);
        return Ok((Token::Word(word.to_owned()), word.len()));
    }
    if first == '"' {
        let length = rest[1..].find('"').ok_or((Problem::OpenText, rest.len()))?;
        let text = rest.as_bytes()[1..=length].to_vec();
        return Ok((Token::Text(text), length + 2));
    }
    let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
    mark.map(|mark| (Token::Mark(mark), mark.len()))
        .ok_or_else(|| (Problem::Character(first.to_string()), first.len_utf8()))
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn word(rest: &str) -> &str {
    let end = rest.find(|letter| !is_of_word(letter));
    &rest[..end.unwrap_or(rest.len())]
}

fn number(rest: &str) -> Result<(Token, usize), (Problem, usize)> {
    let all = word(rest);
    let overflow = || (Problem::Number, all.len());
    if let Some(digits) = all.strip_prefix("0x").or_else(|| all.strip_prefix("0X")) {
        let end = digits.find(|digit: char| !digit.is_ascii_hexdigit());
        return match end {
            Some(end) => Err((Problem::Unit(digits[end..].to_owned()), all.len())),
            None => u64::from_str_radix(digits, 16)
                .map(|number| (Token::Number(number), all.len()))
                .map_err(|_| overflow()),
        };
    }
    let end = all.find(|digit: char| !digit.is_ascii_digit());
    let (digits, unit) = all.split_at(end.unwrap_or(all.len()));
    let times = match unit {
        "" => 1,
        unit => {
            let known = UNITS.iter().find(|(name, _)| *name == unit);
            known
                .map(|(_, times)| *times)
                .ok_or_else(|| (Problem::Unit(unit.to_owned()), all.len()))?
        }
    };
    let number: u64 = digits.parse().map_err(|_| overflow())?;
    let number = number.checked_mul(times).ok_or_else(overflow)?;
    Ok((Token::Number(number), all.len()))
}
