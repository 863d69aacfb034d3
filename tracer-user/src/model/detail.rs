//! What is known of a call besides its two ends.
//!
//! A trace records some of it only where that was asked for, so a call has a list: most calls have
//! an empty one, which takes no memory of its own. How a detail travels in events is in
//! [`crate::graph`], how it reads in [`crate::values`].

use tracer_common::FieldPlace;

use super::{Field, FunctionId, Image, RecordedString, UserStack};

/// One thing that is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Where it will go on in its caller, an address that is counted as functions are.
    Caller(FunctionId),
    /// The first argument registers at its entry.
    Arguments(Vec<u64>),
    /// The string that an argument points to.
    String(RecordedString),
    /// The kernel frames above it, its caller first, addresses that are counted as functions are.
    Stack(Vec<FunctionId>),
    /// The stack of the process.
    UserStack(UserStack),
    /// What was read of an argument, or of what it points to.
    Field(Field),
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
    pub fn strings(&self) -> impl Iterator<Item = &RecordedString> {
        self.0.iter().filter_map(|detail| match detail {
            Detail::String(text) => Some(text),
            _ => None,
        })
    }

    /// The kernel frames above it, its caller first; nothing if they were not recorded.
    #[must_use]
    pub fn stack(&self) -> &[FunctionId] {
        let stack = self.0.iter().find_map(|detail| match detail {
            Detail::Stack(frames) => Some(frames.as_slice()),
            _ => None,
        });
        stack.unwrap_or_default()
    }

    /// The stack of the process, if it was recorded.
    #[must_use]
    pub fn user_stack(&self) -> Option<&UserStack> {
        self.0.iter().find_map(|detail| match detail {
            Detail::UserStack(stack) => Some(stack),
            _ => None,
        })
    }

    /// What a read brought at that end of the call.
    #[must_use]
    pub fn field(&self, read: u32, at_exit: bool) -> Option<&Field> {
        self.0.iter().find_map(|detail| match detail {
            Detail::Field(field) if field.read == read && field.at_exit == at_exit => Some(field),
            _ => None,
        })
    }

    /// Adds the kernel frame with that number. As with arguments, one that comes after a missing
    /// one is skipped.
    pub(crate) fn add_frame(&mut self, number: usize, frame: FunctionId) {
        let known = self.stack_mut();
        match known {
            Some(frames) if frames.len() == number => frames.push(frame),
            None if number == 0 => self.0.push(Detail::Stack(vec![frame])),
            _ => {}
        }
    }

    /// The kernel frames, to change them.
    pub(crate) fn stack_mut(&mut self) -> Option<&mut Vec<FunctionId>> {
        self.0.iter_mut().find_map(|detail| match detail {
            Detail::Stack(frames) => Some(frames),
            _ => None,
        })
    }

    /// Adds the part of the process's stack with that number: first whose it is, then its frames.
    pub(crate) fn add_user_frame(&mut self, number: usize, word: u64) {
        let known = self.0.iter_mut().find_map(|detail| match detail {
            Detail::UserStack(stack) => Some(stack),
            _ => None,
        });
        match known {
            Some(stack) if stack.frames.len() + 1 == number => stack.frames.push(word),
            None if number == 0 => self.0.push(Detail::UserStack(UserStack {
                image: Image::of_word(word),
                frames: Vec::new(),
            })),
            _ => {}
        }
    }

    /// Adds a part of what was read. One that comes after a missing one is skipped.
    pub(crate) fn add_field(&mut self, place: FieldPlace, value: u64) {
        let FieldPlace {
            read,
            part,
            at_exit,
            unreadable,
        } = place;
        let known = self.0.iter_mut().rev().find_map(|detail| match detail {
            Detail::Field(field) if field.read == read && field.at_exit == at_exit => Some(field),
            _ => None,
        });
        match known {
            Some(field) if !unreadable && part as usize == field.parts.len() => {
                field.parts.push(value);
            }
            None if part == 0 => self.0.push(Detail::Field(Field {
                read,
                at_exit,
                parts: if unreadable { Vec::new() } else { vec![value] },
            })),
            _ => {}
        }
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
            Detail::String(text) => Some(text),
            _ => None,
        });
        if let Some(text) = last.filter(|text| text.argument == argument) {
            return text.push(part, value);
        }
        let mut text = RecordedString::new(argument);
        text.push(part, value);
        self.0.push(Detail::String(text));
    }
}
