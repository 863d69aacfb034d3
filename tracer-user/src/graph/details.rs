//! How details of a call travel: as events after its entry's.
//!
//! An event of a detail has the time, the function, the frame and the context of the entry that it
//! belongs to, and a kind of its own. Here stand both ways, from an event to what the tree keeps
//! and from that to events, so that a new kind is added in one place.

use tracer_common::{Event, EventKind, FieldPlace, StringPlace};

use crate::model::{CommandName, Detail, Details, FunctionId};

/// The function whose call the event belongs to.
pub fn function(kind: EventKind, event: &Event) -> u32 {
    match kind {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a function's number has 32 bits"
        )]
        EventKind::Caller | EventKind::Frame => event.value as u32,
        _ => event.function,
    }
}

/// The part of the name of the root call's process that an event has: its number, and its bytes.
pub const fn process_name(kind: EventKind, event: &Event) -> Option<(u32, u64)> {
    let place = StringPlace::unpack(event.depth);
    match kind {
        EventKind::String if place.argument == StringPlace::PROCESS => {
            Some((place.part, event.value))
        }
        _ => None,
    }
}

/// The events that say the name of the process again, after the root's `entry`.
pub fn process_events(name: CommandName, entry: &Event) -> Vec<Event> {
    let argument = StringPlace::PROCESS;
    let parts = (0..).zip(name.parts());
    let events = parts.map(|(part, value)| {
        of_entry(
            entry,
            EventKind::String,
            StringPlace { argument, part }.pack(),
            value,
        )
    });
    events.collect()
}

/// An event of another kind that belongs to an entry, or to an exit.
fn of_entry(entry: &Event, kind: EventKind, number: u32, value: u64) -> Event {
    Event {
        value,
        depth: u8::try_from(number).unwrap_or(u8::MAX),
        kind_and_context: entry.kind_and_context & 0xf0 | kind as u8,
        ..*entry
    }
}

/// Adds what an event says.
pub fn add(details: &mut Details, kind: EventKind, event: &Event) {
    match kind {
        EventKind::Caller => details.set_caller(FunctionId(event.function)),
        EventKind::Argument => details.add_argument(event.depth.into(), event.value),
        EventKind::String => {
            let StringPlace { argument, part } = StringPlace::unpack(event.depth);
            details.add_text(argument, part, event.value);
        }
        EventKind::Frame => details.add_frame(event.depth.into(), FunctionId(event.function)),
        EventKind::UserFrame => details.add_user_frame(event.depth.into(), event.value),
        EventKind::Field => details.add_field(FieldPlace::unpack(event.depth), event.value),
        _ => {}
    }
}

/// Whether it is known when the call returns, and not when it is entered.
pub const fn is_of_exit(detail: &Detail) -> bool {
    matches!(detail, Detail::Field(field) if field.at_exit)
}

/// The events that say it again. `entry` is that of the call, or its exit: see [`is_of_exit`].
pub fn events(detail: &Detail, entry: &Event) -> Vec<Event> {
    let event = |kind, number: u32, value| of_entry(entry, kind, number, value);
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
        Detail::Stack(frames) => (0..)
            .zip(frames)
            .map(|(number, frame)| Event {
                function: frame.0,
                ..event(EventKind::Frame, number, entry.function.into())
            })
            .collect(),
        Detail::UserStack(stack) => (0..)
            .zip(std::iter::once(stack.image.word()).chain(stack.frames.iter().copied()))
            .map(|(number, word)| event(EventKind::UserFrame, number, word))
            .collect(),
        Detail::String(text) => (0..)
            .zip(text.parts())
            .map(|(part, value)| {
                let argument = text.argument;
                event(
                    EventKind::String,
                    StringPlace { argument, part }.pack(),
                    value,
                )
            })
            .collect(),
        Detail::Field(field) => {
            let place = |part| FieldPlace {
                read: field.read,
                part,
                at_exit: field.at_exit,
                unreadable: field.is_unreadable(),
            };
            let unreadable = field.is_unreadable().then_some(0);
            (0..)
                .zip(field.parts.iter().copied().chain(unreadable))
                .map(|(part, value)| event(EventKind::Field, place(part).pack(), value))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Field;

    #[test]
    fn the_name_of_a_process_comes_back_as_it_went() {
        for (name, parts) in [
            ("a", 1),
            ("seven-b", 1),
            ("eight-by", 2),
            ("fifteen-bytes-x", 2),
        ] {
            let name: CommandName = name.parse().unwrap();
            let mut again = CommandName::default();
            let events = process_events(name, &Event::default());
            assert_eq!(events.len(), parts);
            for event in events {
                let (part, value) = process_name(event.kind().unwrap(), &event).unwrap();
                again.set_part(part, value);
            }
            assert_eq!(again, name);
        }
    }

    #[test]
    fn fields_come_back_as_they_went() {
        let field = |read, at_exit, parts: &[u64]| {
            Detail::Field(Field {
                read,
                at_exit,
                parts: parts.to_vec(),
            })
        };
        let all: Details = [
            field(0, false, &[7]),
            field(1, false, &[1, 2, 3, 4, 5, 6, 7, 8]),
            field(7, false, &[]),
            field(0, true, &[8]),
            field(1, true, &[]),
        ]
        .into_iter()
        .collect();
        let mut again = Details::default();
        for event in all.iter().flat_map(|one| events(one, &Event::default())) {
            add(&mut again, EventKind::Field, &event);
        }
        assert_eq!(again, all);
        // Without its first part nothing is known of a field.
        let mut late = Details::default();
        for event in all
            .iter()
            .flat_map(|one| events(one, &Event::default()))
            .skip(2)
        {
            add(&mut late, EventKind::Field, &event);
        }
        assert_eq!(late.field(1, false), None);
        assert!(late.field(7, false).is_some_and(Field::is_unreadable));
    }
}
