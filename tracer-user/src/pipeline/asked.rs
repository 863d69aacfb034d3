//! Functions that are asked for by name in a recording: a name that no function in it has would
//! show nothing, or change nothing, so it is said, with what is like it.
//!
//! A recording is known when it was read, so this is known at its end. Of one that was not read to
//! its end, because it had enough calls, nothing is said.

use std::collections::BTreeSet;

use super::Show;
use crate::{
    filter::{Name, NotRecorded},
    model::near,
    recording::Data,
};

/// The names, and which of them a recording has.
pub struct Asked<'a> {
    missing: Vec<(&'static str, &'a Name)>,
    /// The names of all functions that were seen, as long as something is missing.
    seen: BTreeSet<String>,
}

impl<'a> Asked<'a> {
    /// Nothing has been seen yet.
    pub fn of(show: &'a Show) -> Self {
        let named = show.filter.named().chain(show.selection.named());
        Self {
            missing: named.collect(),
            seen: BTreeSet::new(),
        }
    }

    /// Sees the functions of a stretch of the stream.
    pub fn see(&mut self, data: &Data) {
        if self.missing.is_empty() {
            return;
        }
        for info in data.functions.iter().filter_map(|it| it.info.as_ref()) {
            // A place in a function is known by the function.
            let name = info.name.split('+').next().unwrap_or(&info.name);
            self.missing.retain(|(_, wanted)| !wanted.is(name));
            self.seen.insert(name.to_owned());
        }
    }

    /// The names that no function has.
    pub fn missing(&self) -> Vec<NotRecorded> {
        let missing = self.missing.iter();
        missing
            .map(|(option, name)| NotRecorded {
                option,
                name: name.typed.clone(),
                near: near(&name.typed, self.seen.iter().map(String::as_str), |_| true),
            })
            .collect()
    }
}
