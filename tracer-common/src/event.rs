//! Events: what a probe's hit becomes.
//!
//! An event is 24 bytes: what happened, when, to which function. Most of what identifies it (task,
//! CPU, sequence number, command name) is the same for all events of a batch and stands once in the
//! [header](crate::BatchHeader). What more there is to say of a call is in events after its
//! entry's, eight bytes each: arguments, [strings](crate::StringPlace),
//! [fields](crate::FieldPlace), frames.

use crate::context::Context;

/// Frames of a stack that are recorded at most, kernel and process apart.
pub const MAX_FRAMES: u32 = 64;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// A function was entered; `value` is 0.
    Entry = 1,
    /// A function returned; `value` is the return register, whatever the function's type.
    Exit = 2,
    /// The task was switched out; `function` and `value` are 0.
    Off = 3,
    /// The task runs again; `function` and `value` are 0.
    On = 4,
    /// The task died inside the root; `function` and `value` are 0.
    Died = 5,
    /// An argument of a call whose entry came before; `value` is the register, and `depth` says
    /// which it is, counted from 0.
    Argument = 6,
    /// Who made a call whose entry came before: `function` is where it will go on there, counted as
    /// functions are, and `value` is the function that was called.
    Caller = 7,
    /// A part of the string that an argument points to, eight bytes in `value` as they lie in
    /// memory; the string ends before its first zero. `depth` says which argument and which part:
    /// see [`crate::StringPlace`]. What belongs to no argument is the name of the process, see
    /// [`crate::StringPlace::PROCESS`].
    String = 8,
    /// The root returned unseen: its task was seen to call a root from outside of it; `function`
    /// and `value` are 0.
    Missed = 9,
    /// A field of a call that is open, eight bytes in `value`: a number, or a part of what has
    /// more. `depth` says which: see [`crate::FieldPlace`]. What is read at the exit comes before
    /// the exit's own event.
    Field = 10,
    /// A kernel frame above a call whose entry came before: `function` is where it will go on
    /// there, counted as functions are, `value` is the function that was called, and `depth` says
    /// which it is, the call's caller being 0.
    Frame = 11,
    /// A part of the stack of the process that the task belongs to, at a call whose entry came
    /// before. `depth` says which it is: number 0 says in `value` whose stack it is, the process in
    /// the low half and in the high half how many programs it had executed; the others are the
    /// addresses of the frames, the innermost first.
    UserFrame = 12,
    /// Something happened that the trace was asked to mark, such as a tracepoint's event:
    /// `function` is its number ([`crate::FIRST_MARK`]), `depth` says how many calls were open, as
    /// in an entry, `frame` how many bytes were recorded of it, and `value` are the first eight of
    /// those.
    Mark = 13,
    /// Eight bytes more of what was recorded of a mark that came before; `depth` says which,
    /// counted from 0.
    MarkPart = 14,
    /// A call of a function that called nothing that has a probe: its entry and its exit, two hits.
    /// `time_ns` is the entry's, `value` the exit's, and `frame` is how long it took, ns. See
    /// [`Event::ends`].
    Leaf = 15,
}

impl EventKind {
    /// The kind that a byte of the wire stands for.
    pub const fn from_u8(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Entry,
            2 => Self::Exit,
            3 => Self::Off,
            4 => Self::On,
            5 => Self::Died,
            6 => Self::Argument,
            7 => Self::Caller,
            8 => Self::String,
            9 => Self::Missed,
            10 => Self::Field,
            11 => Self::Frame,
            12 => Self::UserFrame,
            13 => Self::Mark,
            14 => Self::MarkPart,
            15 => Self::Leaf,
            _ => return None,
        })
    }
}

/// One hit of a probe, as it stands in a batch.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// CLOCK_MONOTONIC in ns, read once per event with `bpf_ktime_get_ns`.
    pub time_ns: u64,
    /// See [`EventKind`].
    pub value: u64,
    /// The low half of the function's address. Kernel, modules and BPF programs lie within the last
    /// 2 GiB on x86-64 (Documentation/arch/x86/x86_64/mm.rst), so it identifies the function.
    pub function: u32,
    /// Bits 3..19 of the address of the probe's context: the same for entry and exit of one call,
    /// different for calls that are open at the same time, so that an exit finds its entry whatever
    /// was lost between. Of a leaf it is the duration.
    pub frame: u16,
    /// Calls of the same root call that were open when the function was entered; 255 stands for
    /// more. The root's entry and exit have 0, and nothing else has.
    pub depth: u8,
    /// [`EventKind`] in the low four bits, [`Context`] in the high four.
    pub kind_and_context: u8,
}

impl Event {
    /// Packs kind and context into one byte. The context is a number here, see [`crate::context`].
    #[inline(always)]
    pub const fn pack(kind: EventKind, context: u8) -> u8 {
        kind as u8 | (context << 4)
    }

    /// The last eight bytes of an event, as a number.
    #[inline(always)]
    pub const fn identity(function: u32, frame: u16, depth: u8, kind_and_context: u8) -> u64 {
        function as u64
            | (frame as u64) << 32
            | (depth as u64) << 48
            | (kind_and_context as u64) << 56
    }

