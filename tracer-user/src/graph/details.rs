//! How details of a call travel: as events after its entry's.
//!
//! An event of a detail has the time, the function, the frame and the context of the entry that it
//! belongs to, and a kind of its own. Here stand both ways, from an event to what the tree keeps
//! and from that to events, so that a new kind is added in one place.

use tracer_common::{Event, EventKind, StringPlace};

use crate::model::{Detail, Details, FunctionId};

/// The function whose call the event belongs to.
pub fn function(kind: EventKind, event: &Event) -> u32 {
    match kind {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a function's number has 32 bits"
        )]
        EventKind::Caller => event.value as u32,
        _ => event.function,
    }
}

/// Adds what an event says.
pub fn add(details: &mut Details, kind: EventKind, event: &Event) {
    match kind {
        EventKind::Caller => details.set_caller(FunctionId(event.function)),
        EventKind::Argument => details.add_argument(event.depth.into(), event.value),
        EventKind::Text => {
            let StringPlace { argument, part } = StringPlace::unpack(event.depth);
            details.add_text(argument, part, event.value);
        }
        _ => {}
    }
}

/// The events that say it again. `entry` is that of the call.
pub fn events(detail: &Detail, entry: &Event) -> Vec<Event> {
    let event = |kind, number: u32, value| Event {
        value,
        depth: u8::try_from(number).unwrap_or(u8::MAX),
        kind_and_context: entry.kind_and_context & 0xf0 | kind as u8,
        ..*entry
    };
    match detail {
        Detail::Caller(caller) => vec![Event {
            function: caller.0,
            depth: entry.depth,
            ..event(EventKind::Caller, 0, entry.function.into())
        }],
        Detail::Arguments(registers) => (0..)
            .zip(registers)
            .map(|(number, &register)| event(EventKind::Argument, number, register))
            .collect(),
        Detail::Text(text) => (0..)
            .zip(text.parts())
            .map(|(part, value)| {
                let argument = text.argument;
                event(
                    EventKind::Text,
                    StringPlace { argument, part }.pack(),
                    value,
                )
            })
            .collect(),
    }
}
