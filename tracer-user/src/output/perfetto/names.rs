//! Names that are said once and then have a number, as Perfetto's form has it for what occurs
//! often.
//!
//! A name that is new goes into the packet that has it first. Memory goes with the number of
//! functions and of their parameters' names.

use rustc_hash::FxHashMap;
use tracer_common::Context;

use super::messages::{EventType, Interned, InternedData, TrackEvent};
use crate::model::{FunctionId, FunctionInfo, FunctionTable};

/// What a slice is of. Their numbers are places in [`CATEGORIES`], from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// What the task calls.
    Task = 1,
    /// What a soft interrupt calls.
    SoftIrq,
    /// What a hard interrupt calls.
    HardIrq,
    /// What an NMI calls.
    Nmi,
    /// The task is not running.
    OffCpu,
    /// Something is missing.
    Lost,
    /// An event of the kernel.
    Event,
}

const CATEGORIES: [&str; 7] = [
    "task", "softirq", "hardirq", "nmi", "off-cpu", "lost", "event",
];

/// The event that is a time off the CPU.
pub const OFF_CPU: u64 = 1;
/// The event that is a place where events were lost.
pub const EVENTS_LOST: u64 = 2;
/// The event that is a place where there was no room for events.
pub const EVENTS_NOT_KEPT: u64 = 3;
/// The events that are no functions.
const OTHER_EVENTS: [&str; 3] = ["off the CPU", "events lost", "events not kept"];

impl From<Context> for Category {
    fn from(context: Context) -> Self {
        match context {
            Context::Task => Self::Task,
            Context::SoftIrq => Self::SoftIrq,
            Context::HardIrq => Self::HardIrq,
            Context::Nmi => Self::Nmi,
        }
    }
}

/// The name of an event.
pub enum EventName {
    /// By its number.
    Known(u64),
    /// By itself, since it may be another one next time.
    Once(String),
}

/// All names that have a number.
#[derive(Default)]
pub struct Names<'a> {
    functions: FxHashMap<FunctionId, (u64, &'a FunctionInfo)>,
    words: FxHashMap<&'a str, u64>,
    new: InternedData,
}

impl<'a> Names<'a> {
    /// What is not a function's is new.
    pub fn new() -> Self {
        Self {
            new: InternedData {
                event_categories: numbered(&CATEGORIES),
                event_names: numbered(&OTHER_EVENTS),
                debug_annotation_names: Vec::new(),
            },
            ..Self::default()
        }
    }

    /// A function's name, with what is known of the function.
    pub fn function(
        &mut self,
        id: FunctionId,
        table: &'a FunctionTable,
    ) -> (EventName, Option<&'a FunctionInfo>) {
        if let Some(&(number, info)) = self.functions.get(&id) {
            return (EventName::Known(number), Some(info));
        }
        match table.get(id) {
            Some(info) => {
                let number = (OTHER_EVENTS.len() + self.functions.len()) as u64 + 1;
                self.functions.insert(id, (number, info));
                self.new.event_names.push(interned(number, &info.name));
                (EventName::Known(number), Some(info))
            }
            None => (EventName::Once(table.name(id).into_owned()), None),
        }
    }

    /// The number of an annotation's name.
    pub fn word(&mut self, word: &'a str) -> u64 {
        let next = self.words.len() as u64 + 1;
        *self.words.entry(word).or_insert_with(|| {
            let new = &mut self.new.debug_annotation_names;
            new.push(interned(next, word));
            next
        })
    }

    /// What is new since this was asked before.
    pub fn take_new(&mut self) -> Option<InternedData> {
        let new = std::mem::take(&mut self.new);
        (new != InternedData::default()).then_some(new)
    }
}

fn numbered(names: &[&str]) -> Vec<Interned> {
    (1..)
        .zip(names)
        .map(|(iid, name)| interned(iid, name))
        .collect()
}

fn interned(iid: u64, name: &str) -> Interned {
    Interned {
        iid,
        name: name.to_owned(),
    }
}

/// An event of that name without annotations.
pub fn event(track_uuid: u64, kind: EventType, category: Category, name: EventName) -> TrackEvent {
    let (name_iid, name) = match name {
        EventName::Known(number) => (Some(number), None),
        EventName::Once(name) => (None, Some(name)),
    };
    TrackEvent {
        category_iids: vec![category as u64],
        r#type: kind.into(),
        track_uuid,
        name_iid,
        name,
        ..TrackEvent::default()
    }
}
