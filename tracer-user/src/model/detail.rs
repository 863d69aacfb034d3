//! What is known of a call besides its two ends.
//!
//! A trace records some of it only where that was asked for, so a call has a list: most calls have
//! an empty one, which takes no memory of its own. How a detail travels in events is in
//! [`crate::graph`], how it reads in [`crate::values`].

use super::{FunctionId, Text};

/// One thing that is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Where it will go on in its caller, an address that is counted as functions are.
    Caller(FunctionId),
    /// The first argument registers at its entry.
    Arguments(Vec<u64>),
    /// The string that an argument points to.
    Text(Text),
}

/// All that is known of a call besides its ends, in the order in which it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(Vec<Detail>);

impl FromIterator<Detail> for Details {
    fn from_iter<I: IntoIterator<Item = Detail>>(details: I) -> Self {
        Self(details.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Details {
    type Item = &'a Detail;
    type IntoIter = std::slice::Iter<'a, Detail>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Details {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Detail> {
        self.0.iter()
    }

    /// Where the call will go on in its caller.
    #[must_use]
    pub fn caller(&self) -> Option<FunctionId> {
        self.0.iter().find_map(|detail| match detail {
            Detail::Caller(caller) => Some(*caller),
            _ => None,
        })
    }

    /// The first argument registers, as far as they were recorded.
    #[must_use]
    pub fn arguments(&self) -> &[u64] {
        let arguments = self.0.iter().find_map(|detail| match detail {
            Detail::Arguments(registers) => Some(registers.as_slice()),
            _ => None,
        });
        arguments.unwrap_or_default()
    }

    /// The strings that arguments point to, as far as they were recorded.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().filter_map(|detail| match detail {
            Detail::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Says where the call will go on; what was known of that goes.
    pub(crate) fn set_caller(&mut self, caller: FunctionId) {
        self.0.retain(|detail| !matches!(detail, Detail::Caller(_)));
        self.0.push(Detail::Caller(caller));
    }

    /// Adds the register with that number. One that comes after a missing one is not known for
    /// what it is, and is skipped.
    pub(crate) fn add_argument(&mut self, number: usize, register: u64) {
        let known = self.0.iter_mut().find_map(|detail| match detail {
            Detail::Arguments(registers) => Some(registers),
            _ => None,
        });
        match known {
            Some(registers) if registers.len() == number => registers.push(register),
            None if number == 0 => self.0.push(Detail::Arguments(vec![register])),
            _ => {}
        }
    }

    /// Adds a part of the string that an argument points to.
    pub(crate) fn add_text(&mut self, argument: u32, part: u32, value: u64) {
        let last = self.0.iter_mut().rev().find_map(|detail| match detail {
            Detail::Text(text) => Some(text),
            _ => None,
        });
        if let Some(text) = last.filter(|text| text.argument == argument) {
            return text.push(part, value);
        }
        let mut text = Text::new(argument);
        text.push(part, value);
        self.0.push(Detail::Text(text));
    }
}
