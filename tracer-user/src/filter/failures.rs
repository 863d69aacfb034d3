//! `--failed`: which failures count, such as `EINVAL,ENOMEM`, `!EAGAIN`, `null`.
//!
//! Without a list every error number does, and so it is with a list of exceptions alone. NULL and
//! false are failures of some functions and answers of others, so they count only where they are
//! named.

use std::str::FromStr;

use thiserror::Error;

use super::outcome::Failure;
use crate::{
    model::ValueType,
    values::{self, number::MAX_ERRNO},
};

/// A word of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `error`: every error number.
    AnyError,
    /// One kind of failure.
    One(Failure),
}

impl Kind {
    fn has(self, failure: Failure) -> bool {
        match self {
            Self::AnyError => matches!(failure, Failure::Error(_)),
            Self::One(one) => one == failure,
        }
    }
}

/// Which failures count. The default is every error number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    wanted: Vec<Kind>,
    exceptions: Vec<Kind>,
}

impl Failures {
    /// Whether every error number counts, and nothing else.
    #[must_use]
    pub const fn are_all_errors(&self) -> bool {
        self.wanted.is_empty() && self.exceptions.is_empty()
    }

    /// What the register of a function of this type holds, if it counts.
    #[must_use]
    pub fn find(&self, returns: Option<&ValueType>, register: u64) -> Option<Failure> {
        let failure = Failure::of(returns, register)?;
        let has = |kinds: &[Kind]| kinds.iter().any(|kind| kind.has(failure));
        let is_wanted = if self.wanted.is_empty() {
            Kind::AnyError.has(failure)
        } else {
            has(&self.wanted)
        };
        (is_wanted && !has(&self.exceptions)).then_some(failure)
    }
}

/// The text is no list of failures.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is no failure: write names of errors such as EINVAL,ENOMEM, `error` for all of them, \
    `null`, `false`, or exceptions such as !EAGAIN"
)]
pub struct NoFailure(String);

impl FromStr for Failures {
    type Err = NoFailure;

    fn from_str(text: &str) -> Result<Self, NoFailure> {
        let mut failures = Self::default();
        if text.is_empty() {
            return Ok(failures);
        }
        for word in text.split(',').map(str::trim) {
            let (list, name) = match word.strip_prefix('!') {
                Some(name) => (&mut failures.exceptions, name),
                None => (&mut failures.wanted, word),
            };
            list.push(kind(name).ok_or_else(|| NoFailure(word.to_owned()))?);
        }
        Ok(failures)
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "error" => Kind::AnyError,
        "null" => Kind::One(Failure::Null),
        "false" => Kind::One(Failure::False),
        _ => Kind::One(Failure::Error(errno(name.trim_start_matches('-'))?)),
    })
}

fn errno(name: &str) -> Option<u16> {
    let number = values::error_number(name).or_else(|| name.parse().ok())?;
    let number = u16::try_from(number).ok()?;
    (number > 0 && i128::from(number) <= MAX_ERRNO).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: ValueType = ValueType::Signed { bytes: 4 };

    fn counts(list: &str, returns: &ValueType, value: i64) -> bool {
        let failures: Failures = list.parse().unwrap();
        failures
            .find(Some(returns), value.cast_unsigned())
            .is_some()
    }

    #[test]
    fn a_list_names_what_counts_and_what_does_not() {
        for (list, value, expected) in [
            ("", -22, true),
            ("", 0, false),
            ("EINVAL,ENOMEM", -12, true),
            ("EINVAL,ENOMEM", -11, false),
            ("-EINVAL", -22, true),
            ("22", -22, true),
            ("!EAGAIN", -11, false),
            ("!EAGAIN", -22, true),
            ("error,!EAGAIN", -11, false),
            ("error", -4096, false),
        ] {
            assert_eq!(counts(list, &INT, value), expected, "{list} {value}");
        }
    }

    #[test]
    fn null_and_false_count_where_they_are_named() {
        assert!(!counts("", &ValueType::Pointer, 0));
        assert!(counts("null", &ValueType::Pointer, 0));
        assert!(!counts("null", &INT, 0));
        assert!(!counts("null", &ValueType::Pointer, -12));
        assert!(counts("null,error", &ValueType::Pointer, -12));
        assert!(counts("false", &ValueType::Bool, 0x100));
        assert!(!counts("false", &ValueType::Bool, 1));
    }

    #[test]
    fn what_is_no_failure_is_refused() {
        for wrong in ["EWHAT", "EINVAL,", "0", "4096", "!", "--1x"] {
            assert!(wrong.parse::<Failures>().is_err(), "{wrong}");
        }
    }
}