    /// As it lies in memory.
    #[inline]
    pub const fn to_bytes(self) -> [u8; size_of::<Self>()] {
        let identity = Self::identity(self.function, self.frame, self.depth, self.kind_and_context);
        let mut bytes = [0; size_of::<Self>()];
        let (time, rest) = bytes.split_at_mut(8);
        let (value, last) = rest.split_at_mut(8);
        time.copy_from_slice(&self.time_ns.to_ne_bytes());
        value.copy_from_slice(&self.value.to_ne_bytes());
        last.copy_from_slice(&identity.to_ne_bytes());
        bytes
    }

    /// From what lies in memory.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the fields of a number")]
    pub const fn from_bytes(bytes: [u8; size_of::<Self>()]) -> Self {
        let ([time, value, identity], _) = bytes.as_chunks::<8>() else {
            unreachable!()
        };
        let identity = u64::from_ne_bytes(*identity);
        Self {
            time_ns: u64::from_ne_bytes(*time),
            value: u64::from_ne_bytes(*value),
            function: identity as u32,
            frame: (identity >> 32) as u16,
            depth: (identity >> 48) as u8,
            kind_and_context: (identity >> 56) as u8,
        }
    }

    /// How many hits of probes it stands for, each of which has a number.
    #[inline]
    pub const fn hits(&self) -> u64 {
        if self.is_leaf() { 2 } else { 1 }
    }

    /// Whether it is a [`EventKind::Leaf`].
    #[inline]
    pub const fn is_leaf(&self) -> bool {
        self.kind_and_context & 0xf == EventKind::Leaf as u8
    }

    /// The entry and the exit that a leaf stands for. Nothing else is open between them, so they
    /// need no frame.
    #[inline]
    pub const fn ends(self) -> [Self; 2] {
        let context = self.kind_and_context >> 4;
        let entry = Self {
            value: 0,
            frame: 0,
            kind_and_context: Self::pack(EventKind::Entry, context),
            ..self
        };
        let exit = Self {
            time_ns: self.time_ns.saturating_add(self.frame as u64),
            value: self.value,
            kind_and_context: Self::pack(EventKind::Exit, context),
            ..entry
        };
        [entry, exit]
    }

    /// The kind, or none if the byte is damaged.
    pub const fn kind(&self) -> Option<EventKind> {
        EventKind::from_u8(self.kind_and_context & 0xf)
    }

    /// The context, or none if the byte is damaged.
    pub const fn context(&self) -> Option<Context> {
        Context::from_u8(self.kind_and_context >> 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_has_no_padding() {
        assert_eq!(size_of::<Event>(), 8 + 8 + 4 + 2 + 1 + 1);
    }

    #[test]
    fn an_event_is_the_same_bytes_as_in_memory() {
        let event = Event {
            time_ns: 0x0102_0304_0506_0708,
            value: 0x1112_1314_1516_1718,
            function: 0x2122_2324,
            frame: 0x3132,
            depth: 0x41,
            kind_and_context: 0x51,
        };
        let bytes = event.to_bytes();
        assert_eq!(bytes[16..20], event.function.to_ne_bytes());
        assert_eq!(bytes[20..22], event.frame.to_ne_bytes());
        assert_eq!(bytes[22..], [event.depth, event.kind_and_context]);
        assert_eq!(Event::from_bytes(bytes), event);
    }

    #[test]
    fn kind_and_context_survive_packing() {
        for kind in 1..=15 {
            for context in 0..=3 {
                let kind = EventKind::from_u8(kind).unwrap();
                let context = Context::from_u8(context).unwrap();
                let event = Event {
                    kind_and_context: Event::pack(kind, context as u8),
                    ..Event::default()
                };
                assert_eq!(event.kind(), Some(kind));
                assert_eq!(event.context(), Some(context));
            }
        }
        assert_eq!(Event::default().kind(), None);
    }

    #[test]
    fn a_leaf_is_an_entry_and_its_exit() {
        let leaf = Event {
            time_ns: 1000,
            value: 7,
            function: 0x8123_4567,
            frame: 250,
            depth: 3,
            kind_and_context: Event::pack(EventKind::Leaf, Context::SoftIrq as u8),
        };
        let [entry, exit] = leaf.ends();
        let kind = |event: &Event| (event.kind().unwrap(), event.context().unwrap());
        assert_eq!(kind(&entry), (EventKind::Entry, Context::SoftIrq));
        assert_eq!(kind(&exit), (EventKind::Exit, Context::SoftIrq));
        assert_eq!((entry.time_ns, entry.value), (1000, 0));
        assert_eq!((exit.time_ns, exit.value), (1250, 7));
        for end in [entry, exit] {
            assert_eq!((end.function, end.depth, end.hits()), (0x8123_4567, 3, 1));
        }
        assert_eq!(entry.frame, exit.frame);
        assert_eq!(leaf.hits(), 2);
    }
}
